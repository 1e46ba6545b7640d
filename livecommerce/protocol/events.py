"""What the server tells a room: the base of every event, and the lanes events travel in."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

EVERYONE = "everyone"
STAFF = "staff"


class Lane(StrEnum):
    """How an event is treated on its way (docs/protocol.md, *Lanes*)."""

    LOG = "log"
    """Ordered, has an offset, can be recovered: chat, orders, moderation."""
    STATE = "state"
    """As LOG, and replaces the earlier event of the same key: stock, pins, sale phase."""
    VOLATILE = "volatile"
    """An absolute value of which only the latest matters; no offset: viewers, likes."""
    EPHEMERAL = "ephemeral"
    """May be dropped by anyone at any time."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="t"):
    """A fact. Published at most once per `id`: a second publication of an id is dropped."""

    lane: ClassVar[Lane] = Lane.LOG
    urgent: ClassVar[bool] = False
    """Waits at most 10 ms for company: moderation, orders, pins, sale phases."""
    replayed: ClassVar[bool] = False
    """Belongs to the `recent` list that a newcomer is shown."""

    id: str
    at: int
    """Server wall clock, epoch milliseconds."""

    @property
    def spare(self) -> bool:
        """May be left out for viewers of a room in which more is said than they can read."""
        return False

    def redacts(self) -> tuple[str, ...]:
        """Ids of earlier events that nobody may be shown again."""
        return ()


class StateEvent(Event, frozen=True, kw_only=True):
    """The absolute value of one key of the room's state; a lower version is never taken."""

    lane: ClassVar[Lane] = Lane.STATE

    key: str
    version: int

    @property
    def gone(self) -> bool:
        """The key has no value any more; a newcomer is not shown it."""
        return False

    @property
    def pace_ms(self) -> int:
        """The publisher sends this key at most once in so many milliseconds, the latest value last.

        0 sends every change. Stock counters are paced to ten a second until few units are left.
        """
        return 0


class VolatileEvent(Event, frozen=True, kw_only=True):
    """The absolute value of a counter; only the latest is ever sent."""

    lane: ClassVar[Lane] = Lane.VOLATILE

    key: str
