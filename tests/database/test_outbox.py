"""Committed events are told, told again after a crash, and marked once told."""

import asyncio

import pytest
import sqlalchemy as sa

from livecommerce.database import purge
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import OutboxEntry
from livecommerce.database.outbox import RELAY_AGE_MS, Outbox
from livecommerce.database.tables import commits, idempotency_keys, outbox
from livecommerce.kernel.clock import FakeClock
from tests.database.shop import buy, count, decode, insert, key_of, levels, open_shop


class Room:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.entries: list[OutboxEntry] = []
        self.is_deaf = False

    def __call__(self, entries) -> None:
        if self.is_deaf:
            raise RuntimeError("deaf")
        self.entries += entries

    @property
    def ids(self) -> list[str]:
        return [entry.id for entry in self.entries]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def shop(url: str, clock: FakeClock):
    shop = await open_shop(url, clock=clock)
    await shop.writer.submit(insert(levels, id="shirt", on_hand=1_000))
    yield shop
    await shop.close()


def outbox_of(shop: Database, room, clock: FakeClock) -> Outbox:
    return Outbox(shop, decode=decode, deliver=room, clock=clock)


async def stored_ids(shop: Database) -> list[str]:
    statement = sa.select(outbox.c.id).order_by(outbox.c.created_at, outbox.c.position)
    return [row["id"] for row in await shop.fetch(statement)]


async def test_events_are_told_and_marked(shop: Database, clock: FakeClock):
    room = Room()
    box = outbox_of(shop, room, clock)
    await asyncio.gather(*(shop.writer.submit(buy(f"b{n}")) for n in range(5)))
    assert room.ids == await stored_ids(shop)
    assert await box.unpublished() == 6
    await box.mark()
    assert await box.unpublished() == 0
    clock.advance(RELAY_AGE_MS)
    assert await box.relay() == 0


async def test_what_a_crash_left_untold_is_told_once_more(shop: Database, clock: FakeClock):
    # Nobody listens: as if the process had died between COMMIT and telling.
    for n in range(3):
        await asyncio.gather(*(shop.writer.submit(buy(f"b{n}-{m}")) for m in range(4)))
        clock.advance(10)
    room = Room()
    box = outbox_of(shop, room, clock)
    assert await box.relay() == 0, "what is young may still be on its way in another process"
    clock.advance(RELAY_AGE_MS)
    assert await box.relay() == 15
    assert room.ids == await stored_ids(shop)
    assert {entry.event.id for entry in room.entries if entry.room_id} <= set(room.ids)
    assert await box.relay() == 0, "told, though not marked yet"
    await box.mark()
    assert await box.unpublished() == 0
    assert await outbox_of(shop, Room(), clock).relay() == 0


async def test_what_could_not_be_told_is_told_later(shop: Database, clock: FakeClock, caplog):
    room = Room()
    room.is_deaf = True
    box = outbox_of(shop, room, clock)
    await shop.writer.submit(buy("mona"))
    await box.mark()
    assert await box.unpublished() == 2
    clock.advance(RELAY_AGE_MS)
    await box.relay()
    await box.mark()
    assert await box.unpublished() == 2
    room.is_deaf = False
    assert await box.relay() == 2
    assert room.ids == await stored_ids(shop)
    assert "telling failed" in caplog.text


async def test_a_slow_telling_is_marked_when_it_is_done(shop: Database, clock: FakeClock):
    gate = asyncio.Event()

    async def deliver(entries) -> None:
        await gate.wait()

    box = outbox_of(shop, deliver, clock)
    await shop.writer.submit(buy("mona"))
    clock.advance(RELAY_AGE_MS)
    assert await box.relay() == 0, "it is under way"
    await box.mark()
    assert await box.unpublished() == 2
    gate.set()
    await box.close()
    assert await box.unpublished() == 0


async def test_a_telling_that_fails_is_repeated(shop: Database, clock: FakeClock, caplog):
    tellings = 0

    async def deliver(entries) -> None:
        nonlocal tellings
        tellings += 1
        if tellings == 1:
            raise ConnectionError("the backplane is away")

    box = outbox_of(shop, deliver, clock)
    await shop.writer.submit(buy("mona"))
    await asyncio.sleep(0.01)
    clock.advance(RELAY_AGE_MS)
    assert await box.relay() == 2
    await box.close()
    assert (tellings, await box.unpublished()) == (2, 0)
    assert "telling failed" in caplog.text


async def test_an_unreadable_event_does_not_hold_up_the_rest(
    shop: Database, clock: FakeClock, caplog
):
    await shop.writer.submit(buy("mona"))
    room = Room()

    def decode_some(payload: bytes):
        if b"order_placed" in payload:
            raise ValueError("of a later version")
        return decode(payload)

    box = Outbox(shop, decode=decode_some, deliver=room, clock=clock)
    clock.advance(RELAY_AGE_MS)
    assert await box.relay() == 1
    await box.mark()
    assert await box.unpublished() == 0
    assert "cannot be read" in caplog.text


async def test_running_it_relays_and_marks(shop: Database, clock: FakeClock):
    await shop.writer.submit(buy("left by a crash"))
    clock.advance(RELAY_AGE_MS)
    room = Room()
    box = outbox_of(shop, room, clock)
    task = asyncio.create_task(box.run())
    await shop.writer.submit(buy("mona"))
    async with asyncio.timeout(5):
        while await box.unpublished():
            await asyncio.sleep(0.02)
    task.cancel()
    assert sorted(room.ids) == sorted(await stored_ids(shop))


async def test_what_has_served_its_time_is_thrown_away(shop: Database, clock: FakeClock):
    box = outbox_of(shop, Room(), clock)
    await shop.writer.submit(buy("old", idempotency=key_of("old")))
    await box.mark()
    clock.advance(purge.KEYS_KEPT_MS + 1)
    await shop.writer.submit(buy("new", idempotency=key_of("new")))
    # The key, and the commits that told nothing: of the shirts and of the mark.
    assert await purge.purge(shop, clock.now_ms()) == 3
    assert [row["id"] for row in await shop.fetch(sa.select(idempotency_keys.c.id))] == [
        "new|buy|mona"
    ]
    clock.advance(purge.EVENTS_KEPT_MS + 1)
    await purge.purge(shop, clock.now_ms())
    # The second purchase was never marked: it stays until it is told.
    assert await count(shop, outbox) == 2
    assert await box.unpublished() == 2
    await box.mark()
    await purge.purge(shop, clock.now_ms())
    assert await count(shop, outbox) == 0
    old = sa.select(commits).where(commits.c.created_at < clock.now_ms() - purge.EVENTS_KEPT_MS)
    assert await shop.fetch(old) == []
