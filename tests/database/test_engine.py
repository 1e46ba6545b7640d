"""Reading sees one moment and cannot write; URLs that cannot keep the promises are refused."""

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.database import engine
from livecommerce.database.engine import Database, checked_url, named
from livecommerce.kernel.errors import Code, Refused
from tests.database.shop import buy, insert, levels, open_shop, orders, row


async def test_reading_is_of_one_moment(database: Database):
    sold = sa.select(sa.func.count()).select_from(orders)
    async with database.reading() as connection:
        before = await connection.scalar(sold)
        await database.writer.submit(buy())
        assert await connection.scalar(sold) == before == 0
    async with database.reading() as connection:
        assert await connection.scalar(sold) == 1


async def test_a_mistake_in_a_query_is_not_called_an_outage(database: Database):
    with pytest.raises(sa.exc.DBAPIError):
        await database.fetch(sa.text("SELECT nothing FROM nowhere"))


async def test_a_query_that_takes_too_long_is_given_up(postgres_url: str):
    shop = await open_shop(postgres_url)

    async def ask_for_too_much() -> None:
        async with shop.reading() as connection:
            await connection.exec_driver_sql("SET LOCAL statement_timeout = 50")
            await connection.exec_driver_sql("SELECT pg_sleep(3)")

    with pytest.raises(Refused, match="unavailable"):
        await ask_for_too_much()
    await shop.close()


@pytest.mark.parametrize("statement", ["DELETE FROM levels", "CREATE TABLE mine (id TEXT)"])
async def test_readers_cannot_write(database: Database, statement: str):
    with pytest.raises((sa.exc.DBAPIError, Refused)):
        async with database.reading() as connection:
            await connection.exec_driver_sql(statement)
    with pytest.raises((sa.exc.DBAPIError, Refused)):
        await database.fetch(sa.text(statement))
    assert await row(database, levels, "shirt") is not None


async def test_a_reader_gives_its_connection_back(database: Database):
    async def fail() -> None:
        async with database.reading() as connection:
            await connection.scalar(sa.select(sa.func.count()).select_from(levels))
            raise LookupError

    for _ in range(20):
        with pytest.raises(LookupError):
            await fail()
    await asyncio.gather(*(row(database, levels, "shirt") for _ in range(50)))


async def test_a_cancelled_reader_stays_cancelled_and_keeps_nothing(database: Database):
    async def read() -> None:
        async with database.reading() as connection:
            for _ in range(50):
                await connection.exec_driver_sql("SELECT 1")

    for turn in range(60):
        reader = asyncio.create_task(read() if turn % 2 else database.fetch(sa.text("SELECT 1")))
        await asyncio.sleep(turn * 0.0002)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
    # Every connection is back: as many as there are can read at once.
    assert await asyncio.gather(*(database.fetch_one(sa.text("SELECT 1")) for _ in range(8)))
    assert database._readers.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_too_many_readers_are_refused(database: Database, monkeypatch):
    gate = asyncio.Event()

    async def hold() -> None:
        async with database.reading():
            await gate.wait()

    holding = [asyncio.create_task(hold()) for _ in range(engine._READERS_MAX)]
    await asyncio.sleep(0.1)
    with pytest.raises(Refused) as caught:
        async with asyncio.timeout(10):
            await row(database, levels, "shirt")
    assert caught.value.code is Code.UNAVAILABLE
    gate.set()
    await asyncio.gather(*holding, return_exceptions=True)


async def test_fetch_one_gives_a_row_or_none(database: Database):
    shirt = await database.fetch_one(sa.select(levels).where(levels.c.id == "shirt"))
    assert shirt is not None
    assert shirt["on_hand"] == 1_000
    assert shirt["is_open"] is True
    assert await database.fetch_one(sa.select(levels).where(levels.c.id == "hat")) is None


@pytest.mark.parametrize(
    "url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:", "sqlite:///x.db", "mysql://x"]
)
def test_an_unfit_url_is_refused(url: str):
    with pytest.raises(ValueError, match=r"SQLite needs a file|not sqlite\+aiosqlite"):
        checked_url(url)


def test_a_network_filesystem_is_refused(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(engine, "_filesystem_of", lambda path: "nfs4")
    with pytest.raises(ValueError, match="network filesystem"):
        checked_url(f"sqlite+aiosqlite:///{tmp_path}/shop.db")


def test_the_filesystem_of_a_path_is_that_of_its_mount():
    assert engine._filesystem_of(Path("/proc/self")) == "proc"


async def test_what_is_stored_survives_reopening(url: str):
    first = await open_shop(url)
    await first.writer.submit(insert(levels, id="shirt", on_hand=3))
    await first.close()
    second = await open_shop(url, create=False)
    assert (await second.writer.submit(buy())).left == 2
    await second.close()


async def test_sqlite_is_set_up_to_keep_its_promises(tmp_path: Path):
    shop = await open_shop(f"sqlite+aiosqlite:///{tmp_path}/new folder/shop.db")
    await shop.writer.submit(insert(levels, id="shirt", on_hand=3))
    connection: Any = shop.writer._connection

    def pragma(name: str) -> Any:
        return connection._open().execute(f"PRAGMA {name}").fetchone()[0]

    settings = {
        name: await connection._run(lambda name=name: pragma(name))
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    }
    assert settings == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 500,
    }
    tables = await shop.fetch(sa.text("SELECT name, strict FROM pragma_table_list"))
    assert all(one["strict"] for one in tables if not one["name"].startswith("sqlite_"))
    await shop.close()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("postgresql+asyncpg://shop:s,e/t@db:5432/shop", "db:5432/shop"),
        ("postgresql+asyncpg://db:5432/shop?password=a%40b", "postgresql+asyncpg://db:5432/shop"),
        ("sqlite+aiosqlite:////data/shop.db", "sqlite+aiosqlite:////data/shop.db"),
        ("/data/sandbox.db", "/data/sandbox.db"),
    ],
)
def test_people_are_told_no_passwords(address: str, told: str):
    assert named(address) == told
