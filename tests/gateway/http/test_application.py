"""What every answer of the application has, whoever asks and whatever for."""

import io
import re
from typing import Any

import orjson
import pytest
from PIL import Image

from livecommerce.gateway.http.middleware import SECURITY_HEADERS
from livecommerce.kernel.errors import Code
from livecommerce.protocol.codes import TABLE
from tests.support.house import PARTNER, OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")

EVERYWHERE = (
    "/",
    "/account",
    "/studio",
    "/assets/app-1.js",
    "/healthz",
    "/metrics",
    "/v1/openapi.json",
    "/v1/rooms",
    "/v1/me",
    "/nowhere",
    "/media/nothing.mp4",
    "/v1/live",
)


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer_is_numbered_and_guarded(house: OpenedHouse, path: str):
    answer = await house.fetch(path)
    assert re.fullmatch(r"[0-9A-Z]{26}", answer.headers["X-Request-Id"])
    for name, value in SECURITY_HEADERS.items():
        assert answer.headers[name] == value
    assert "Strict-Transport-Security" not in answer.headers
    assert answer.status < 500
    assert (await house.fetch(path)).headers["X-Request-Id"] != answer.headers["X-Request-Id"]


async def test_the_policy_lets_no_foreign_script_in(house: OpenedHouse):
    policy = dict(
        part.strip().split(" ", 1)
        for part in (await house.fetch("/")).headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["base-uri"] == "'none'"
    assert "unsafe" not in str(policy)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "field"),
    [
        ("GET", "/nowhere", None, 404, "not_found", None),
        ("GET", "/v1/rooms/nothing", None, 404, "not_found", ...),
        ("GET", "/v1/rooms/%00", None, 404, "not_found", ...),
        ("DELETE", "/v1/rooms", None, 405, "method_not_allowed", None),
        ("POST", "/v1/auth/guest", b"{", 400, "bad_json", None),
        ("POST", "/v1/auth/guest", b'{"nome":"x"}', 400, "unknown_field", "nome"),
        ("POST", "/v1/auth/guest", b"{}", 400, "missing_field", "name"),
        ("POST", "/v1/auth/guest", b'{"name":7}', 400, "bad_field", "name"),
        ("POST", "/v1/auth/guest", b'"%s"' % (b"x" * 70_000), 413, "too_large", None),
        ("POST", "/v1/orders", b"{}", 401, "unauthenticated", None),
        ("GET", "/v1/me?token=x", None, 400, "token_in_url", None),
        ("GET", "/v1/products?limit=many", None, 400, "bad_field", "limit"),
    ],
)
async def test_a_problem_is_a_problem_document(
    house: OpenedHouse,
    method: str,
    path: str,
    body: bytes | None,
    status: int,
    code: str,
    field: Any,
):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    answer = await house.fetch(path, method=method, data=body, headers=headers)
    assert answer.status == status, answer.body
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    document = orjson.loads(answer.body)
    if field is not ...:
        assert document.get("field") == field
    expected = {
        "type": f"urn:livecommerce:error:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "code": code,
        "retry": TABLE[Code(code)].retry.value,
        "request_id": answer.headers["X-Request-Id"],
    }
    assert {name: document[name] for name in expected} == expected
    assert set(document) <= {*expected, "field", "after_ms", "data"}


async def test_what_may_be_done_instead_is_told(house: OpenedHouse):
    answer = await house.fetch("/v1/rooms", method="DELETE")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].replace(" ", "").split(","))


async def test_a_wait_is_told_in_the_document_and_the_header(house: OpenedHouse):
    body = {"login": "somebody@example.com", "password": "wrong wrong wrong"}
    answer = await house.fetch("/v1/auth/sign-in", method="POST", json=body)
    for _ in range(60):
        if answer.status == 429:
            break
        answer = await house.fetch("/v1/auth/sign-in", method="POST", json=body)
    document = orjson.loads(answer.body)
    assert (answer.status, document["code"], document["retry"]) == (429, "rate_limited", "after")
    assert int(answer.headers["Retry-After"]) == max(1, -(-document["after_ms"] // 1000))


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("own", True),
        (PARTNER, True),
        ("https://evil.example", False),
        ("null", False),
        ("https://partner.example.evil.example", False),
        ("file://", False),
    ],
)
async def test_other_sites_cannot_change_anything(
    house: OpenedHouse, origin: str | None, allowed: bool
):
    headers = {} if origin is None else {"Origin": house.url if origin == "own" else origin}
    answer = await house.fetch(
        "/v1/auth/guest", method="POST", json={"name": "Dana"}, headers=headers
    )
    if allowed:
        assert answer.status == 201
    else:
        assert answer.status == 403
        assert orjson.loads(answer.body)["code"] == "origin_not_allowed"
        assert "Set-Cookie" not in answer.headers
    # Reading is no change.
    assert (await house.fetch("/v1/rooms", headers=headers)).status == 200


@pytest.mark.parametrize(("origin", "is_secure"), [(None, False), (PARTNER, True)])
async def test_the_refresh_token_is_where_no_script_and_no_other_path_sees_it(
    house: OpenedHouse, origin: str | None, is_secure: bool
):
    headers = {} if origin is None else {"Origin": origin}
    answer = await house.fetch(
        "/v1/auth/guest", method="POST", json={"name": "Dana"}, headers=headers
    )
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("lc_refresh=")
    flags = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/v1/auth"} <= flags
    assert ("secure" in flags) is is_secure
    assert answer.headers["Cache-Control"] == "no-store"
    assert b'"refresh_token":null' in answer.body or b"refresh_token" not in answer.body


async def test_a_cookie_alone_is_not_enough_from_another_site(house: OpenedHouse):
    made = await house.fetch("/v1/auth/guest", method="POST", json={"name": "Dana"})
    cookie = made.headers["Set-Cookie"].partition(";")[0]
    other = await house.fetch(
        "/v1/auth/refresh",
        method="POST",
        headers={"Cookie": cookie, "Origin": "https://evil.example"},
    )
    assert other.status == 403
    own = await house.fetch(
        "/v1/auth/refresh", method="POST", headers={"Cookie": cookie, "Origin": house.url}
    )
    assert own.status == 200, own.body


@pytest.mark.parametrize("header", ["Basic abc", "Bearer", "Bearer ", "Bearer x.y.z", "x"])
async def test_a_token_that_is_none_is_refused_even_where_none_is_needed(
    house: OpenedHouse, header: str
):
    answer = await house.fetch("/v1/rooms", headers={"Authorization": header})
    assert answer.status == 401
    assert orjson.loads(answer.body)["code"] == "unauthenticated"


async def test_media_is_served_in_ranges(house: OpenedHouse):
    film = bytes(range(256)) * 400
    (house.services.settings.media_dir / "film.mp4").write_bytes(film)
    whole = await house.fetch("/media/film.mp4")
    assert (whole.status, whole.body) == (200, film)
    assert whole.headers["Content-Type"] == "video/mp4"
    part = await house.fetch("/media/film.mp4", headers={"Range": "bytes=100-299"})
    assert (part.status, part.body) == (206, film[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(film)}"
    tail = await house.fetch("/media/film.mp4", headers={"Range": "bytes=-10"})
    assert (tail.status, tail.body) == (206, film[-10:])
    beyond = await house.fetch("/media/film.mp4", headers={"Range": "bytes=9999999-"})
    assert beyond.status == 416
    again = await house.fetch("/media/film.mp4", headers={"If-None-Match": whole.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize("path", ["/media/", "/media/../secret", "/media/%2e%2e/secret", "/secret"])
async def test_nothing_else_of_the_data_folder_is_served(house: OpenedHouse, path: str):
    (house.services.settings.data_dir / "secret").write_text("the secret")
    answer = await house.fetch(path)
    assert answer.status >= 400
    assert b"the secret" not in answer.body


async def test_a_picture_is_taken_and_served_for_good(house: OpenedHouse):
    shop = await house.shop()
    drawn = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(drawn, "PNG")
    made = await house.fetch(
        f"/v1/merchants/{shop.merchant_id}/pictures",
        method="POST",
        data=drawn.getvalue(),
        headers={"Content-Type": "image/png", "Authorization": f"Bearer {shop.host.token}"},
    )
    assert made.status == 201, made.body
    picture = orjson.loads(made.body)
    answer = await house.fetch(f"/v1/pictures/{picture['id']}.webp")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert "immutable" in answer.headers["Cache-Control"]
