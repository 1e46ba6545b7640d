import gzip
from pathlib import Path

import orjson
import pytest

from tests.support.house import SCRIPT, OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")

ZIPPED = {"Accept-Encoding": "br, gzip"}


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/", "index"),
        ("/account", "account"),
        ("/studio", "studio"),
        ("/studio/anything", "studio"),
    ],
)
async def test_pages_come_fresh(house: OpenedHouse, path: str, page: str):
    answer = await house.fetch(path)
    assert answer.status == 200
    assert f"<title>{page}</title>".encode() in answer.body
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_a_hashed_asset_is_kept_for_a_year(house: OpenedHouse):
    answer = await house.fetch("/assets/app-1.js")
    assert (answer.status, answer.body) == (200, SCRIPT)
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "Content-Encoding" not in answer.headers


async def test_an_asset_comes_zipped_to_those_who_can_read_it(house: OpenedHouse):
    answer = await house.fetch("/assets/app-1.js", headers=ZIPPED)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(answer.body) == SCRIPT
    for unwilling in ("identity", "gzip;q=0", "gzip; q=0.000", "br"):
        plain = await house.fetch("/assets/app-1.js", headers={"Accept-Encoding": unwilling})
        assert plain.body == SCRIPT, unwilling
    # There is no zipped sister of this one.
    assert (await house.fetch("/assets/plain-1.css", headers=ZIPPED)).body == b"a { color: red }"


async def test_what_a_browser_has_is_not_sent_again(house: OpenedHouse):
    etag = (await house.fetch("/assets/app-1.js")).headers["ETag"]
    for said in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = await house.fetch("/assets/app-1.js", headers={"If-None-Match": said})
        assert (answer.status, answer.body) == (304, b""), said
        assert answer.headers["ETag"] == etag
    changed = await house.fetch("/assets/app-1.js", headers={"If-None-Match": '"other"'})
    assert changed.status == 200


async def test_an_asset_of_the_next_build_is_there_before_the_restart(
    house: OpenedHouse, web_dir: Path
):
    assert (await house.fetch("/assets/app-2.js")).status == 404
    (web_dir / "assets" / "app-2.js").write_bytes(SCRIPT)
    (web_dir / "assets" / "app-2.js.gz").write_bytes(gzip.compress(SCRIPT))
    answer = await house.fetch("/assets/app-2.js", headers=ZIPPED)
    assert (answer.status, gzip.decompress(answer.body)) == (200, SCRIPT)
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_files_at_the_top_are_kept_for_minutes(house: OpenedHouse):
    answer = await house.fetch("/robots.txt")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-1.js.gz",
        "/assets/app-1.js.map",
        "/assets/assets/app-1.js",
        "/assets/..%2frobots.txt",
        "/assets/%00.js",
        f"/assets/{'a' * 300}.js",
        "/room.html",
        "/assets/../room.html",
    ],
)
async def test_what_is_no_asset_is_not_there(house: OpenedHouse, path: str):
    assert (await house.fetch(path)).status == 404


async def test_a_room_that_is_not_there_has_no_page(house: OpenedHouse):
    answer = await house.fetch("/r/nothing")
    assert answer.status == 404
    assert orjson.loads(answer.body)["code"] == "not_found"
