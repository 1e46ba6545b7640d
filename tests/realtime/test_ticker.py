"""When a room's events leave: at once after quiet, then with the tick, urgent ones sooner."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.clock import FakeClock, SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import StateEvent
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.pace import tick_s
from livecommerce.realtime.pending import Pending, parts_of
from livecommerce.realtime.publications import Batch, Delivery, Position
from livecommerce.realtime.settings import HubSettings
from livecommerce.realtime.ticker import TickingPublisher
from tests.realtime.support import Hearts, Removed, likes, pub, said, shelf


class Listener:
    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.signals: list[object] = []

    def on_delivery(self, delivery):
        self.deliveries.append(delivery)

    def on_signal(self, signal):
        self.signals.append(signal)

    def on_interrupted(self, room_ids):
        raise AssertionError("memory is never interrupted")

    async def until(self, count: int) -> list[Delivery]:
        async with asyncio.timeout(5):
            while len(self.deliveries) < count:
                await asyncio.sleep(0.001)
        return self.deliveries


@pytest.fixture
async def stage():
    backplane = MemoryBackplane(clock=SystemClock())
    listener = Listener()
    backplane.attach(listener)
    await backplane.subscribe("room")
    pace = {"room": 0.05}
    publisher = TickingPublisher(
        backplane=backplane,
        clock=SystemClock(),
        settings=HubSettings(batch_events_max=8),
        pace=lambda room_id: pace[room_id],
        floor=lambda room_id: 0,
    )
    return publisher, listener, pace


async def test_what_is_published_in_one_go_is_one_batch_and_leaves_at_once(stage):
    publisher, listener, pace = stage
    pace["room"] = 60.0
    for _ in range(3):
        publisher.publish("room", said())
    assert not listener.deliveries
    await asyncio.sleep(0)
    (delivery,) = listener.deliveries
    assert (delivery.first, len(delivery.logged)) == (1, 3)


async def test_what_follows_waits_for_the_tick(stage):
    publisher, listener, pace = stage
    pace["room"] = 0.2
    publisher.publish("room", said())
    await listener.until(1)
    loop = asyncio.get_running_loop()
    published_s = loop.time()
    publisher.publish("room", said())
    await asyncio.sleep(0.01)
    publisher.publish("room", said())
    deliveries = await listener.until(2)
    assert loop.time() - published_s >= 0.1
    assert len(deliveries[1].logged) == 2


async def test_an_urgent_event_takes_the_waiting_ones_along(stage):
    publisher, listener, pace = stage
    pace["room"] = 60.0
    publisher.publish("room", said())
    await listener.until(1)
    publisher.publish("room", said())
    publisher.publish("room", Removed(id=new_id(), at=1, message_id="m"))
    deliveries = await listener.until(2)
    assert len(deliveries[1].logged) == 2


async def test_a_full_batch_does_not_wait(stage):
    publisher, listener, pace = stage
    pace["room"] = 60.0
    publisher.publish("room", said())
    await listener.until(1)
    for _ in range(8):
        publisher.publish("room", said())
    deliveries = await listener.until(2)
    assert len(deliveries[1].logged) == 8


async def test_an_event_is_published_once(stage):
    publisher, listener, pace = stage
    pace["room"] = 0.0
    line = said()
    publisher.publish("room", line)
    publisher.publish("room", line)
    await listener.until(1)
    publisher.publish("room", line)
    publisher.publish("room", said())
    deliveries = await listener.until(2)
    assert [len(delivery.logged) for delivery in deliveries] == [1, 1]


async def test_stopping_publishes_what_waits(stage):
    publisher, listener, pace = stage
    pace["room"] = 60.0
    publisher.publish("room", said())
    await listener.until(1)
    publisher.publish("room", said())
    publisher.flush_all()
    assert len(listener.deliveries) == 2


async def test_a_failed_batch_is_counted_and_logged():
    class Down(MemoryBackplane):
        def publish(
            self, room_id: str, batch: Batch, *, floor: int = 0
        ) -> asyncio.Future[Position]:
            failed: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
            failed.set_exception(ConnectionError("down"))
            return failed

    publisher = TickingPublisher(
        backplane=Down(clock=SystemClock()),
        clock=SystemClock(),
        settings=HubSettings(),
        pace=lambda room_id: 0.0,
        floor=lambda room_id: 0,
    )
    publisher.publish("room", said())
    await asyncio.sleep(0.01)
    assert publisher.failures == 1


async def test_quiet_rooms_are_forgotten():
    clock = FakeClock()
    publisher = TickingPublisher(
        backplane=MemoryBackplane(clock=clock),
        clock=clock,
        settings=HubSettings(),
        pace=lambda room_id: 0.02,
        floor=lambda room_id: 0,
    )
    publisher.publish("room", said())
    await asyncio.sleep(0)
    publisher.forget_quiet()
    assert publisher._pending
    clock.advance(61_000)
    publisher.forget_quiet()
    assert not publisher._pending


async def test_tell_goes_straight_away(stage):
    publisher, listener, _ = stage
    publisher.tell("person", said("yours alone"))
    (signal,) = listener.signals
    assert signal.person_id == "person"


def test_pending_keeps_the_latest_of_a_key_and_everything_of_the_log():
    pending = Pending()
    lines = [pub(said()) for _ in range(2)]
    pending.add(lines[0])
    pending.add(pub(shelf("a", 1)))
    pending.add(pub(likes(1)))
    latest, other = pub(shelf("a", 3)), pub(shelf("a", 2), "staff")
    pending.add(latest)
    pending.add(pub(shelf("a", 2)))
    pending.add(other)
    pending.add(lines[1])
    count = pub(likes(2))
    pending.add(count)
    hearts = [pub(Hearts(id=new_id(), at=1)) for _ in range(2)]
    for each in hearts:
        pending.add(each)
    batch, _ = pending.take()
    assert batch.logged == (lines[0], latest, other, lines[1])
    assert batch.loose == (count, *hearts)
    assert not len(pending)
    assert pending.take() == (Batch(()), None)


@pytest.mark.parametrize(
    ("viewers", "write_us", "wanted_s"),
    [(0, 5, 0.02), (1_000, 5, 0.02), (10_000, 5, 0.1), (100_000, 5, 0.25)],
)
def test_the_tick_grows_with_the_room(viewers, write_us, wanted_s):
    assert tick_s(viewers, write_us / 1e6, HubSettings()) == pytest.approx(wanted_s)


class Counter(StateEvent, frozen=True, kw_only=True, tag="paced_counter"):
    left: int

    @property
    def pace_ms(self) -> int:
        return 0 if self.left <= 20 else 100


def left(count: int, version: int) -> Counter:
    return Counter(id=f"left.{version}", at=0, key="left", version=version, left=count)


async def test_a_counter_is_told_ten_times_a_second_and_its_latest_value_last(stage):
    publisher, listener, pace = stage
    pace["room"] = 0.0
    for version in range(1, 31):
        publisher.publish("room", left(500 - version, version))
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.15)
    versions = [each.version for delivery in listener.deliveries for each in delivery.logged]
    assert versions[0] == 1
    assert versions[-1] == 30
    assert versions == sorted(versions)
    assert 3 <= len(versions) <= 8


async def test_the_last_units_are_told_at_once_and_nothing_older_after_them(stage):
    publisher, listener, pace = stage
    pace["room"] = 0.0
    publisher.publish("room", left(22, 1))
    publisher.publish("room", left(21, 2))
    publisher.publish("room", left(20, 3))
    await asyncio.sleep(0)
    publisher.publish("room", left(19, 4))
    await asyncio.sleep(0.15)
    publisher.publish("room", left(23, 2))
    versions = [each.version for delivery in listener.deliveries for each in delivery.logged]
    assert versions == [3, 4]


async def test_what_is_held_back_leaves_before_the_node(stage):
    publisher, listener, pace = stage
    pace["room"] = 60.0
    publisher.publish("room", left(300, 1))
    publisher.publish("room", left(299, 2))
    publisher.flush_all()
    versions = [each.version for delivery in listener.deliveries for each in delivery.logged]
    assert versions == [2]
    await asyncio.sleep(0.12)
    assert len(listener.deliveries) == 1


class Refusing(MemoryBackplane):
    """Refuses batches on demand, and counts those it was given."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.is_away = False
        self.batches: list[Batch] = []

    def publish(self, room_id, batch, *, floor=0):
        self.batches.append(batch)
        if self.is_away:
            refused: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
            refused.set_exception(ConnectionError("away"))
            return refused
        return super().publish(room_id, batch, floor=floor)

    def is_accepting(self) -> bool:
        return not self.is_away


@pytest.fixture
def refusing():
    backplane = Refusing()
    publisher = TickingPublisher(
        backplane=backplane,
        clock=SystemClock(),
        settings=HubSettings(batch_events_max=4, batch_bytes_max=1_000),
        pace=lambda room_id: 0.0,
        floor=lambda room_id: 0,
    )
    return publisher, backplane


async def test_a_receipt_says_when_the_backplane_has_it_and_when_it_does_not(refusing):
    publisher, backplane = refusing
    receipts = [publisher.deliver("room", said()) for _ in range(3)]
    assert receipts[0] is receipts[2]
    assert not receipts[0].done()
    await receipts[0]
    backplane.is_away = True
    with pytest.raises(ConnectionError):
        await publisher.deliver("room", said())
    publisher.publish("room", said())
    await asyncio.sleep(0.01)
    assert publisher.failures == 2


async def test_a_value_held_back_is_receipted_with_the_one_that_replaced_it(refusing):
    publisher, backplane = refusing
    first = publisher.deliver("room", left(500, 1))
    second = publisher.deliver("room", left(499, 2))
    third = publisher.deliver("room", left(498, 3))
    await first
    assert not second.done()
    await second
    await third
    versions = [each.version for batch in backplane.batches for each in batch.logged]
    assert versions == [1, 3]
    paced = publisher.deliver("room", left(497, 4))
    at_once = publisher.deliver("room", left(20, 5))
    await at_once
    await paced


async def test_a_line_is_not_accepted_while_nobody_would_hear_it(refusing):
    publisher, backplane = refusing
    publisher.check_accepting()
    backplane.is_away = True
    with pytest.raises(Refused) as caught:
        publisher.check_accepting()
    assert caught.value.code is Code.UNAVAILABLE


async def test_a_heavy_batch_leaves_in_parts_and_has_one_receipt(refusing):
    publisher, backplane = refusing
    receipt = None
    for number in range(6):
        receipt = publisher.deliver("room", said("x" * 400 * number))
    assert receipt is not None
    await receipt
    assert len(backplane.batches) > 2
    assert sum(len(batch.logged) for batch in backplane.batches) == 6


@given(
    st.lists(st.integers(0, 300)),
    st.integers(0, 20),
    st.integers(1, 5),
    st.integers(1, 400),
)
def test_parts_of_a_batch_are_the_batch(sizes, loose, events_max, bytes_max):
    whole = Batch(
        tuple(pub(said("x" * size)) for size in sizes), tuple(pub(likes(n)) for n in range(loose))
    )
    parts = list(parts_of(whole, events_max, bytes_max))
    assert tuple(each for part in parts for each in part.logged) == whole.logged
    assert tuple(each for part in parts for each in part.loose) == whole.loose
    for part in parts:
        assert len(part.logged) <= events_max
        assert len(part.loose) <= events_max
        weight = sum(len(each.json) for each in part.logged)
        assert len(part.logged) == 1 or weight <= bytes_max
