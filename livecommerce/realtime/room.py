"""One room on one node: takes deliveries in order, repairs gaps, keeps its viewers up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from itertools import chain

from livecommerce.kernel.clock import Clock
from livecommerce.protocol.codec import Codec
from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime import frames
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.fan_out import Flush, WriteCost
from livecommerce.realtime.groups import Group
from livecommerce.realtime.pace import Pace, tick_s
from livecommerce.realtime.publications import Delivery, Publication
from livecommerce.realtime.room_log import RoomLog
from livecommerce.realtime.settings import HubSettings
from livecommerce.realtime.shared_frames import SharedFrames
from livecommerce.realtime.thinning import Thinner

HELD_MAX = 1_000
"""Deliveries held back while a room loads or a gap is repaired."""


class RoomState(IntEnum):
    LOADING = 0
    LIVE = 1
    REPAIRING = 2
    """A delivery is missing; what comes meanwhile is held back."""


class Room:
    """A room with viewers on this node.

    Args:
        repair: called when deliveries have a gap or a new epoch; must lead to `repaired` or
            `replace_log`.
        crowd: how many are in the room, on all nodes.
        tell: called with what concerns people beside those who are shown it.
    """

    __slots__ = (
        "_clock",
        "_cost",
        "_flush",
        "_groups",
        "_held",
        "_pace",
        "_repair",
        "_settings",
        "_shared",
        "_tell",
        "_thinner",
        "_waiting",
        "empty_since_s",
        "log",
        "received",
        "room_id",
        "state",
    )

    def __init__(
        self,
        room_id: str,
        *,
        clock: Clock,
        settings: HubSettings,
        cost: WriteCost,
        repair: Callable[[Room], None],
        crowd: Callable[[Room], int],
        tell: Callable[[str, Entry], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.room_id = room_id
        self.state = RoomState.LOADING
        self.log = RoomLog(epoch="", top=0, settings=settings)
        self.received = 0
        """The last offset taken; those above `log.top` wait to be written."""
        self.empty_since_s: float | None = clock.mono_s()
        self._clock = clock
        self._settings = settings
        self._cost = cost
        self._repair = repair
        self._tell = tell
        self._thinner = Thinner(settings, viewers=lambda: crowd(self))
        self._shared = SharedFrames(room_id, clock=clock, settings=settings)
        self._groups: dict[tuple[str, str], Group] = {}
        self._held: list[Delivery] = []
        self._waiting: list[tuple[tuple[Publication, ...], tuple[Publication, ...]]] = []
        self._pace = Pace(loop=loop, clock=clock, settings=settings, write=self._write_waiting)
        self._flush = Flush(
            loop=loop,
            clock=clock,
            slice_s=settings.flush_slice_ms / 1000,
            cost=cost,
            ended=self._write_waiting,
        )

    @property
    def viewers(self) -> int:
        """Connections on this node."""
        return sum(group.size for group in self._groups.values())

    @property
    def lagging(self) -> int:
        return sum(len(group.laggards) for group in self._groups.values())

    # Deliveries

    def deliver(self, delivery: Delivery) -> None:
        """Takes a batch from the backplane: forwards it, drops it as known, or repairs a gap."""
        if self.state is not RoomState.LIVE:
            # What is not held any more is in the backplane's history, from where the repair or the
            # next gap fetches it.
            if len(self._held) < HELD_MAX:
                self._held.append(delivery)
            return
        if not delivery.logged:
            self._forward((), delivery.loose)
            return
        last = delivery.first + len(delivery.logged) - 1
        if delivery.epoch != self.log.epoch or delivery.first > self.received + 1:
            self._held.append(delivery)
            self._suspect()
            return
        known = self.received + 1 - delivery.first
        if known > 0 and self.log.contradicts(delivery.first, delivery.logged[:known]):
            # A rewound log gave these offsets away again.
            self._suspect()
            return
        self.received = max(self.received, last)
        self._forward(delivery.logged[known:], delivery.loose)

    def check(self, epoch: str, top: int, *, received: int) -> None:
        """Compares with the backplane's position: the only way to see that a *last* batch is lost,
        or that the log was rewound.

        What is behind by a moment is not lost, so a gap counts when it is there twice in a row:
        the caller checks only rooms that heard nothing since the last check.

        Args:
            received: what this room had received when the position was asked for.
        """
        if self.state is not RoomState.LIVE:
            return
        if epoch != self.log.epoch or top > self.received or top < received:
            self._suspect()

    def show(self, publication: Publication) -> None:
        """Tells the viewers on this node a counter that did not come over the backplane."""
        self._forward((), (publication,))

    def repaired(self, publications: Sequence[Publication]) -> None:
        """Takes what was missing behind `received`, then what was held back."""
        assert self.state is RoomState.REPAIRING
        self.state = RoomState.LIVE
        self.received += len(publications)
        self._forward(tuple(publications), ())
        self._release_held()
        self.catch_up()

    def catch_up(self) -> None:
        """Takes what waits to be written into the log now, so that who comes is shown it."""
        self._pace.cancel()
        self._write_waiting()

    def replace_log(self, log: RoomLog) -> None:
        """Begins anew from a loaded log. Viewers get a snapshot; nobody is disconnected."""
        self.log = log
        self.received = log.top
        self._waiting.clear()
        self._pace.cancel()
        for group in self._groups.values():
            group.covered, group.covered_s = log.top, self._clock.mono_s()
            group.shared.clear()
            for laggard in group.laggards:
                laggard.cursor = -1
        self.state = RoomState.LIVE
        self.empty_since_s = None if self.viewers else self._clock.mono_s()
        self._flush.abort()
        groups = [group for group in self._groups.values() if group.writes]
        self._write([(group, self._shared.snapshot(self.log, group)) for group in groups])
        self._release_held()

    def _suspect(self) -> None:
        self.state = RoomState.REPAIRING
        self._repair(self)

    def _release_held(self) -> None:
        held, self._held = self._held, []
        for delivery in held:
            if delivery.epoch != self.log.epoch and delivery.logged:
                # From before the new epoch, or from after it: the position check tells.
                continue
            self.deliver(delivery)

    def _forward(self, logged: tuple[Publication, ...], loose: tuple[Publication, ...]) -> None:
        if not logged and not loose:
            return
        self._waiting.append((logged, loose))
        self._pace.ask(is_urgent=any(each.urgent for each in chain(logged, loose)))

    def _write_waiting(self) -> None:
        """Makes one batch of all that waits, and writes it. Merging happens only here.

        Called when that is due and when a flush has ended, which may be later.
        """
        if not self._waiting or self._flush.is_running or self._pace.is_waiting:
            return
        waiting, self._waiting = self._waiting, []
        now_s = self._clock.mono_s()
        logged = [each for batch, _ in waiting for each in batch]
        left_out = self._thinner.left_out(logged, now_s)
        entries = self.log.append(logged, now_s, left_out=left_out)
        loose = self.log.set_volatile(
            _latest(chain.from_iterable(each for _, each in waiting)), now_s
        )
        frames_by_group = [
            (group, self._batch_for(group, entries, loose, now_s))
            for group in self._groups.values()
        ]
        self._write([(group, frame) for group, frame in frames_by_group if frame])
        for entry in entries:
            if entry.publication.concerns and not entry.is_withdrawn:
                self._tell(self.room_id, entry)

    def _write(self, frames: Sequence[tuple[Group, bytes]]) -> None:
        if not frames:
            return
        writes = sum(len(group.writes) for group, _ in frames)
        self._pace.spend(tick_s(writes, self._cost.seconds, self._settings))
        self._flush.start(frames)

    def _batch_for(
        self, group: Group, entries: Sequence[Entry], loose: Sequence[Entry], now_s: float
    ) -> bytes | None:
        events = [entry for entry in entries if entry.is_shown_to(group.audience_class)]
        volatile = [entry for entry in loose if entry.is_shown_to(group.audience_class)]
        first = group.covered + 1
        # Who is shown nothing is still told where they are, now and then: that they missed nothing
        # can be said only while their position is in the ring.
        if events or (entries and now_s - group.covered_s >= self._settings.log_s / 4):
            group.covered, group.covered_s = self.log.top, now_s
            group.shared.clear()
        if not group.writes or not (first <= group.covered or volatile):
            return None
        return frames.batch(
            group.codec,
            room_id=self.room_id,
            epoch=self.log.epoch,
            first=first,
            last=group.covered,
            events=events,
            volatile=volatile,
        )

    # Viewers

    def join(
        self,
        connection: Connection,
        audience_class: str,
        *,
        epoch: str | None = None,
        offset: int | None = None,
    ) -> bytes:
        """Makes a connection live and returns what it must be written at once, without an await:
        what it missed since its position, or a snapshot."""
        assert self.state is not RoomState.LOADING
        group = self._group(connection.codec, audience_class)
        frame = None
        if epoch is not None and offset is not None:
            if offset <= self.received:
                # Where it comes from it was told what waits here to be written.
                offset = min(offset, self.log.top)
            frame = self._shared.recovered(self.log, group, epoch, offset)
        if frame is None:
            frame = self._shared.snapshot(self.log, group)
        group.add(connection, self._clock.mono_s())
        connection.cursor = self.log.top
        self.empty_since_s = None
        return frame

    def leave(self, connection: Connection) -> None:
        group = self._group_of(connection)
        group.remove(connection)
        if group.size == 0 and not group.is_flushing:
            del self._groups[group.codec.name, group.audience_class]
        if self.viewers == 0:
            self.empty_since_s = self._clock.mono_s()

    def regrade(self, connection: Connection, audience_class: str) -> bytes:
        """Moves a connection to another audience; returns its new snapshot."""
        self.leave(connection)
        return self.join(connection, audience_class)

    def pause(self, connection: Connection) -> None:
        self._group_of(connection).pause(connection, self._clock.mono_s())

    def resume(self, connection: Connection) -> None:
        """The socket takes bytes again: catches a laggard up and makes it live."""
        group = self._group_of(connection)
        if not group.resume(connection):
            return
        frame = None
        if connection.cursor >= 0:
            frame = self._shared.recovered(self.log, group, self.log.epoch, connection.cursor)
        connection.transport.write(
            frame if frame is not None else self._shared.snapshot(self.log, group)
        )
        connection.cursor = self.log.top
        if connection.is_paused:
            group.laggards[connection] = self._clock.mono_s()
        else:
            group.rejoin(connection)

    def close_slow(self, now_s: float) -> int:
        """Closes laggards that took nothing for too long; returns how many."""
        since_s = now_s - self._settings.slow_after_s
        slow = [
            connection
            for group in self._groups.values()
            for connection, lagging_since_s in group.laggards.items()
            if lagging_since_s <= since_s
        ]
        for connection in slow:
            connection.close(CloseCode.TOO_SLOW)
        return len(slow)

    def connections(self) -> list[Connection]:
        return [each for group in self._groups.values() for each in group.members()]

    def beat_for(self, connection: Connection) -> bytes:
        """The group's shared beat frame."""
        return self._shared.beat(self.log, self._group_of(connection))

    def _group(self, codec: Codec, audience_class: str) -> Group:
        group = self._groups.get((codec.name, audience_class))
        if group is None:
            now_s = self._clock.mono_s()
            group = Group(self.room_id, codec, audience_class, self.log.top, now_s)
            self._groups[codec.name, audience_class] = group
        return group

    def _group_of(self, connection: Connection) -> Group:
        assert connection.group is not None
        return connection.group


def _latest(publications: Iterable[Publication]) -> list[Publication]:
    """Of one counter only the last value; ephemeral events all."""
    kept: dict[tuple[str, str, str], Publication] = {}
    for publication in publications:
        name = ("", "", publication.id) if not publication.key else (*publication.slot, "")
        kept[name] = publication
    return list(kept.values())
