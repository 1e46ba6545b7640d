"""The hub of a node: its rooms, its connections, its people, and the timers they share."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused
from livecommerce.protocol.codes import CloseCode
from livecommerce.protocol.messages import Moved, Regraded
from livecommerce.realtime import frames
from livecommerce.realtime.backplane.base import AnySignal, Backplane, Kick, Regrade, Tell
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.fan_out import WriteCost
from livecommerce.realtime.framing import PING
from livecommerce.realtime.heartbeat import Wheel
from livecommerce.realtime.loading import LoadRoom
from livecommerce.realtime.pace import tick_s
from livecommerce.realtime.people import People
from livecommerce.realtime.presence import Presence, ViewersEvent
from livecommerce.realtime.publications import (
    LIGHT_CLASS,
    VIEWER_CLASS,
    Delivery,
    Publication,
)
from livecommerce.realtime.room import Room
from livecommerce.realtime.rooms import Rooms
from livecommerce.realtime.settings import HubSettings
from livecommerce.realtime.standstill import Standstill
from livecommerce.realtime.statistics import HubStatistics
from livecommerce.realtime.ticker import TickingPublisher
from livecommerce.realtime.visitors import Visitors, VisitorsEvent

log = structlog.get_logger()

BACK_PER_S = 1_000.0
BACK_WITHIN_S = 20.0
"""Nobody is asked to wait for longer before they come back."""


class Hub:
    """Carries events from publishers to the connections of this node, and position back to them.

    Args:
        load_room: reads a room from the database; called by a node's first joiner only.
        viewers_event: (room_id, count) -> the counter that viewers are shown, or None for none.
        visitors_event: (room_id, count) -> what the staff is shown of who came so far.
    """

    def __init__(
        self,
        *,
        node_id: str,
        clock: Clock,
        backplane: Backplane,
        load_room: LoadRoom,
        viewers_event: ViewersEvent | None = None,
        visitors_event: VisitorsEvent | None = None,
        settings: HubSettings | None = None,
    ) -> None:
        self.node_id = node_id
        self.settings = settings = settings or HubSettings()
        self.clock = clock
        self._backplane = backplane
        self._cost = WriteCost()
        self._people = People()
        self._timers: list[asyncio.Task[None]] = []
        self._is_hearing = True
        self._deliveries = 0
        self._joins = 0
        self._closed_slow = 0
        self._closed_silent = 0
        self._probe_failures = 0
        self._interruptions = 0
        self._rooms = Rooms(
            backplane=backplane,
            clock=clock,
            settings=settings,
            load_room=load_room,
            cost=self._cost,
            crowd=lambda room: max(room.viewers, self._presence.total(room.room_id)),
            tell=self._people.tell_concerned,
        )
        self.publisher = TickingPublisher(
            backplane=backplane, clock=clock, settings=settings, pace=self._pace, floor=self._floor
        )
        self._standstill = Standstill(
            clock=clock, limit_s=settings.standstill_s, catch_up=self._rooms.catch_up
        )
        self._wheel = Wheel(settings, beat_for=self._beat_for)
        self._presence = Presence(
            node_id=node_id,
            backplane=backplane,
            clock=clock,
            settings=settings,
            viewers_event=viewers_event,
            show=self._show,
        )
        self._visitors = Visitors(
            backplane=backplane,
            settings=settings,
            visitors_event=visitors_event,
            show=self._show,
        )
        backplane.attach(self)

    async def start(self) -> None:
        """Starts the timers. Connections may come once this has returned."""
        settings = self.settings
        await self._backplane.start()
        await self._probe()
        self._timers = [
            asyncio.create_task(self._every(settings.wheel_step_s, self._turn_wheel)),
            asyncio.create_task(self._every(1.0, self._sweep)),
            asyncio.create_task(self._every(settings.presence_s, self._report_viewers)),
            asyncio.create_task(self._every(settings.visitors_s, self._report_visitors)),
            asyncio.create_task(self._every(settings.position_check_s, self._rooms.compare_quiet)),
            asyncio.create_task(self._keep_probing()),
        ]

    async def stop(self) -> None:
        """Publishes what is pending and stops. Drain connections first."""
        self.publisher.flush_all()
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)
        await self._rooms.close()
        await self._standstill.close()
        try:
            await self._presence.report({})
            await self._visitors.report([])
        except ConnectionError as error:
            # The lease ends by itself.
            log.warning("viewers not reported", error=str(error))
        finally:
            await self._backplane.close()

    # Rooms

    def warm_room(self, room_id: str) -> Room | None:
        """The room if it is loaded on this node and up to date; joining it needs no waiting."""
        return None if self._standstill.is_behind() else self._rooms.loaded(room_id)

    async def open_room(self, room_id: str) -> Room:
        """Loads a room unless it is here already; joiners of one room wait for one load.

        Raises:
            Refused: as the loader says.
        """
        if self._standstill.is_behind():
            await self._standstill.over()
        return await self._rooms.open(room_id)

    def join(
        self,
        connection: Connection,
        room: Room,
        audience_class: str,
        *,
        epoch: str | None = None,
        offset: int | None = None,
    ) -> bytes:
        """Makes a connection live in a warm room.

        Returns:
            The frame to write at once, with no await between: `snapshot` or `recovered`.
        """
        self._joins += 1
        return room.join(connection, audience_class, epoch=epoch, offset=offset)

    def leave(self, connection: Connection) -> None:
        """Takes a connection out of its room, if it is in one."""
        if (group := connection.group) is not None:
            self._rooms[group.room_id].leave(connection)

    def pause(self, connection: Connection) -> None:
        """The transport's buffer is full."""
        if (group := connection.group) is not None:
            self._rooms[group.room_id].pause(connection)

    def resume(self, connection: Connection) -> None:
        """The transport takes bytes again."""
        if (group := connection.group) is not None:
            self._rooms[group.room_id].resume(connection)

    # Connections and people

    def add(self, connection: Connection) -> None:
        """Takes a connection into the heartbeat."""
        self._wheel.add(connection)

    def remove(self, connection: Connection, keys: Iterable[str]) -> None:
        """Forgets a connection that is closing. Nothing is written to it any more."""
        self.leave(connection)
        self._wheel.remove(connection)
        self.forget(connection, keys)

    def identify(self, connection: Connection, keys: Iterable[str]) -> None:
        """Ties a connection to a person and a sign-in, for `tell` and `kick`."""
        self._people.add(connection, keys)

    def forget(self, connection: Connection, keys: Iterable[str]) -> None:
        self._people.remove(connection, keys)

    def kick(
        self, key: str, close_code: int = CloseCode.SIGNED_OUT, *, room_id: str | None = None
    ) -> None:
        """Closes the connections of a person or a sign-in on every node: in a room, or all."""
        _ = self.publisher.signal(Kick(key, int(close_code), room_id))

    def regrade(
        self, person_id: str, room_id: str, audience_class: str, capabilities: tuple[str, ...]
    ) -> None:
        """Applies changed roles to a person's connections in a room, on every node."""
        _ = self.publisher.signal(Regrade(person_id, room_id, audience_class, capabilities))

    def regrade_here(
        self, person_id: str, room_id: str, audience_class: str, capabilities: tuple[str, ...]
    ) -> None:
        """As `regrade`, on this node alone."""
        self._regrade(Regrade(person_id, room_id, audience_class, capabilities))

    def apply_grade(
        self, connection: Connection, audience_class: str, capabilities: tuple[str, ...]
    ) -> None:
        """Applies changed roles to one connection: tells it, and shows it its room anew."""
        assert connection.group is not None
        room_id = connection.group.room_id
        if audience_class == VIEWER_CLASS and connection.group.audience_class == LIGHT_CLASS:
            audience_class = LIGHT_CLASS
        connection.send(Regraded(room=room_id, capabilities=capabilities))
        connection.transport.write(self._rooms[room_id].regrade(connection, audience_class))

    def room_ids(self) -> tuple[str, ...]:
        """The rooms this node has in memory."""
        return tuple(room.room_id for room in self._rooms)

    def saw(self, room_id: str, name: str) -> None:
        """Counts somebody among a room's visitors: once, however often they come."""
        self._visitors.saw(room_id, name)

    def visitors(self, room_id: str) -> int:
        """Different ones who came to the room, on all nodes: an estimate, as of the last report."""
        return self._visitors.total(room_id)

    async def heard(self, room_id: str, most: int) -> list[Publication]:
        """The latest lines that the room's viewers were told, by whichever node, the oldest first.

        A room that is not here is loaded for that, unless there is nobody to ask.
        """
        room = self.warm_room(room_id)
        if room is None and self.is_ready():
            try:
                room = await self.open_room(room_id)
            except (ConnectionError, Refused) as problem:
                log.warning("a room was not heard", room_id=room_id, error=str(problem))
        return [] if room is None else room.log.heard(most)

    def viewers(self, room_id: str) -> int:
        """Connections in the room on all nodes, as of the last report."""
        return self._presence.total(room_id)

    def is_ready(self) -> bool:
        """False while this node would not hear what others publish, or not be heard."""
        return self._is_hearing and self._backplane.is_accepting()

    def statistics(self) -> HubStatistics:
        return HubStatistics(
            connections=len(self._wheel),
            people=len(self._people),
            rooms=len(self._rooms),
            log_events=sum(room.log.events for room in self._rooms),
            told=self._people.told,
            lagging=sum(room.lagging for room in self._rooms),
            write_cost_us=self._cost.seconds * 1e6,
            published=self.publisher.published,
            batches=self.publisher.batches,
            publish_failures=self.publisher.failures,
            deliveries=self._deliveries,
            frames=self._cost.frames,
            joins=self._joins,
            rooms_loaded=self._rooms.loader.loaded,
            repairs=self._rooms.loader.repairs,
            resyncs=self._rooms.loader.resyncs,
            closed_slow=self._closed_slow,
            closed_silent=self._closed_silent,
            probe_failures=self._probe_failures,
            interruptions=self._interruptions,
        )

    async def drain(self, within_s: float, *, back_per_s: float = BACK_PER_S) -> None:
        """Hands the connections over: asks them in slices to go elsewhere, closes who stays.

        Make before break: a client opens its new connection before it closes this one.

        Args:
            back_per_s: how many a second another node lets in. Who is closed is told to come back
                at a moment of their own within the time that all of them need.
        """
        slice_s = self.settings.drain_slice_ms / 1000
        connections = [each for each in self._wheel.connections() if not each.is_closing]
        random.shuffle(connections)
        slices = max(1, int(within_s * 0.6 / slice_s))
        size = max(1, -(-len(connections) // slices))
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + within_s
        for start in range(0, len(connections) if within_s > 0 else 0, size):
            for connection in connections[start : start + size]:
                if not connection.is_closing:
                    moved = Moved(in_ms=random.randrange(int(slice_s * 1000) + 1))
                    connection.send(moved)
            await asyncio.sleep(slice_s)
        while len(self._wheel) and loop.time() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(min(slice_s, 0.05))
        left = self._wheel.connections()
        within_ms = int(min(len(left) / back_per_s, BACK_WITHIN_S) * 1000)
        for connection in left:
            connection.close(CloseCode.DRAINING, f"within_ms={within_ms}")

    # What the backplane calls

    def on_delivery(self, delivery: Delivery) -> None:
        self._deliveries += 1
        if (room := self._rooms.get(delivery.room_id)) is not None:
            room.deliver(delivery)

    def on_signal(self, signal: AnySignal) -> None:
        match signal:
            case Tell():
                self._people.tell(signal, self.clock.mono_s())
            case Kick():
                self._kick(signal)
            case Regrade():
                self._regrade(signal)

    def on_interrupted(self, room_ids: Collection[str]) -> None:
        self._interruptions += 1
        self._rooms.compare_soon(room_ids)

    def _kick(self, signal: Kick) -> None:
        people, room_id = self._people, signal.room_id
        meant = people.of(signal.key) if room_id is None else people.in_room(signal.key, room_id)
        for connection in meant:
            connection.close(signal.code)

    def _regrade(self, signal: Regrade) -> None:
        for connection in self._people.in_room(signal.person_id, signal.room_id):
            self.apply_grade(connection, signal.audience_class, signal.capabilities)

    def _show(self, room_id: str, publication: Publication) -> None:
        if (room := self._rooms.loaded(room_id)) is not None:
            room.show(publication)

    # What its parts ask

    def _pace(self, room_id: str) -> float:
        room = self._rooms.get(room_id)
        return tick_s(room.viewers if room else 0, self._cost.seconds, self.settings)

    def _floor(self, room_id: str) -> int:
        room = self._rooms.get(room_id)
        return room.received if room else 0

    def _beat_for(self, connection: Connection) -> bytes:
        group = connection.group
        # While a flush is under way the position may be ahead of what this connection was written:
        # it would take that for a gap.
        if group is not None and not group.is_flushing:
            return PING + self._rooms[group.room_id].beat_for(connection)
        now_ms = self.clock.now_ms()
        return PING + frames.beat(connection.codec, room_id="", epoch="", last=0, now_ms=now_ms)

    # Timers

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except ConnectionError as error:
                log.warning("the backplane is away", timer=act.__name__, error=str(error))
            except Exception:
                log.exception("timer failed", timer=act.__name__)

    async def _keep_probing(self) -> None:
        while True:
            # Whoever was sent away because of it is taken back soon.
            await asyncio.sleep(self.settings.probe_s / (1 if self._is_hearing else 5))
            try:
                await self._probe()
            except Exception:
                log.exception("probe failed")
                self._is_hearing = False

    async def _turn_wheel(self) -> None:
        self._standstill.turn()
        self._closed_silent += self._wheel.step(self.clock.now_ms())

    async def _sweep(self) -> None:
        now_s = self.clock.mono_s()
        for room in self._rooms:
            self._closed_slow += room.close_slow(now_s)
        await self._rooms.let_go(self.settings.room_linger_s)
        self.publisher.forget_quiet()
        self._people.forget_told(now_s - self.settings.told_s)

    async def _report_viewers(self) -> None:
        counts = {room.room_id: room.viewers for room in self._rooms}
        await self._presence.report(counts)

    async def _report_visitors(self) -> None:
        await self._visitors.report([each.room_id for each in self._rooms if each.viewers])

    async def _probe(self) -> None:
        is_hearing = await self._backplane.probe()
        if not is_hearing:
            self._probe_failures += 1
            log.error("this node does not hear the backplane")
        self._is_hearing = is_hearing
