"""Frames that those who join at about the same time share: encoded once, given out while true."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from livecommerce.kernel.clock import Clock
from livecommerce.realtime import frames
from livecommerce.realtime.groups import Group
from livecommerce.realtime.room_log import RoomLog
from livecommerce.realtime.settings import HubSettings

SHARED_MAX = 64
"""Different `recovered` frames kept for returning viewers between two batches."""


class SharedFrames:
    """The snapshots, recoveries and beats of one room."""

    __slots__ = ("_clock", "_room_id", "_settings")

    def __init__(self, room_id: str, *, clock: Clock, settings: HubSettings) -> None:
        self._room_id = room_id
        self._clock = clock
        self._settings = settings

    def snapshot(self, log: RoomLog, group: Group) -> bytes:
        audience_class = group.audience_class

        def make(now_ms: int) -> bytes:
            state = log.state_for(audience_class)
            volatile = log.volatile_for(audience_class)
            room_for = self._settings.snapshot_bytes - sum(
                len(entry.publication.json) + 1 for entry in chain(state, volatile)
            )
            return frames.snapshot(
                group.codec,
                room_id=self._room_id,
                epoch=log.epoch,
                offset=log.top,
                now_ms=now_ms,
                state=state,
                recent=log.recent_for(audience_class, room_for),
                volatile=volatile,
            )

        return self._share(log, group, ("snapshot", 0), make)

    def recovered(self, log: RoomLog, group: Group, epoch: str, offset: int) -> bytes | None:
        """What was missed since a position; None: it is told by a snapshot only."""
        events = log.missed(epoch, offset, group.audience_class)
        if events is None:
            return None

        def make(now_ms: int) -> bytes:
            return frames.recovered(
                group.codec,
                room_id=self._room_id,
                epoch=log.epoch,
                offset=log.top,
                now_ms=now_ms,
                events=events,
                volatile=log.volatile_for(group.audience_class),
            )

        return self._share(log, group, ("recovered", offset), make)

    def beat(self, log: RoomLog, group: Group) -> bytes:
        def make(now_ms: int) -> bytes:
            return frames.beat(
                group.codec,
                room_id=self._room_id,
                epoch=log.epoch,
                last=group.covered,
                now_ms=now_ms,
            )

        return self._share(log, group, ("beat", group.covered), make)

    def _share(
        self, log: RoomLog, group: Group, kind: tuple[str, int], make: Callable[[int], bytes]
    ) -> bytes:
        """Gives out the frame made a moment ago when nothing in it has changed."""
        now_s = self._clock.mono_s()
        if shared := group.shared.get(kind):
            generation, made_s, frame = shared
            age_ms = (now_s - made_s) * 1000
            if generation == log.generation and age_ms <= self._settings.snapshot_age_ms:
                return frame
        if len(group.shared) >= SHARED_MAX:
            group.shared.clear()
        frame = make(self._clock.now_ms())
        group.shared[kind] = log.generation, now_s, frame
        return frame
