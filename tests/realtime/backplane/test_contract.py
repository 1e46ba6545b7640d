"""What every backplane promises. A new one is added to `IMPLEMENTATIONS`, and nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection

import pytest
from redis import Redis

from livecommerce.kernel.clock import FakeClock, SystemClock
from livecommerce.kernel.ids import new_id
from livecommerce.realtime.backplane.base import AnySignal, Backplane, Kick, Regrade, Tell
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.backplane.redis.backplane import RedisBackplane
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.publications import Batch, Delivery, Publication, publication_of
from tests.realtime.support import Hearts, Removed, chatter, likes, pub, said, shelf
from tests.support.redis import RedisServer

ROOM = "room"


class Listener:
    """A hub that only listens."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.signals: list[AnySignal] = []
        self.interrupted: set[str] = set()

    def on_delivery(self, delivery: Delivery) -> None:
        self.deliveries.append(delivery)

    def on_signal(self, signal: AnySignal) -> None:
        self.signals.append(signal)

    def on_interrupted(self, room_ids: Collection[str]) -> None:
        self.interrupted.update(room_ids)

    async def until(self, heard: Callable[[], bool]) -> None:
        """Deliveries may come a moment after their publication is acknowledged."""
        async with asyncio.timeout(5):
            while not heard():
                await asyncio.sleep(0.002)


def make_memory(_: pytest.FixtureRequest) -> Backplane:
    return MemoryBackplane(clock=FakeClock(), keep_bytes=4_000)


def make_redis(request: pytest.FixtureRequest, *databases: int) -> Backplane:
    server: RedisServer = request.getfixturevalue("redis_server")
    urls = tuple(server.url(database) for database in databases)
    for url in urls:
        with Redis.from_url(url) as client:
            client.flushdb()
    settings = RedisSettings(urls=urls, keep_bytes=4_000)
    return RedisBackplane(node_id=new_id(), clock=SystemClock(), settings=settings)


def make_cluster(request: pytest.FixtureRequest) -> Backplane:
    servers: list[RedisServer] = request.getfixturevalue("redis_cluster")
    for server in servers:
        with Redis.from_url(server.url()) as client:
            client.flushall()
    settings = RedisSettings(urls=(servers[0].url(),), is_cluster=True, keep_bytes=4_000)
    return RedisBackplane(node_id=new_id(), clock=SystemClock(), settings=settings)


IMPLEMENTATIONS: dict[str, Callable[[pytest.FixtureRequest], Backplane]] = {
    "memory": make_memory,
    "redis": lambda request: make_redis(request, 0),
    "redis shards": lambda request: make_redis(request, 1, 2, 3),
    "redis cluster": make_cluster,
}


@pytest.fixture(
    params=[
        pytest.param(name, marks=[pytest.mark.redis] if "redis" in name else [])
        for name in IMPLEMENTATIONS
    ]
)
async def backplane(request) -> AsyncIterator[Backplane]:
    made = IMPLEMENTATIONS[request.param](request)
    yield made
    await made.close()


@pytest.fixture
async def listener(backplane) -> Listener:
    listening = Listener()
    backplane.attach(listening)
    await backplane.start()
    await backplane.subscribe(ROOM)
    return listening


def batch(*publications: Publication) -> Batch:
    return Batch(
        tuple(each for each in publications if each.is_logged),
        tuple(each for each in publications if not each.is_logged),
    )


async def test_batches_get_offsets_in_order_and_are_delivered(backplane, listener):
    first = await backplane.publish(ROOM, batch(pub(said()), pub(shelf("a", 1))))
    second = await backplane.publish(ROOM, batch(pub(said())))
    assert (first.first, first.last) == (1, 2)
    assert (second.first, second.last) == (3, 3)
    assert first.epoch == second.epoch
    await listener.until(lambda: len(listener.deliveries) == 2)
    assert [(each.first, len(each.logged)) for each in listener.deliveries] == [(1, 2), (3, 1)]
    assert {each.epoch for each in listener.deliveries} == {first.epoch}


async def test_a_publication_arrives_as_it_was_published(backplane, listener):
    (line,) = chatter(1)
    spare = publication_of(line, concerns=("mona", "sami"))
    assert spare.is_spare
    await backplane.publish(ROOM, batch(spare))
    await listener.until(lambda: bool(listener.deliveries))
    assert listener.deliveries[0].logged == (spare,)
    assert (await backplane.history(ROOM)).publications == (spare,)


async def test_what_was_published_before_is_neither_numbered_nor_delivered(backplane, listener):
    line, other = pub(said()), pub(said())
    await backplane.publish(ROOM, batch(line))
    again = await backplane.publish(ROOM, batch(line, other))
    assert (again.first, again.last) == (2, 2)
    nothing = await backplane.publish(ROOM, batch(line))
    assert nothing.last < nothing.first
    await listener.until(lambda: len(listener.deliveries) == 2)
    assert [each.logged for each in listener.deliveries] == [(line,), (other,)]


async def test_rooms_are_numbered_apart(backplane, listener):
    await backplane.publish(ROOM, batch(pub(said())))
    elsewhere = await backplane.publish("other", batch(pub(said())))
    assert elsewhere.first == 1
    await listener.until(lambda: bool(listener.deliveries))
    assert [each.room_id for each in listener.deliveries] == [ROOM]


async def test_counters_have_no_offset(backplane, listener):
    loose = batch(pub(likes(1)), pub(Hearts(id=new_id(), at=1)))
    position = await backplane.publish(ROOM, loose)
    assert position.last < position.first
    await listener.until(lambda: bool(listener.deliveries))
    (delivery,) = listener.deliveries
    assert (delivery.logged, delivery.loose) == ((), loose.loose)
    assert (await backplane.publish(ROOM, batch(pub(said())))).first == 1


async def test_unsubscribed_rooms_are_not_delivered_but_kept(backplane, listener):
    await backplane.unsubscribe(ROOM)
    line = pub(said())
    await backplane.publish(ROOM, batch(line))
    assert not listener.deliveries
    history = await backplane.history(ROOM)
    assert history.publications == (line,)


async def test_history_continues_any_kept_offset(backplane, listener):
    lines = [pub(said()) for _ in range(4)]
    position = await backplane.publish(ROOM, batch(*lines))
    for after in range(5):
        history = await backplane.history(ROOM, after=after, epoch=position.epoch)
        assert history.publications == tuple(lines[after:])
        assert (history.epoch, history.top) == (position.epoch, 4)


async def test_history_never_hides_a_hole(backplane, listener):
    position = await backplane.publish(ROOM, batch(pub(said())))
    another_epoch = await backplane.history(ROOM, after=0, epoch="another")
    beyond = await backplane.history(ROOM, after=9, epoch=position.epoch)
    assert (another_epoch.publications, beyond.publications) == (None, None)
    for _ in range(60):
        await backplane.publish(ROOM, batch(pub(said("x" * 200))))
    trimmed = await backplane.history(ROOM, after=0, epoch=position.epoch)
    assert (trimmed.publications, trimmed.top) == (None, 61)
    kept = await backplane.history(ROOM)
    assert kept.publications is not None
    assert 0 < len(kept.publications) < 61


async def test_history_of_an_unknown_room_is_empty_and_its_epoch_stays(backplane, listener):
    history = await backplane.history("quiet")
    assert (history.top, history.publications) == (0, ())
    position = await backplane.publish("quiet", batch(pub(said())))
    assert (position.epoch, position.first) == (history.epoch, 1)


async def test_deleted_text_leaves_the_history(backplane, listener):
    line = said("an insult")
    await backplane.publish(ROOM, batch(pub(line), pub(said("kind"))))
    removal = pub(Removed(id=new_id(), at=2, message_id=line.id))
    await backplane.publish(ROOM, batch(removal))
    history = await backplane.history(ROOM)
    assert history.publications is not None
    texts = [each.json for each in history.publications]
    assert texts[0] == b""
    assert len(texts) == 3
    assert history.publications[0].id == line.id


async def test_keyed_values_are_the_latest(backplane, listener):
    newest = pub(shelf("a", 3))
    await backplane.publish(ROOM, batch(newest, pub(likes(1))))
    count = pub(likes(2))
    await backplane.publish(ROOM, batch(pub(shelf("a", 2)), count))
    for_staff = pub(shelf("a", 1), "staff")
    await backplane.publish(ROOM, batch(for_staff))
    assert set(await backplane.keyed(ROOM)) == {newest, count, for_staff}
    assert await backplane.keyed("quiet") == ()


async def test_a_log_behind_the_floor_begins_a_new_epoch_above_it(backplane, listener):
    before = await backplane.publish(ROOM, batch(pub(said())), floor=0)
    after = await backplane.publish(ROOM, batch(pub(said())), floor=40)
    assert after.epoch != before.epoch
    assert after.first == 41
    history = await backplane.history(ROOM, after=1, epoch=before.epoch)
    assert history.publications is None


async def test_positions_of_many_rooms(backplane, listener):
    position = await backplane.publish(ROOM, batch(pub(said())))
    positions = await backplane.positions([ROOM, "quiet"])
    assert positions == {ROOM: (position.epoch, 1)}


async def test_signals_reach_the_hub(backplane, listener):
    signals = [Tell("p", b"{}"), Kick("p", 4500), Regrade("p", ROOM, "staff", ("pin",))]
    for signal in signals:
        told = backplane.signal(signal)
        assert listener.signals[-1] == signal
        await told
    assert await backplane.probe()
    assert listener.signals == signals


async def test_viewers_are_summed_over_nodes(backplane, listener):
    assert await backplane.report_viewers("n1", {ROOM: 2}, lease_s=60) == {ROOM: 2}
    assert await backplane.report_viewers("n2", {ROOM: 3, "b": 1}, lease_s=60) == {ROOM: 5, "b": 1}
    assert await backplane.report_viewers("n1", {ROOM: 0}, lease_s=60) == {ROOM: 3}


async def test_visitors_are_counted_once_however_often_they_are_reported(backplane, listener):
    def names(first: int, last: int) -> set[str]:
        return {f"visitor {number}" for number in range(first, last)}

    async def count(seen: dict[str, set[str]]) -> dict[str, int]:
        return dict(await backplane.count_visitors(seen, keep_s=60))

    assert await count({ROOM: set(), "quiet": set()}) == {ROOM: 0, "quiet": 0}
    assert await count({ROOM: names(0, 3)}) == {ROOM: 3}
    assert await count({ROOM: names(1, 4), "b": names(0, 1)}) == {ROOM: 4, "b": 1}
    assert await count({ROOM: set()}) == {ROOM: 4}
    # More than one command may carry.
    many = (await count({ROOM: names(0, 12_000)}))[ROOM]
    assert many == pytest.approx(12_000, rel=0.04)
    assert await count({ROOM: names(0, 12_000)}) == {ROOM: many}


async def test_visitors_are_forgotten_when_nobody_reports_their_room(backplane, listener):
    assert await backplane.count_visitors({ROOM: {"mona"}}, keep_s=0.05) == {ROOM: 1}
    if isinstance(backplane, MemoryBackplane):
        assert isinstance(backplane._clock, FakeClock)
        backplane._clock.advance(100)
    else:
        await asyncio.sleep(0.1)
    assert await backplane.count_visitors({ROOM: {"sami"}}, keep_s=60) == {ROOM: 1}


async def test_the_probe_hears_itself(backplane, listener):
    assert await backplane.probe()


async def test_an_id_that_comes_twice_in_a_batch_is_published_once(backplane, listener):
    line = pub(said())
    position = await backplane.publish(ROOM, batch(line, line))
    assert (position.first, position.last) == (1, 1)
    await listener.until(lambda: bool(listener.deliveries))
    assert [each.logged for each in listener.deliveries] == [(line,)]


async def test_an_empty_batch_above_the_log_begins_a_new_epoch(backplane, listener):
    before = await backplane.publish(ROOM, batch(pub(said())))
    after = await backplane.publish(ROOM, Batch(()), floor=7)
    assert after.epoch != before.epoch
    assert await backplane.positions([ROOM]) == {ROOM: (after.epoch, 7)}


async def test_an_open_backplane_accepts(backplane, listener):
    assert backplane.is_accepting()


async def test_a_hundred_rooms_are_subscribed_together(backplane, listener):
    rooms = [f"room-{number}" for number in range(100)]
    await asyncio.gather(*map(backplane.subscribe, rooms))
    await asyncio.gather(*(backplane.publish(room, batch(pub(said()))) for room in rooms))
    await listener.until(lambda: len(listener.deliveries) == 100)
    assert {each.room_id for each in listener.deliveries} == set(rooms)


async def test_large_batches_stay_whole(backplane, listener):
    lines = [pub(said("é" * 300)) for _ in range(250)]
    await backplane.publish(ROOM, batch(*lines))
    await listener.until(lambda: bool(listener.deliveries))
    assert listener.deliveries[0].logged == tuple(lines)
