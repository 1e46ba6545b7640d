"""What a client knows of a room, and where in its order of events that is. Sans-I/O.

The same rules as the browser's `core/recovery.ts`; both are tested with `tests/wire/`.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from livecommerce.protocol.events import Event, Lane, StateEvent, VolatileEvent

RECENT_MAX = 200


class GapFound(Exception):
    """Events between our position and this batch are missing: join again with the position."""


class RoomMirror:
    """Applies snapshots, recoveries and batches; gives the events that are new."""

    def __init__(self) -> None:
        self.epoch: str | None = None
        self.offset: int | None = None
        self.state: dict[str, StateEvent] = {}
        self.volatile: dict[str, VolatileEvent] = {}
        self.recent: deque[Event] = deque(maxlen=RECENT_MAX)
        self._seen: deque[str] = deque(maxlen=4096)
        self._seen_ids: set[str] = set()
        self._versions: dict[str, int] = {}
        self._shown: dict[str, str] = {}
        """The event last given for each key."""

    def snapshot(
        self, epoch: str, offset: int, state: list[Any], recent: list[Event], volatile: list[Any]
    ) -> list[Event]:
        """Replaces everything known. Returns what a watcher has not been shown yet."""
        self.epoch, self.offset = epoch, offset
        self.state = {event.key: event for event in state}
        self._versions = {event.key: event.version for event in state}
        self.volatile = {event.key: event for event in volatile}
        self.recent = deque(recent, maxlen=RECENT_MAX)
        fresh: list[Event] = [event for event in recent if self._is_new(event)]
        fresh += [event for event in state if self._is_change(event)]
        return [*fresh, *volatile]

    def batch(
        self, epoch: str, first: int | None, last: int | None, events: list[Event]
    ) -> list[Event]:
        """Applies a batch. Returns its new events; raises GapFound when something is missing."""
        if first is None or last is None or self.offset is None:
            return []
        if epoch != self.epoch or first > self.offset + 1:
            raise GapFound
        if last <= self.offset:
            return []
        self.offset = last
        return self.apply(events)

    def recovered(self, epoch: str, offset: int, events: list[Event]) -> list[Event]:
        """Applies what was missed while away; a node may be behind the one that told us before."""
        if epoch == self.epoch and self.offset is not None:
            offset = max(offset, self.offset)
        self.epoch, self.offset = epoch, offset
        return self.apply(events)

    def beat(self, epoch: str, last: int) -> None:
        """Compares our position with the server's; raises GapFound when the tail is missing."""
        if self.offset is not None and (epoch != self.epoch or last > self.offset):
            raise GapFound

    def apply(self, events: list[Event]) -> list[Event]:
        """Applies events in order, each id once and no key backwards: also what is told to this
        person alone, a line of their own that the room is not shown for one."""
        return [event for event in events if self._apply(event)]

    def count(self, events: list[Any]) -> list[Event]:
        """Applies volatile values. Ephemeral events come with them and are not kept."""
        for event in events:
            if isinstance(event, VolatileEvent):
                self.volatile[event.key] = event
        return list(events)

    def _apply(self, event: Event) -> bool:
        if isinstance(event, StateEvent):
            # An equal version is taken: a counter that leaves the room says the version it had.
            if event.version < self._versions.get(event.key, -1):
                return False
            self._versions[event.key] = event.version
            if event.gone:
                self.state.pop(event.key, None)
            else:
                self.state[event.key] = event
            return self._is_change(event)
        if not self._is_new(event):
            return False
        gone = set(event.redacts())
        if gone:
            self.recent = deque((old for old in self.recent if old.id not in gone), RECENT_MAX)
            for id in gone:
                # What comes after the word that removed it stays gone.
                self._remember(id)
        if event.lane is Lane.LOG and event.replayed:
            self.recent.append(event)
        return True

    def _is_change(self, event: StateEvent) -> bool:
        # By key, not by id: a counter that left the room and came back says its old event again.
        if self._shown.get(event.key) == event.id:
            return False
        self._shown[event.key] = event.id
        return True

    def _is_new(self, event: Event) -> bool:
        if event.id in self._seen_ids:
            return False
        self._remember(event.id)
        return True

    def _remember(self, id: str) -> None:
        if id in self._seen_ids:
            return
        if len(self._seen) == self._seen.maxlen:
            self._seen_ids.discard(self._seen[0])
        self._seen.append(id)
        self._seen_ids.add(id)
