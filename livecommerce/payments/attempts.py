"""An attempt to pay for an order, and the refund of one that succeeded.

    created -> confirming -> succeeded | requires_action | processing | unknown | failed
    requires_action, processing, unknown -> succeeded | failed | canceling
    canceling -> canceled | succeeded,    failed, canceled -> succeeded | surplus

An attempt without the provider's reference cannot have charged anybody. Money that arrives for an
order which does not want it any more is `surplus` and goes back; it is never dropped.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from livecommerce.kernel.errors import Code, Refused


class AttemptState(StrEnum):
    CREATED = "created"
    CONFIRMING = "confirming"
    """The provider's reference is stored; from here on it may have been charged."""
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    UNKNOWN = "unknown"
    """The provider did not answer."""
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    SURPLUS = "surplus"


_S = AttemptState
_ENDS = frozenset({_S.SUCCEEDED, _S.FAILED, _S.CANCELED, _S.SURPLUS})
NEXT: Final = {
    _S.CREATED: frozenset({_S.CONFIRMING, _S.FAILED, _S.CANCELED}),
    _S.CONFIRMING: _ENDS | {_S.REQUIRES_ACTION, _S.PROCESSING, _S.UNKNOWN, _S.CANCELING},
    _S.REQUIRES_ACTION: _ENDS | {_S.PROCESSING, _S.UNKNOWN, _S.CANCELING},
    _S.PROCESSING: _ENDS | {_S.REQUIRES_ACTION, _S.UNKNOWN, _S.CANCELING},
    _S.UNKNOWN: _ENDS | {_S.REQUIRES_ACTION, _S.PROCESSING, _S.CANCELING},
    _S.CANCELING: _ENDS,
    _S.FAILED: frozenset({_S.SUCCEEDED, _S.SURPLUS}),
    _S.CANCELED: frozenset({_S.SUCCEEDED, _S.SURPLUS}),
    _S.SUCCEEDED: frozenset[AttemptState](),
    _S.SURPLUS: frozenset[AttemptState](),
}

SETTLED: Final = _ENDS
IN_FLIGHT: Final = frozenset(
    {_S.CONFIRMING, _S.REQUIRES_ACTION, _S.PROCESSING, _S.UNKNOWN, _S.CANCELING}
)
"""Only the provider knows how these end: ask."""

ATTEMPTS_MAX: Final = 3
"""Tries to pay within one hold."""

FRAUD_CODES: Final = frozenset({"fraudulent", "stolen_card", "lost_card"})
"""Declines after which no other card may be tried."""


def move(current: AttemptState, to: AttemptState) -> AttemptState:
    if to not in NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, state=current.value)
    return to


def check_delay_ms(checks: int) -> int:
    """How long after the n-th look at the provider the next one is due: 1 s, 2 s, 4 s … 1 h."""
    return int(min(2**checks, 3_600)) * 1000


class RefundState(StrEnum):
    REQUESTED = "requested"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The provider says no: a person pays it back by other means, and says so."""


REFUND_NEXT: Final = {
    RefundState.REQUESTED: frozenset({RefundState.SUCCEEDED, RefundState.FAILED}),
    RefundState.SUCCEEDED: frozenset[RefundState](),
    RefundState.FAILED: frozenset({RefundState.REQUESTED, RefundState.SUCCEEDED}),
}
