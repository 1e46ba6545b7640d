"""A flash sale: some units of one variant, for less, for a few minutes, at a moment all know.

    scheduled -> armed -> warm_up -> live <-> sold_out -> ended,  and cancelled before it is live

Arming sets the units aside. The warm-up tells everybody when buying opens. Which phase a sale is in
follows from its row and the server's clock alone; whoever first notices stores it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from livecommerce.kernel.errors import Code, Refused


class Phase(StrEnum):
    SCHEDULED = "scheduled"
    ARMED = "armed"
    WARM_UP = "warm_up"
    LIVE = "live"
    SOLD_OUT = "sold_out"
    """Every unit is sold or on hold; one that comes back makes the sale live again."""
    ENDED = "ended"
    CANCELLED = "cancelled"


NEXT: Final = {
    Phase.SCHEDULED: frozenset({Phase.ARMED, Phase.CANCELLED}),
    Phase.ARMED: frozenset({Phase.WARM_UP, Phase.CANCELLED}),
    Phase.WARM_UP: frozenset({Phase.LIVE, Phase.ENDED, Phase.CANCELLED}),
    Phase.LIVE: frozenset({Phase.SOLD_OUT, Phase.ENDED}),
    Phase.SOLD_OUT: frozenset({Phase.LIVE, Phase.ENDED}),
    Phase.ENDED: frozenset[Phase](),
    Phase.CANCELLED: frozenset[Phase](),
}

OVER: Final = frozenset({Phase.ENDED, Phase.CANCELLED})
STOCKED: Final = frozenset({Phase.ARMED, Phase.WARM_UP, Phase.LIVE, Phase.SOLD_OUT})
"""Phases in which the units not yet taken are set aside."""
RUNNING: Final = frozenset({Phase.LIVE, Phase.SOLD_OUT})

WARM_UP_S: Final = range(10, 301)
DURATION_S: Final = range(60, 1201)
HOLD_S: Final = range(30, 901)

Changes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FlashSale:
    """The part of a sale's row that its rules look at. Times are epoch milliseconds."""

    phase: Phase
    quota: int
    per_buyer: int
    held: int = 0
    sold: int = 0
    warm_up_s: int = 10
    duration_s: int = 300
    scheduled_at: int | None = None
    starts_at: int | None = None
    ends_at: int | None = None

    @property
    def available(self) -> int:
        return self.quota - self.held - self.sold

    @property
    def is_sound(self) -> bool:
        return self.held >= 0 and self.sold >= 0 and self.available >= 0


def check_terms(
    *,
    price_minor: int,
    regular_minor: int,
    quota: int,
    per_buyer: int,
    warm_up_s: int,
    duration_s: int,
    hold_s: int,
    scheduled_at: int | None,
    now: int,
) -> None:
    """Refuses a sale that is none: `bad_field`, with the field."""
    faults = {
        "price_minor": not 0 <= price_minor < regular_minor,
        "quota": quota < 1,
        "per_buyer": not 1 <= per_buyer <= quota,
        "warm_up_s": warm_up_s not in WARM_UP_S,
        "duration_s": duration_s not in DURATION_S,
        "hold_s": hold_s not in HOLD_S,
        "starts_at": scheduled_at is not None and scheduled_at < now,
    }
    for field, is_wrong in faults.items():
        if is_wrong:
            raise Refused(Code.BAD_FIELD, field=field)


def phase_at(sale: FlashSale, now: int) -> Phase:
    """The phase a sale that has begun is in by the clock; before its warm-up, the stored one."""
    if sale.phase not in (Phase.WARM_UP, *RUNNING):
        return sale.phase
    assert sale.starts_at is not None and sale.ends_at is not None
    if now >= sale.ends_at:
        return Phase.ENDED
    if now < sale.starts_at:
        return Phase.WARM_UP
    return Phase.LIVE if sale.available > 0 else Phase.SOLD_OUT


def next_moment(sale: FlashSale) -> int | None:
    """When the clock alone changes the sale next; None when it never will."""
    if sale.phase in (Phase.SCHEDULED, Phase.ARMED):
        return sale.scheduled_at
    if sale.phase is Phase.WARM_UP:
        return sale.starts_at
    return sale.ends_at if sale.phase in RUNNING else None


def move(current: Phase, to: Phase) -> Phase:
    if to not in NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, phase=current.value)
    return to


def warm_up(sale: FlashSale, at: int) -> Changes:
    """Begins the warm-up; from here on everybody knows when buying opens and when it ends."""
    move(sale.phase, Phase.WARM_UP)
    starts_at = at + sale.warm_up_s * 1000
    return {
        "phase": Phase.WARM_UP.value,
        "warm_up_at": at,
        "starts_at": starts_at,
        "ends_at": starts_at + sale.duration_s * 1000,
    }


def finish(sale: FlashSale, to: Phase, now: int) -> Changes:
    """Ends or cancels a sale by hand or by the clock."""
    move(sale.phase, to)
    at = now if sale.ends_at is None else min(now, sale.ends_at)
    return {"phase": to.value, "ended_at": at}


def sell(sale: FlashSale, qty: int, taken: int, now: int) -> None:
    """Agrees to a purchase of `qty` by a buyer who has `taken` units already.

    Raises:
        Refused: NOT_LIVE (with `starts_at` when it will be), LIMIT_REACHED, SOLD_OUT.
    """
    phase = phase_at(sale, now)
    if phase not in RUNNING:
        starts_at = sale.starts_at if phase is Phase.WARM_UP else None
        raise Refused(Code.NOT_LIVE, phase=phase.value, starts_at=starts_at)
    if taken + qty > sale.per_buyer:
        raise Refused(Code.LIMIT_REACHED, limit=sale.per_buyer, taken=taken)
    if qty > sale.available:
        raise Refused(Code.SOLD_OUT, available=sale.available)
