"""A room as a viewer knows it: what a snapshot says, and what each event makes of it.

This is the specification. The hub's memory, the web client and the Python client must agree with
it, and a fresh snapshot must equal an old one with all events since applied to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from livecommerce.protocol.events import Event, StateEvent, VolatileEvent

RECENT_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomState:
    """Everything that is shown of a room."""

    state: Mapping[str, StateEvent] = field(default_factory=dict)
    """By key, the ones that are gone included: they keep an older value from coming back."""
    recent: tuple[Event, ...] = ()
    """The last replayed events, oldest first."""
    volatile: Mapping[str, VolatileEvent] = field(default_factory=dict)
    withdrawn: frozenset[str] = frozenset()
    """Ids that were redacted, in case one of them comes once more."""

    @property
    def shown(self) -> dict[str, StateEvent]:
        """The values that a viewer sees, by key."""
        return {key: event for key, event in self.state.items() if not event.gone}


def from_snapshot(
    state: Iterable[StateEvent], recent: Iterable[Event], volatile: Iterable[VolatileEvent]
) -> RoomState:
    """Returns the room that a snapshot describes."""
    return RoomState(
        state={event.key: event for event in state},
        recent=tuple(recent)[-RECENT_MAX:],
        volatile={event.key: event for event in volatile},
    )


def apply(room: RoomState, event: Event) -> RoomState:
    """Returns the room after an event. Events seen before, and values outdated, change nothing."""
    room = _redact(room, event)
    if isinstance(event, StateEvent):
        held = room.state.get(event.key)
        # An equal version is taken: a counter that leaves a room, or comes back into it, says the
        # version its variant had all along.
        if held is not None and event.version < held.version:
            return room
        return replace(room, state={**room.state, event.key: event})
    if isinstance(event, VolatileEvent):
        return replace(room, volatile={**room.volatile, event.key: event})
    if not event.replayed or event.id in room.withdrawn:
        return room
    if any(seen.id == event.id for seen in room.recent):
        return room
    return replace(room, recent=(*room.recent, event)[-RECENT_MAX:])


def apply_all(room: RoomState, events: Iterable[Event]) -> RoomState:
    for event in events:
        room = apply(room, event)
    return room


def _redact(room: RoomState, event: Event) -> RoomState:
    redacted = event.redacts()
    if not redacted:
        return room
    return replace(
        room,
        recent=tuple(seen for seen in room.recent if seen.id not in redacted),
        withdrawn=room.withdrawn.union(redacted),
    )
