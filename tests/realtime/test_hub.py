"""The hub of a node: rooms that load once, people that are found, links that lose things."""

import asyncio
import dataclasses
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime import fan_out
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.framing import PING
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.publications import Batch, Delivery
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings
from tests.realtime.support import Viewer, chatter, likes, pub, said, shelf

QUICK = HubSettings(
    tick_min_ms=1,
    wheel_step_s=0.05,
    ping_s=1.0,
    pong_grace_s=0.5,
    presence_s=0.02,
    position_check_s=0.03,
    room_linger_s=0.0,
    drain_slice_ms=5,
)


class Database:
    """Counts how often a room is read, and can be slow about it."""

    def __init__(self) -> None:
        self.loads: list[str] = []
        self.gate: asyncio.Event | None = None
        self.seed = RoomSeed()

    async def load(self, room_id: str) -> RoomSeed:
        self.loads.append(room_id)
        seed = self.seed
        if self.gate is not None:
            await self.gate.wait()
        if room_id == "missing":
            raise Refused(Code.NOT_FOUND)
        return seed


class LossyBackplane(MemoryBackplane):
    """Loses, repeats and reorders deliveries on demand. The log behind it stays whole."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.to_lose = 0
        self.to_repeat = 0
        self.hub: Hub | None = None

    def attach(self, receiver):
        self.hub = receiver
        super().attach(self)

    def on_delivery(self, delivery: Delivery) -> None:
        assert self.hub is not None
        if self.to_lose > 0:
            self.to_lose -= 1
            return
        for _ in range(1 + self.to_repeat):
            self.hub.on_delivery(delivery)

    def on_signal(self, signal):
        assert self.hub is not None
        self.hub.on_signal(signal)

    def on_interrupted(self, room_ids):
        raise AssertionError("memory is never interrupted")


@asynccontextmanager
async def opened(database: Database, backplane: MemoryBackplane | None = None, settings=QUICK):
    hub = Hub(
        node_id="n1",
        clock=SystemClock(),
        backplane=backplane or MemoryBackplane(clock=SystemClock()),
        load_room=database.load,
        viewers_event=lambda room_id, count: likes(count),
        settings=settings,
    )
    await hub.start()
    try:
        yield hub
    finally:
        await hub.stop()


async def enter(hub: Hub, room_id: str = "room", viewer: Viewer | None = None) -> Viewer:
    viewer = viewer or Viewer()
    hub.add(viewer)
    room = await hub.open_room(room_id)
    viewer.written.write(hub.join(viewer, room, "viewer"))
    return viewer


async def until(condition) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


def kinds(viewer: Viewer) -> list[str]:
    viewer.read()
    return [message["t"] for message in viewer.messages]


async def test_a_room_is_loaded_by_its_first_joiner_only():
    database = Database()
    database.gate = asyncio.Event()
    async with opened(database) as hub:
        joining = [asyncio.create_task(enter(hub)) for _ in range(5)]
        await asyncio.sleep(0.01)
        joining[0].cancel()
        database.gate.set()
        viewers = await asyncio.gather(*joining[1:])
        await enter(hub)
        assert database.loads == ["room"]
        assert all(viewer.read()[0]["t"] == "snapshot" for viewer in viewers)


async def test_a_room_that_is_not_there_is_refused_and_asked_for_again():
    database = Database()
    async with opened(database) as hub:
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await hub.open_room("missing")
            assert caught.value.code is Code.NOT_FOUND
        assert database.loads == ["missing", "missing"]
        assert hub.statistics().rooms == 0


async def test_what_is_published_while_a_room_loads_is_neither_lost_nor_doubled():
    database = Database()
    line, newer = said("in both"), shelf("a", 2, left=2)
    database.seed = RoomSeed(state=[shelf("a", 1, left=1)], recent=[line])
    database.gate = asyncio.Event()
    async with opened(database) as hub:
        hub.publisher.publish("room", line)
        await asyncio.sleep(0.01)
        joining = asyncio.create_task(enter(hub))
        await asyncio.sleep(0.01)
        hub.publisher.publish("room", newer)
        await asyncio.sleep(0.01)
        database.gate.set()
        viewer = await joining
        state, recent, _ = viewer.known()
        assert state["a"]["left"] == 2
        assert recent == [line.id]
        assert viewer.position == 2


async def test_published_events_reach_everybody():
    async with opened(Database()) as hub:
        viewers = [await enter(hub) for _ in range(3)]
        elsewhere = await enter(hub, "other room")
        line = said()
        hub.publisher.publish("room", line)
        await until(lambda: all(line.id in viewer.events() for viewer in viewers))
        assert elsewhere.events() == []
        assert hub.statistics().frames >= 3


async def test_viewers_are_counted_and_told():
    async with opened(Database()) as hub:
        viewers = [await enter(hub) for _ in range(2)]
        await until(lambda: hub.viewers("room") == 2)
        await until(lambda: viewers[0].known()[2].get("likes", {}).get("count") == 2)
        hub.remove(viewers[1], ())
        await until(lambda: hub.viewers("room") == 1)


async def test_an_empty_room_is_unloaded_and_loaded_again():
    database = Database()
    async with opened(database, settings=HubSettings(room_linger_s=0.0)) as hub:
        viewer = await enter(hub)
        hub.remove(viewer, ())
        await hub._sweep()
        assert hub.statistics().rooms == 0
        await enter(hub)
        assert database.loads == ["room", "room"]


async def test_an_empty_room_that_lingers_is_not_loaded_beside_itself():
    database = Database()
    async with opened(database) as hub:
        viewer = await enter(hub)
        room = await hub.open_room("room")
        hub.remove(viewer, ())
        assert await hub.open_room("room") is room
        assert database.loads == ["room"]


async def test_a_person_is_told_on_all_connections_and_nobody_else_is():
    async with opened(Database()) as hub:
        phone, laptop, stranger = [await enter(hub) for _ in range(3)]
        for viewer in (phone, laptop):
            hub.identify(viewer, ("person", "sign-in"))
        hub.publisher.tell("person", said("your order"))
        for viewer in (phone, laptop):
            assert viewer.read()[-1]["event"]["text"] == "your order"
        assert "told" not in kinds(stranger)


async def test_what_a_person_was_told_is_remembered_while_it_is_repeated():
    settings = replace(QUICK, told_s=0.5)
    async with opened(Database(), settings=settings) as hub:
        viewer = await enter(hub)
        hub.identify(viewer, ("person",))
        order, other = said("your order"), said("another order")
        hub.publisher.tell("person", other)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + 3 * settings.told_s
        while loop.time() < until_s:
            _ = hub.publisher.deliver_to("person", order)
            await asyncio.sleep(settings.told_s / 10)
        told = [each["event"]["text"] for each in viewer.read() if each["t"] == "told"]
        assert sorted(told) == ["another order", "your order"]
        await until(lambda: hub.statistics().told == 0)


async def test_kick_closes_a_person_or_a_sign_in():
    async with opened(Database()) as hub:
        phone, laptop = Viewer(), Viewer()
        for viewer, sign_in in ((phone, "s1"), (laptop, "s2")):
            await enter(hub, viewer=viewer)
            hub.identify(viewer, ("person", sign_in))
        hub.kick("s1", CloseCode.SIGNED_OUT)
        assert (phone.closed, laptop.closed) == (CloseCode.SIGNED_OUT, None)
        hub.kick("person", CloseCode.BANNED)
        assert laptop.closed == CloseCode.BANNED
        hub.forget(phone, ("person", "s1"))
        hub.forget(laptop, ("person", "s2"))
        hub.kick("person", CloseCode.BANNED)
        assert not hub._people


async def test_regrading_shows_the_room_anew():
    async with opened(Database()) as hub:
        viewer, other = await enter(hub), await enter(hub, "other room")
        for each in (viewer, other):
            hub.identify(each, ("person",))
            each.read()
        hub.regrade("person", "room", "staff", ("pin",))
        regraded, snapshot = viewer.read()[-2:]
        assert (regraded["t"], regraded["capabilities"]) == ("regraded", ["pin"])
        assert snapshot["t"] == "snapshot"
        assert "regraded" not in kinds(other)
        line = said("for staff")
        hub.publisher.publish("room", line, audience="staff")
        await until(lambda: line.id in viewer.events())


async def test_lost_repeated_and_last_deliveries_are_repaired():
    backplane = LossyBackplane()
    async with opened(Database(), backplane) as hub:
        viewer = await enter(hub)
        sent = []
        for number in range(30):
            backplane.to_lose = 1 if number % 4 == 1 else 0
            backplane.to_repeat = number % 3
            line = said(str(number))
            sent.append(line.id)
            hub.publisher.publish("room", line)
            await asyncio.sleep(0.003)
        backplane.to_lose = 1
        last = said("last")
        hub.publisher.publish("room", last)
        await until(lambda: viewer.events() == [*sent, last.id])
        assert viewer.closed is None
        assert hub.statistics().repairs > 0
        assert hub.statistics().resyncs == 0


async def test_a_rewound_log_shows_the_room_anew():
    backplane = LossyBackplane()
    database = Database()
    async with opened(database, backplane) as hub:
        viewer = await enter(hub)
        hub.publisher.publish("room", said("1"))
        await until(lambda: len(viewer.events()) == 1)
        epoch = viewer.epoch
        backplane._logs.clear()
        hub.publisher.publish("room", said("2"))
        await until(lambda: viewer.read() is not None and viewer.epoch != epoch)
        assert viewer.position >= 2
        line = said("3")
        hub.publisher.publish("room", line)
        await until(lambda: line.id in viewer.events())
        assert viewer.closed is None
        assert hub.statistics().resyncs == 1


async def test_who_said_a_line_or_is_spoken_to_is_told_it_when_the_room_is_not():
    async with opened(Database()) as hub:
        room = await hub.open_room("room")
        light, reader, elsewhere = Viewer(), Viewer(), Viewer()
        for viewer in (light, reader, elsewhere):
            hub.add(viewer)
            hub.identify(viewer, ("mona",))
        light.written.write(hub.join(light, room, "light"))
        reader.written.write(hub.join(reader, room, "viewer"))
        mine, others = chatter(2)
        hub.publisher.publish("room", others)
        hub.publisher.publish("room", mine, concerns=("sami", "mona", "mona"))
        await until(lambda: "told" in kinds(light))
        told = [each["event"]["id"] for each in light.messages if each["t"] == "told"]
        assert told == [mine.id]
        assert "batch" not in kinds(light)
        # Who is shown it need not be told, and who is elsewhere is not concerned.
        assert set(reader.events()) == {mine.id, others.id}
        assert "told" not in kinds(reader)
        assert elsewhere.read() == []


async def test_a_light_viewer_stays_light_when_their_role_goes():
    async with opened(Database()) as hub:
        room = await hub.open_room("room")
        viewer = Viewer()
        hub.add(viewer)
        hub.identify(viewer, ("mona",))
        viewer.written.write(hub.join(viewer, room, "light"))
        hub.regrade("mona", "room", "viewer", ())
        assert viewer.group is not None
        assert viewer.group.audience_class == "light"
        hub.regrade("mona", "room", "staff", ("chat.moderate",))
        assert viewer.group.audience_class == "staff"


async def test_the_crowd_of_all_nodes_counts():
    settings = dataclasses.replace(QUICK, thin_from_viewers=100, spare_per_s=5.0)
    backplane = MemoryBackplane(clock=SystemClock())
    async with opened(Database(), backplane, settings) as hub:
        viewer = await enter(hub)
        await backplane.report_viewers("another node", {"room": 500}, lease_s=60)
        await until(lambda: hub.viewers("room") > 500)
        for line in chatter(50):
            hub.publisher.publish("room", line)
        last = said("last")
        hub.publisher.publish("room", last)
        await until(lambda: last.id in viewer.events())
        assert len(viewer.events()) <= 1 + 5 + 5


async def test_who_came_in_the_last_moment_is_counted_by_the_others():
    backplane = MemoryBackplane(clock=SystemClock())
    async with opened(Database(), backplane) as hub:
        hub.saw("room", "mona")
    assert await backplane.count_visitors({"room": ()}, keep_s=60) == {"room": 1}


async def test_drain_asks_everybody_to_move_and_closes_who_stays():
    async with opened(Database()) as hub:
        mover, stayer = await enter(hub), await enter(hub)
        draining = asyncio.create_task(hub.drain(0.2))
        await until(lambda: "moved" in kinds(mover))
        hub.remove(mover, ())
        await draining
        assert mover.closed is None
        assert stayer.closed == CloseCode.DRAINING


async def test_those_a_drain_closes_are_told_to_come_back_one_after_the_other():
    async with opened(Database()) as hub:
        viewers = [await enter(hub) for _ in range(30)]
        await hub.drain(0.0, back_per_s=20.0)
        assert {viewer.reason for viewer in viewers} == {"within_ms=1500"}
    async with opened(Database()) as hub:
        viewer = await enter(hub)
        await hub.drain(0.0, back_per_s=0.001)
        assert viewer.reason == "within_ms=20000"


async def test_silent_peers_are_closed_and_others_hear_a_beat():
    async with opened(Database()) as hub:
        viewer, outside = await enter(hub), Viewer()
        hub.add(outside)
        for connection in (viewer, outside):
            await until(lambda each=connection: each.closed == CloseCode.NO_PONG)
        viewer.read()
        outside.read()
        assert {each["room"] for each in viewer.messages if each["t"] == "beat"} == {"room"}
        assert {each["room"] for each in outside.messages if each["t"] == "beat"} == {""}


async def test_a_beat_is_not_ahead_of_a_flush_under_way(monkeypatch):
    monkeypatch.setattr(fan_out, "CHUNK", 1)
    settings = HubSettings(flush_slice_ms=0.0)
    async with opened(Database(), settings=settings) as hub:
        written, waiting = await enter(hub), await enter(hub)
        room = hub.warm_room("room")
        assert room is not None
        for viewer in (written, waiting):
            viewer.written.write(hub._beat_for(viewer)[len(PING) :])
            assert viewer.read()[-1]["room"] == "room"
        # One write, and the rest in the next turn of the loop.
        hub.on_delivery(Delivery("room", room.log.epoch, 1, (pub(said()),)))
        waiting.written.write(hub._beat_for(waiting)[len(PING) :])
        (beat,) = waiting.read()
        assert (beat["t"], beat["room"]) == ("beat", "")
        await until(lambda: waiting.read() and waiting.position == 1)


async def test_recent_lines_stand_in_the_order_of_the_log_without_holes():
    lines = [said(str(number)) for number in range(60)]
    backplane = MemoryBackplane(clock=SystemClock())
    database = Database()
    # Two nodes took turns, and what one of them had waited for the backplane.
    told = [*lines[::2], *lines[1::2]]
    database.seed = RoomSeed(recent=lines[10:])
    async with opened(database, backplane) as hub:
        for line in told:
            await backplane.publish("room", Batch((pub(line),)))
        shown = (await enter(hub)).known()[1]
        assert shown == [line.id for line in told][-len(shown) :]
        assert len(shown) > 40


async def test_a_deaf_node_says_so():
    class Deaf(MemoryBackplane):
        is_deaf = False

        async def probe(self) -> bool:
            return not self.is_deaf

    settings = HubSettings(probe_s=0.01)
    backplane = Deaf(clock=SystemClock())
    async with opened(Database(), backplane, settings) as hub:
        assert hub.is_ready()
        backplane.is_deaf = True
        await until(lambda: not hub.is_ready())
        assert hub.statistics().probe_failures > 0
        backplane.is_deaf = False
        await until(hub.is_ready)
