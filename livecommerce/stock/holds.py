"""A hold keeps units for one buyer while they pay.

    active -> paying -> consumed -> returned
    active -> released,  paying -> active | released | releasing,  releasing -> released | consumed

A hold that is being paid is never simply released: its payment is cancelled first (`releasing`),
and when the cancel comes too late the hold is consumed after all. A unit may wait; it is never sold
twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from livecommerce.kernel.errors import Code, Refused


class HoldState(StrEnum):
    ACTIVE = "active"
    """Waits for the buyer to pay."""
    PAYING = "paying"
    """A payment is under way."""
    RELEASING = "releasing"
    """Its payment is being cancelled."""
    CONSUMED = "consumed"
    """The units belong to a confirmed order."""
    RELEASED = "released"
    RETURNED = "returned"
    """The order was cancelled after it had been confirmed."""


NEXT: Final = {
    HoldState.ACTIVE: frozenset({HoldState.PAYING, HoldState.RELEASED, HoldState.CONSUMED}),
    HoldState.PAYING: frozenset(
        {HoldState.ACTIVE, HoldState.CONSUMED, HoldState.RELEASED, HoldState.RELEASING}
    ),
    HoldState.RELEASING: frozenset({HoldState.CONSUMED, HoldState.RELEASED}),
    HoldState.CONSUMED: frozenset({HoldState.RETURNED}),
    HoldState.RELEASED: frozenset[HoldState](),
    HoldState.RETURNED: frozenset[HoldState](),
}

INITIAL: Final = frozenset({HoldState.ACTIVE, HoldState.PAYING, HoldState.CONSUMED})
OPEN: Final = frozenset({HoldState.ACTIVE, HoldState.PAYING, HoldState.RELEASING})
"""States in which the units are reserved."""

REGULAR_HOLD_S: Final = 600
PAYMENT_S: Final = 300
CHALLENGE_S: Final = 600
DEADLINE_S: Final = 900
"""No hold lives longer than this but for a payment nobody could cancel yet."""
LEAD_MS: Final = 20_000
"""A payment is not confirmed when less than this is left: it could end after the hold."""


def move(current: HoldState, to: HoldState) -> HoldState:
    """The state after a step, or `bad_transition`."""
    if to not in NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, state=current.value)
    return to


def first_expiry(now: int, hold_s: int, *, paying: bool) -> int:
    """When a hold made now ends; a payment that starts at once gets its own time."""
    return now + max(hold_s, PAYMENT_S if paying else 0) * 1000


def payment_expiry(now: int, expires_at: int, deadline_at: int) -> int:
    """The one extension: time to finish a payment, never past the deadline."""
    return min(max(expires_at, now + PAYMENT_S * 1000), deadline_at)


def challenge_expiry(now: int, expires_at: int, deadline_at: int) -> int:
    """Time for the buyer to answer a challenge of their bank."""
    return min(max(expires_at, now + CHALLENGE_S * 1000), deadline_at)


def deadline(now: int) -> int:
    return now + DEADLINE_S * 1000
