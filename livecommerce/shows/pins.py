"""Pins: what is made prominent in a room's three slots, with five seconds to take a change back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from livecommerce.kernel.errors import Code, Refused

SLOTS = (1, 2, 3)
UNDO_MS = 5_000
COUNTERS_MAX = 24
"""Variants of one pinned offer whose stock counters are told to the room."""


class Kind(StrEnum):
    PRODUCT = "product"
    FLASH_SALE = "flash_sale"
    ANNOUNCEMENT = "announcement"


class Pinned(Protocol):
    """What may stand in a slot: anything that can tell what it is about."""

    @property
    def subject(self) -> str | None:
        """What it is about, to find it in another slot; None when it may stand in many."""
        ...


P = TypeVar("P", bound=Pinned)


@dataclass(frozen=True, slots=True)
class Slot(Generic[P]):
    """One slot: what stands in it, and what stood there before the last change."""

    shown: P | None = None
    before: P | None = None
    undo_until: int | None = None
    """Epoch milliseconds; None when there is nothing to undo."""


def put(slots: Mapping[int, Slot[P]], number: int, pinned: P, *, now: int) -> Slot[P]:
    """Returns the slot after `pinned` took it; what stood there can be brought back for 5 s.

    Raises:
        Refused: `slot_taken`, the same offer or sale stands in another slot (told in `slot`).
    """
    _must_be_alone(slots, number, pinned)
    return Slot(shown=pinned, before=slots[number].shown, undo_until=now + UNDO_MS)


def clear(slot: Slot[P], *, now: int) -> Slot[P]:
    """Returns the slot emptied. Emptying an empty one changes nothing, its undo neither."""
    if slot.shown is None:
        return slot
    return Slot(shown=None, before=slot.shown, undo_until=now + UNDO_MS)


def undo(slots: Mapping[int, Slot[P]], number: int, *, now: int) -> Slot[P]:
    """Returns the slot as it stood before its last change. An undo itself cannot be undone.

    Raises:
        Refused: `undo_expired`, more than 5 s ago or nothing was changed; `slot_taken`.
    """
    slot = slots[number]
    if slot.undo_until is None or now > slot.undo_until:
        raise Refused(Code.UNDO_EXPIRED)
    if slot.before is not None:
        _must_be_alone(slots, number, slot.before)
    return Slot(shown=slot.before)


def _must_be_alone(slots: Mapping[int, Slot[P]], number: int, pinned: P) -> None:
    if pinned.subject is None:
        return
    for other, slot in slots.items():
        if other != number and slot.shown is not None and slot.shown.subject == pinned.subject:
            raise Refused(Code.SLOT_TAKEN, field="slot", slot=other)
