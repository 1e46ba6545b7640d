"""Connections that break at the worst moment, full disks: nothing double, nothing lost."""

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need
from livecommerce.database.group_commit.postgresql import connect_arguments
from livecommerce.database.tables import commits
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from tests.database.faulty_network import Fault, faulty_network
from tests.database.shop import (
    Bought,
    Do,
    buy,
    check_book,
    count,
    insert,
    key_of,
    levels,
    open_shop,
    row,
)
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.postgres


async def prepared(url: str) -> None:
    shop = await open_shop(url)
    await shop.writer.submit(insert(levels, id="shirt", on_hand=1_000))
    await shop.close()


@pytest.mark.parametrize("with_keys", [True, False])
@pytest.mark.parametrize("seed", range(3))
async def test_a_commit_without_an_answer_is_settled(
    postgres_url: str, postgres_server: PostgresServer, tmp_path: Path, seed: int, with_keys: bool
):
    await prepared(postgres_url)
    near_url = postgres_url.replace(str(postgres_server.folder), str(tmp_path))
    async with faulty_network(postgres_server.folder, tmp_path, seed=seed, share=0.4) as network:
        shop = await open_shop(near_url, create=False, batch_max=4)

        async def customer(name: str) -> list[Bought]:
            return [
                await shop.writer.submit(
                    buy(name, idempotency=key_of(new_id()) if with_keys else None)
                )
                for _ in range(15)
            ]

        gathered = await asyncio.gather(*(customer(f"b{n}") for n in range(8)))
        answers = [answer for answers in gathered for answer in answers]
        assert set(network.faults) == {Fault.COMMIT_LOST, Fault.REPLY_LOST, Fault.CUT}
        assert shop.writer.counts.unknown_commits == len(network.faults)
        await shop.close()
    shop = await open_shop(postgres_url, create=False)
    assert len({answer.order_id for answer in answers}) == len(answers) == 120
    assert await check_book(shop) == 120
    await shop.close()


async def test_a_lost_commit_can_not_come_back(postgres_url: str):
    """Whoever asks whether a batch is stored settles it: the late COMMIT then fails."""
    shop = await open_shop(postgres_url)
    connection = shop.writer._connection
    slow = await asyncpg.connect(**connect_arguments(shop.url))
    transaction = slow.transaction()
    await transaction.start()
    store = (
        "INSERT INTO commits (id, is_void, entries, created_at, published_at) "
        "VALUES ($1, false, 0, 1, 1)"
    )
    await slow.execute(store, "under way")
    asked = asyncio.create_task(connection.has_committed("under way", 1))
    await asyncio.sleep(0.1)
    assert not asked.done(), "it waits for the transaction that may still commit"
    await transaction.commit()
    assert await asked is True
    assert await connection.has_committed("never begun", 1) is False
    with pytest.raises(asyncpg.UniqueViolationError):
        await slow.execute(store, "never begun")
    assert await connection.has_committed("never begun", 1) is False
    await slow.close()
    await shop.close()


@pytest.mark.parametrize("seed", range(3))
async def test_a_killed_connection_is_made_anew(
    postgres_url: str, postgres_server: PostgresServer, seed: int
):
    shop = await open_shop(postgres_url, batch_max=8)
    await shop.writer.submit(insert(levels, id="shirt", on_hand=1_000_000))
    killer = await asyncpg.connect(**connect_arguments(shop.url))
    dice, killed = random.Random(seed), 0

    async def kill() -> None:
        nonlocal killed
        while killed < 8:
            await asyncio.sleep(dice.random() * 0.05)
            killed += await killer.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE application_name = 'livecommerce writer' AND datname = current_database()"
            )

    async def customer(name: str) -> list[Bought]:
        answers = []
        while killed < 8:
            key = key_of(new_id())
            while True:
                try:
                    answers.append(await shop.writer.submit(buy(name, idempotency=key)))
                    break
                except Refused as refused:
                    if refused.code is not Code.UNAVAILABLE:
                        raise
        return answers

    killing = asyncio.create_task(kill())
    gathered = await asyncio.gather(*(customer(f"b{n}") for n in range(16)))
    answers = [answer for answers in gathered for answer in answers]
    await killing
    assert shop.writer.counts.retries + shop.writer.counts.unknown_commits > 0
    assert len({answer.order_id for answer in answers}) == len(answers)
    assert await check_book(shop) == len(answers)
    await killer.close()
    await shop.close()


async def test_a_database_that_is_away_is_said_to_be(tmp_path: Path):
    url = f"postgresql+asyncpg://postgres@/nowhere?host={tmp_path}"
    shop = await open_shop(url, create=False)
    with pytest.raises(Refused, match="unavailable"):
        await shop.writer.submit(buy())
    with pytest.raises(Refused, match="unavailable"):
        await row(shop, levels, "shirt")
    await shop.close()


async def test_a_row_held_for_too_long_is_given_up(postgres_url: str):
    """Someone's forgotten transaction makes us unavailable, not stuck."""
    shop = await open_shop(postgres_url)
    await shop.writer.submit(insert(levels, id="shirt", on_hand=10))
    other = await asyncpg.connect(**connect_arguments(shop.url))
    async with other.transaction():
        await other.execute("SELECT 1 FROM levels WHERE id = 'shirt' FOR UPDATE")
        task = asyncio.create_task(shop.writer.submit(buy()))
        await asyncio.sleep(2.5)
        assert not task.done()
        assert shop.writer.counts.retries >= 1
    assert (await task).left == 9
    async with other.transaction():
        await other.execute("SELECT 1 FROM levels WHERE id = 'shirt' FOR UPDATE")
        async with asyncio.timeout(7):
            with pytest.raises(Refused, match="unavailable"):
                await shop.writer.submit(buy())
    assert (await shop.writer.submit(buy())).left == 8
    await other.close()
    await shop.close()


@pytest.fixture
async def sqlite_shop(tmp_path: Path) -> Database:
    shop = await open_shop(f"sqlite+aiosqlite:///{tmp_path}/shop.db")
    await shop.writer.submit(insert(levels, id="shirt", on_hand=10_000))
    return shop


async def test_a_full_disk_refuses_and_recovers(sqlite_shop: Database):
    shop = sqlite_shop
    connection: Any = shop.writer._connection

    async def limit(pages: int) -> None:
        await connection._run(
            lambda: connection._open().execute(f"PRAGMA max_page_count = {pages}").fetchall()
        )

    # A little more than the empty tables take, however many features have declared theirs.
    ((pages,),) = await connection._run(
        lambda: connection._open().execute("PRAGMA page_count").fetchall()
    )
    await limit(pages + 30)
    results: list[Any] = []
    while not any(isinstance(result, Refused) for result in results):
        results += await asyncio.gather(
            *(shop.writer.submit(buy(f"b{len(results)}-{n}")) for n in range(20)),
            return_exceptions=True,
        )
    sold = sum(isinstance(result, Bought) for result in results)
    assert {result.code for result in results if isinstance(result, Refused)} == {Code.UNAVAILABLE}
    assert await check_book(shop) == sold > 0
    await limit(1_000_000)
    await shop.writer.submit(buy())
    assert await check_book(shop) == sold + 1
    await shop.close()


async def test_a_busy_file_is_waited_for(sqlite_shop: Database, tmp_path: Path):
    other = sqlite3.connect(tmp_path / "shop.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(sqlite_shop.writer.submit(buy()))
    await asyncio.sleep(0.2)
    assert not task.done()
    other.execute("ROLLBACK")
    await task
    other.close()
    await sqlite_shop.close()


async def test_a_commit_that_failed_leaves_no_trace(sqlite_shop: Database):
    before = await count(sqlite_shop, commits)
    with pytest.raises(Exception, match="within"):
        await sqlite_shop.writer.submit(
            Do(
                lambda rows, now: rows.change(levels, "shirt", reserved=-1),
                [Need(levels, "shirt")],
            )
        )
    assert await count(sqlite_shop, commits) == before
    await sqlite_shop.close()
