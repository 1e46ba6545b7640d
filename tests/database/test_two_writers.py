"""Several processes on one database, played by writers with connections of their own."""

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from tests.database.shop import (
    Bought,
    Do,
    bookmarks,
    buy,
    check_book,
    count,
    insert,
    key_of,
    levels,
    open_shop,
    orders,
    quotas,
    row,
)


@pytest.fixture
async def shops(url: str) -> AsyncIterator[tuple[Database, Database]]:
    first = await open_shop(url, batch_max=16)
    await first.writer.submit(insert(levels, id="shirt", on_hand=300))
    second = await open_shop(url, create=False, batch_max=16)
    yield first, second
    await first.close()
    await second.close()


@pytest.mark.parametrize("lock", [True, False])
async def test_two_processes_never_oversell(shops: tuple[Database, Database], lock: bool):
    # Without locks every batch races; the versions alone must hold. A viewer of each process takes
    # a breath now and then, or one process could take everything before the other has begun.
    async def crowd(shop: Database, name: str) -> list[object]:
        async def one(n: int) -> Bought:
            await asyncio.sleep(random.random() * 0.3)
            for _ in range(50):
                try:
                    return await shop.writer.submit(buy(f"{name}{n}", lock=lock))
                except Refused as refused:
                    if refused.code is not Code.UNAVAILABLE:
                        raise
            raise AssertionError("never got a turn")

        return await asyncio.gather(*(one(n) for n in range(250)), return_exceptions=True)

    crowds = await asyncio.gather(*(crowd(shop, f"s{n}-") for n, shop in enumerate(shops)))
    results = [result for crowd_results in crowds for result in crowd_results]
    sold = [result for result in results if isinstance(result, Bought)]
    assert len(sold) == 300
    assert all(isinstance(one, Bought | Refused) for one in results)
    assert sorted(one.left for one in sold) == list(range(300))
    assert await check_book(shops[0]) == 300


@dataclass(frozen=True, slots=True)
class Rename(Write[None]):
    """Reads a row without holding it, and writes back what it made of it."""

    word: str

    def needs(self) -> list[Need]:
        return [Need(levels, "shirt")]

    def decide(self, rows: Rows, now: int) -> None:
        level = rows.get(levels, "shirt")
        assert level is not None
        rows.change(levels, "shirt", note=f"{level['note'] or ''}{self.word}")


async def test_no_update_is_lost(shops: tuple[Database, Database]):
    async def append(shop: Database, word: str) -> None:
        for _ in range(40):
            await shop.writer.submit(Rename(word))

    await asyncio.gather(append(shops[0], "a"), append(shops[1], "b"))
    level = await row(shops[0], levels, "shirt")
    assert level is not None
    assert sorted(level["note"]) == ["a"] * 40 + ["b"] * 40


async def test_a_deletion_is_not_made_on_an_old_version(shops: tuple[Database, Database]):
    # One process deletes what it believes unused while the other uses it: one of them must notice.
    def delete_if_unused(rows: Rows, now: int) -> bool:
        level = rows.get(levels, "spare")
        if level is None or level["reserved"] > 0:
            return False
        rows.delete(levels, "spare")
        return True

    def use(rows: Rows, now: int) -> bool:
        if rows.get(levels, "spare") is None:
            return False
        rows.add(levels, "spare", reserved=1)
        return True

    for _ in range(40):
        await shops[0].writer.submit(insert(levels, id="spare", on_hand=1))
        needs = [Need(levels, "spare")]
        deleted, used = await asyncio.gather(
            shops[0].writer.submit(Do(delete_if_unused, needs)),
            shops[1].writer.submit(Do(use, needs)),
        )
        assert deleted is not used
        if not deleted:
            await shops[0].writer.submit(Do(lambda rows, now: rows.delete(levels, "spare"), needs))


async def test_rows_made_by_both_at_once_are_made_once(shops: tuple[Database, Database]):
    for n in range(60):
        await asyncio.gather(*(shop.writer.submit(buy(f"mona{n}")) for shop in shops))
        quota = await row(shops[0], quotas, f"shirt|mona{n}")
        assert quota is not None
        assert quota["taken"] == 2
    assert await check_book(shops[0]) == 120


async def test_a_key_used_in_both_at_once_has_one_effect(shops: tuple[Database, Database]):
    for n in range(60):
        key = key_of(f"key-{n}")
        results = await asyncio.gather(
            *(shop.writer.submit_replayable(buy("mona", idempotency=key)) for shop in shops * 2)
        )
        assert len({answer.order_id for answer, _ in results}) == 1
        assert sum(not is_replay for _, is_replay in results) == 1
    assert await count(shops[0], orders) == 60


async def test_a_name_taken_by_both_at_once_goes_to_one(shops: tuple[Database, Database]):
    def take(owner: float) -> Do:
        def decide(rows: Rows, now: int) -> None:
            if rows.get(bookmarks, name) is not None:
                raise Refused(Code.ALREADY_EXISTS)
            rows.insert(bookmarks, {"id": name, "seen": owner})

        return Do(decide, [Need(bookmarks, name)])

    for n in range(60):
        name = f"name-{n}"
        results = await asyncio.gather(
            *(shop.writer.submit(take(float(at))) for at, shop in enumerate(shops)),
            return_exceptions=True,
        )
        (refused,) = [one for one in results if one is not None]
        assert isinstance(refused, Refused)
        assert refused.code is Code.ALREADY_EXISTS


@dataclass(frozen=True, slots=True)
class Move(Write[None]):
    """Takes a unit from one level and gives it to another; the order of the two is the caller's."""

    source: str
    target: str
    lock: bool

    def needs(self) -> list[Need]:
        return [Need(levels, id, lock=self.lock) for id in (self.source, self.target)]

    def decide(self, rows: Rows, now: int) -> None:
        rows.add(levels, self.source, on_hand=-1)
        rows.add(levels, self.target, on_hand=1)


@pytest.mark.parametrize("lock", [True, False])
async def test_crossed_rows_do_not_deadlock(shops: tuple[Database, Database], lock: bool):
    names = [f"shelf-{n}" for n in range(6)]
    for name in names:
        await shops[0].writer.submit(insert(levels, id=name, on_hand=1_000))

    async def move(shop: Database) -> None:
        for _ in range(60):
            source, target = random.sample(names, 2)
            await asyncio.gather(
                shop.writer.submit(Move(source, target, lock)),
                shop.writer.submit(Move(target, source, lock)),
                shop.writer.submit(Move(source, random.choice(names), lock)),
            )

    await asyncio.gather(*(move(shop) for shop in shops))
    stored = [await row(shops[0], levels, name) for name in names]
    assert sum(level["on_hand"] for level in stored if level is not None) == 6_000
    if lock:
        # Waiting in one order, nobody is ever sent back.
        assert [shop.writer.counts.retries + shop.writer.counts.stale for shop in shops] == [0, 0]
