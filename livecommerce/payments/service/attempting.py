"""Attempts and refunds within a write: used by checkout, on rows it declares by `attempt_need`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from livecommerce.database.group_commit import Need, Rows
from livecommerce.database.history import record_step
from livecommerce.payments import attempts, store
from livecommerce.payments.attempts import AttemptState, RefundState

RESUME_MS = 30_000
"""An attempt nobody has moved for so long was left behind by a crash."""


@dataclass(frozen=True, slots=True)
class NewAttempt:
    id: str
    order_id: str
    provider: str
    card_id: str
    amount_minor: int
    currency: str


def attempt_need(attempt_id: str) -> Need:
    return Need(store.payment_attempts, attempt_id)


def refund_need(refund_id: str) -> Need:
    return Need(store.refunds, refund_id)


def begin(rows: Rows, attempt: NewAttempt, nth: int, now: int) -> None:
    """Records that a payment is about to be made. Nothing can have been charged yet."""
    rows.insert(
        store.payment_attempts,
        {
            "id": attempt.id,
            "order_id": attempt.order_id,
            "nth": nth,
            "provider": attempt.provider,
            "card_id": attempt.card_id,
            "state": AttemptState.CREATED.value,
            "amount_minor": attempt.amount_minor,
            "currency": attempt.currency,
            "check_at": now + RESUME_MS,
            "created_at": now,
        },
    )


def state(rows: Rows, attempt_id: str) -> AttemptState:
    return AttemptState(get(rows, attempt_id)["state"])


def get(rows: Rows, attempt_id: str) -> store.Row:
    row = rows.get(store.payment_attempts, attempt_id)
    assert row is not None
    return row


def move(
    rows: Rows, attempt_id: str, to: AttemptState, reason: str, now: int, **values: Any
) -> None:
    """Takes a step; what has ended is not looked at again."""
    current = attempts.move(state(rows, attempt_id), to)
    before = state(rows, attempt_id)
    record_step(
        rows,
        store.payment_transitions,
        store.payment_attempts,
        attempt_id,
        "attempt",
        (before.value, current.value, reason),
        now,
    )
    if to in attempts.SETTLED:
        values["check_at"] = None
    rows.change(store.payment_attempts, attempt_id, state=to.value, **values)


def capture(rows: Rows, attempt_id: str, to: AttemptState, reason: str, now: int) -> None:
    """The money is there: `to` is succeeded, or surplus when nobody wants it."""
    amount_minor = get(rows, attempt_id)["amount_minor"]
    move(rows, attempt_id, to, reason, now, captured_minor=amount_minor)


def look_again(rows: Rows, attempt_id: str, now: int) -> None:
    """Puts off the next look at the provider, twice as long each time."""
    checks = get(rows, attempt_id)["checks"]
    rows.change(
        store.payment_attempts,
        attempt_id,
        checks=checks + 1,
        check_at=now + attempts.check_delay_ms(checks),
    )


def request_refund(rows: Rows, refund_id: str, attempt_id: str, reason: str, now: int) -> None:
    """Records that all captured money has to go back; a worker sees to it until it is done."""
    attempt = get(rows, attempt_id)
    rows.insert(
        store.refunds,
        {
            "id": refund_id,
            "attempt_id": attempt_id,
            "order_id": attempt["order_id"],
            "amount_minor": attempt["captured_minor"] - attempt["refunded_minor"],
            "reason": reason,
            "state": RefundState.REQUESTED.value,
            "check_at": now,
            "created_at": now,
        },
    )


def settle_refund(rows: Rows, refund_id: str, psp_ref: str | None, reason: str, now: int) -> bool:
    """The money is back. False: it is not what this refund waits for.

    Args:
        psp_ref: of the provider, which has paid it; None: a person has, after it was refused.
        reason: for the history.
    """
    refund = rows.get(store.refunds, refund_id)
    assert refund is not None
    before = RefundState.FAILED if psp_ref is None else RefundState.REQUESTED
    if refund["state"] != before:
        return False
    step = (before.value, RefundState.SUCCEEDED.value, reason)
    record_step(rows, store.payment_transitions, store.refunds, refund_id, "refund", step, now)
    rows.change(
        store.refunds,
        refund_id,
        state=RefundState.SUCCEEDED.value,
        psp_ref=psp_ref,
        check_at=None,
    )
    rows.add(store.payment_attempts, refund["attempt_id"], refunded_minor=refund["amount_minor"])
    return True


def put_off_refund(rows: Rows, refund_id: str, now: int, *, is_refused: bool) -> None:
    """The provider did not answer, or said no: then a person has to look at it."""
    refund = rows.get(store.refunds, refund_id)
    assert refund is not None
    if refund["state"] != RefundState.REQUESTED:
        return
    if is_refused:
        step = (RefundState.REQUESTED.value, RefundState.FAILED.value, "provider")
        record_step(rows, store.payment_transitions, store.refunds, refund_id, "refund", step, now)
        rows.change(store.refunds, refund_id, state=RefundState.FAILED.value, check_at=None)
        return
    checks = refund["checks"]
    rows.change(
        store.refunds,
        refund_id,
        checks=checks + 1,
        check_at=now + attempts.check_delay_ms(checks),
    )
