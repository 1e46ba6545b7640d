"""What an operator asks beside serving."""

import re
import resource
import sqlite3
from pathlib import Path

import msgspec
import pytest
from redis.asyncio import Redis

from livecommerce.app import doctor, make_seller, migrate, open_house, sign_in_link, verify
from livecommerce.config import BadSettings, Settings, secret_of
from livecommerce.database import migrations
from livecommerce.kernel.errors import Refused
from tests.support.house import SECRET, running_house
from tests.support.shop import Host, Problem

EXAMPLES = Path(__file__).parents[2] / "docs/operations/examples"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, secret=SECRET)


async def test_migrate_brings_both_databases_to_the_newest_schema(settings: Settings):
    assert await migrate(settings) == {"shop": migrations.head(), "vault": migrations.head()}
    # Again is as good.
    assert await migrate(settings) == {"shop": migrations.head(), "vault": migrations.head()}


async def test_a_shop_that_was_used_has_no_breach(settings: Settings, tmp_path: Path):
    async with running_house(tmp_path) as house:
        shop = await house.shop()
        goods = await shop.add_goods("oud", on_hand=4, slot=1)
        await shop.start_sale(goods, quota=2)
    checked: list[str] = []
    assert await verify(settings, checked.append) == []
    assert len(checked) > 20
    # Somebody lowers what lies in the warehouse, beneath what is promised.
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        database.execute("UPDATE stock_levels SET on_hand = 1")
    breaches = await verify(settings)
    assert breaches
    assert goods.variant_id in " ".join(breach.subject for breach in breaches)


async def test_doctor_says_what_is_missing_and_what_is_well(settings: Settings):
    before = {finding.name: finding for finding in await doctor(settings)}
    assert not before["database"].ok
    assert "livecommerce migrate" in before["database"].detail
    await migrate(settings)
    after = {finding.name: finding for finding in await doctor(settings)}
    assert after["database"].ok, after["database"]
    assert after["vault"].ok
    assert after["disk"].ok
    assert after["secret"].detail == "set"


async def test_doctor_compares_open_files_with_viewers(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    async def look(soft: int, hard: int, connections_max: int) -> tuple[bool, str]:
        monkeypatch.setattr(resource, "getrlimit", lambda which: (soft, hard))
        asked = msgspec.structs.replace(settings, connections_max=connections_max)
        (finding,) = [each for each in await doctor(asked) if each.name == "open files"]
        return finding.ok, finding.detail

    is_enough, detail = await look(4_096, 4_096, 20_000)
    assert not is_enough
    assert "limit 4096; LIVECOMMERCE_CONNECTIONS_MAX 20000 needs" in detail
    # What a process opens beside its viewers counts as well.
    assert not (await look(20_000, 20_000, 20_000))[0]
    is_enough, detail = await look(1_024, 65_536, 20_000)
    assert is_enough
    assert "`serve` raises to 65536" in detail
    assert (await look(1_024, resource.RLIM_INFINITY, 20_000))[0]
    assert (await look(4_096, 4_096, 3_000))[0]


async def test_doctor_says_whether_the_secret_is_made(tmp_path: Path):
    settings = Settings(data_dir=tmp_path)

    async def told() -> str:
        return {each.name: each.detail for each in await doctor(settings)}["secret"]

    assert await told() == f"will be made in {tmp_path / 'secret'}"
    secret_of(settings)
    assert await told() == f"kept in {tmp_path / 'secret'}"


async def test_doctor_knows_the_secret_of_the_examples(settings: Settings):
    example = (EXAMPLES / "livecommerce.env").read_text()
    (known,) = re.findall(r"^LIVECOMMERCE_SECRET=(.*)$", example, re.MULTILINE)
    for secret, is_ok in ((known, False), ("x" * 48, True)):
        findings = await doctor(msgspec.structs.replace(settings, secret=secret))
        assert {each.name: each.ok for each in findings}["secret"] is is_ok
    with pytest.raises(BadSettings, match="LIVECOMMERCE_SECRET"):
        secret_of(msgspec.structs.replace(settings, secret=known))


async def test_doctor_never_fails_itself(tmp_path: Path):
    nowhere = Settings(
        data_dir=tmp_path,
        database_url="postgresql+asyncpg://user:hidden-password@127.0.0.1:1/shop",
        public_url="https://live.example",
    )
    findings = {finding.name: finding for finding in await doctor(nowhere)}
    assert not findings["database"].ok
    assert "hidden-password" not in str(findings)
    # The vault is in it too, and is not one more thing to mend.
    assert findings["vault"] == ("vault", False, "as the database, which holds it")


async def test_doctor_looks_at_redis(tmp_path: Path, redis_url: str):
    async def look(**settings) -> tuple[bool, str]:
        findings = await doctor(Settings(data_dir=tmp_path, **settings))
        (finding,) = [each for each in findings if each.name == "backplane"]
        return finding.ok, finding.detail

    assert (await look())[0]
    assert (await look(redis_url=redis_url))[0]
    is_fit, detail = await look(redis_url=redis_url, redis_cluster=True)
    assert not is_fit
    assert "cluster" in detail
    is_fit, detail = await look(redis_url="redis://:hidden@127.0.0.1:1/0")
    assert not is_fit
    assert "hidden" not in detail
    async with Redis.from_url(redis_url) as client:
        await client.config_set("maxmemory-policy", "allkeys-lru")
        assert not (await look(redis_url=redis_url))[0]
        await client.config_set("maxmemory-policy", "noeviction")


async def test_a_link_signs_in_once(settings: Settings, tmp_path: Path):
    async with running_house(tmp_path) as house:
        person: Host = await house.person("Huda")
        link = await sign_in_link(settings, person.login)
        _, _, token = link.partition("#link=")
        tokens = await house.api.post("/v1/auth/link", {"token": token})
        assert tokens["person"]["id"] == person.person_id
        answer = await house.fetch("/v1/auth/link", method="POST", json={"token": token})
        assert answer.status == 401
    with pytest.raises(Refused):
        await sign_in_link(settings, "nobody@example.com")


async def test_who_may_sell_where_not_everybody_may(settings: Settings, tmp_path: Path):
    login = "noura@example.com"
    async with running_house(tmp_path, everybody_may_sell=False) as house:
        host = await Host.sign_up(house.api, login=login)
        wish = {"name": {"en": "Souq"}, "slug": "souq-goods"}
        with pytest.raises(Problem) as told:
            await host.ask("POST", "/v1/merchants", wish)
        assert told.value.code == "forbidden"
    await make_seller(settings, login)
    async with running_house(tmp_path, everybody_may_sell=False) as house:
        assert (await house.api.post("/v1/merchants", wish, token=host.token))["id"]


async def test_one_process_serves_an_sqlite_file(settings: Settings, tmp_path: Path):
    async with running_house(tmp_path):
        with pytest.raises(BadSettings, match="served by another process"):
            async with open_house(settings):
                pytest.fail("two processes on one file")
        # Looking is allowed.
        assert await verify(settings) == []
    async with running_house(tmp_path):
        pass
