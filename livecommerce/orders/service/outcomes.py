"""What a provider says about a payment, applied to the order: paid, declined, cancelled, or wait.

Any process may learn of an outcome any number of times, by an answer, a webhook or a look; the rows
as they stand decide what it means, and a second time it means nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import store
from livecommerce.orders.orders import FulfilState, OrderState, PaymentState
from livecommerce.orders.service import steps
from livecommerce.orders.service.steps import OrderFacts
from livecommerce.payments import attempts
from livecommerce.payments.attempts import AttemptState
from livecommerce.payments.providers.port import Intent, IntentStatus
from livecommerce.payments.service import attempting
from livecommerce.stock.holds import HoldState
from livecommerce.stock.service import HoldFacts, Holding, hold_need, hold_state


class Outcome(StrEnum):
    """What came of applying it; for the one who asked."""

    NOTHING = "nothing"
    CONFIRMED = "confirmed"
    REFUNDING = "refunding"
    RELEASED = "released"
    WAITING = "waiting"
    RETRY = "retry"
    """The buyer may try another card."""


LATE = "late"
PAYMENT_UNAVAILABLE = Code.PAYMENT_UNAVAILABLE.value
PAYMENT_RETURNED = "payment_returned"
"""It came after the order had ended, and goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Apply(Write[Outcome]):
    """
    Args:
        intent: as the provider has it; None when it did not answer.
        spare: a hold to take when the money comes after the units were given back.
        refund_id: of the refund, should the order not want the money.
    """

    facts: OrderFacts
    attempt_id: str
    intent: Intent | None
    spare: HoldFacts
    refund_id: str
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding, [self.attempt_id])
        yield hold_need(self.spare.id)

    def decide(self, rows: Rows, now: int) -> Outcome:
        steps.current(rows, self.facts)
        state = attempting.state(rows, self.attempt_id)
        if state in (AttemptState.SUCCEEDED, AttemptState.SURPLUS):
            return Outcome.NOTHING
        if self.intent is None:
            return self._wait(rows, AttemptState.UNKNOWN, now)
        if not self._is_ours(rows, self.intent):
            # Money of another amount or for another attempt pays for nothing; a person looks at it.
            return self._wait(rows, AttemptState.UNKNOWN, now, error_code="mismatch")
        match self.intent.status:
            case IntentStatus.SUCCEEDED:
                return self._succeed(rows, state, now)
            case IntentStatus.DECLINED:
                return self._fail(rows, state, AttemptState.FAILED, now)
            case IntentStatus.CANCELED:
                return self._fail(rows, state, AttemptState.CANCELED, now)
            case IntentStatus.REQUIRES_ACTION:
                return self._ask_buyer(rows, state, now)
            case IntentStatus.PROCESSING | IntentStatus.REQUIRES_CONFIRMATION:
                return self._wait(rows, AttemptState.PROCESSING, now)

    def _is_ours(self, rows: Rows, intent: Intent) -> bool:
        attempt = attempting.get(rows, self.attempt_id)
        return (intent.attempt_id, intent.amount_minor, intent.currency) == (
            self.attempt_id,
            attempt["amount_minor"],
            attempt["currency"],
        )

    # The money is there.

    def _succeed(self, rows: Rows, state: AttemptState, now: int) -> Outcome:
        row = self._order(rows)
        hold = self._hold_state(rows)
        is_wanted = row["state"] == OrderState.PENDING_PAYMENT and self._is_alone(rows)
        if is_wanted and hold in (HoldState.ACTIVE, HoldState.PAYING, HoldState.RELEASING):
            return self._confirm(rows, self.facts.hold, "paid", now)
        if row["state"] == OrderState.EXPIRED and self._is_alone(rows):
            try:
                # The units went back when the hold ran out. If there are still some, they are his.
                self.holding.take(rows, self.spare, now, state=HoldState.CONSUMED, expected_minor=0)
            except Refused:
                return self._send_back(rows, now)
            rows.change(store.orders, self.facts.order_id, hold_id=self.spare.id)
            return self._confirm(rows, None, LATE, now)
        return self._send_back(rows, now)

    def _confirm(self, rows: Rows, hold: HoldFacts | None, reason: str, now: int) -> Outcome:
        order_id = self.facts.order_id
        wants_out = self._order(rows)["closing_as"] == OrderState.CANCELLED
        attempting.capture(rows, self.attempt_id, AttemptState.SUCCEEDED, reason, now)
        if hold is not None:
            if self._hold_state(rows) is HoldState.ACTIVE:
                reason = LATE
            self.holding.consume(rows, hold, now)
        steps.move(
            rows,
            order_id,
            reason,
            now,
            state=OrderState.CONFIRMED,
            payment=PaymentState.CAPTURED,
            attempt_id=self.attempt_id,
            paid_at=now,
            failure=None,
            action_kind=None,
            action_url=None,
            closing_as=None,
        )
        if wants_out:
            undo(rows, self.facts, self.holding, self.attempt_id, self.refund_id, "cancel", now)
            return Outcome.REFUNDING
        steps.tell_staff(rows, order_id, now)
        steps.tell_buyer(rows, self.facts, now)
        return Outcome.CONFIRMED

    def _send_back(self, rows: Rows, now: int) -> Outcome:
        attempting.capture(rows, self.attempt_id, AttemptState.SURPLUS, LATE, now)
        attempting.request_refund(rows, self.refund_id, self.attempt_id, LATE, now)
        if self._order(rows)["state"] in (OrderState.EXPIRED, OrderState.CANCELLED):
            # Their bank shows a charge for an order that is over: nobody should have to wonder.
            rows.change(store.orders, self.facts.order_id, failure=PAYMENT_RETURNED)
            steps.tell_buyer(rows, self.facts, now)
        return Outcome.REFUNDING

    def _is_alone(self, rows: Rows) -> bool:
        """Whether no other attempt of the order may still succeed, or has."""
        latest = self.facts.attempt_id
        if latest is None or latest == self.attempt_id:
            return True
        return attempting.state(rows, latest) in (
            AttemptState.FAILED,
            AttemptState.CANCELED,
            AttemptState.SURPLUS,
        )

    # It is not, and will not be.

    def _fail(self, rows: Rows, state: AttemptState, to: AttemptState, now: int) -> Outcome:
        if state in attempts.SETTLED:
            return Outcome.NOTHING
        assert self.intent is not None
        is_decline = to is AttemptState.FAILED
        code = self.intent.code or "declined" if is_decline else PAYMENT_UNAVAILABLE
        attempting.move(rows, self.attempt_id, to, code, now, error_code=code)
        row, hold = self._order(rows), self._hold_state(rows)
        if hold is HoldState.RELEASING:
            to_state = OrderState(row["closing_as"] or OrderState.EXPIRED)
            reason = "cancelled" if to_state is OrderState.CANCELLED else "expired"
            steps.close(rows, self.facts, self.holding, to_state, reason, now)
            steps.tell_buyer(rows, self.facts, now)
            return Outcome.RELEASED
        if hold is not HoldState.PAYING:
            return Outcome.NOTHING
        failure = Code.PAYMENT_DECLINED.value if is_decline else PAYMENT_UNAVAILABLE
        steps.move(
            rows,
            self.facts.order_id,
            code,
            now,
            payment=PaymentState.FAILED,
            failure=failure,
            action_kind=None,
            action_url=None,
        )
        is_over = code in attempts.FRAUD_CODES or row["attempts"] >= attempts.ATTEMPTS_MAX
        if is_decline and is_over:
            steps.close(rows, self.facts, self.holding, OrderState.CANCELLED, "declined", now)
            steps.tell_buyer(rows, self.facts, now)
            return Outcome.RELEASED
        self.holding.resume(rows, self.facts.hold.id, now)
        steps.tell_buyer(rows, self.facts, now)
        return Outcome.RETRY

    # Nobody knows yet.

    def _ask_buyer(self, rows: Rows, state: AttemptState, now: int) -> Outcome:
        assert self.intent is not None
        if self._hold_state(rows) is not HoldState.PAYING or state in attempts.SETTLED:
            return self._wait(rows, AttemptState.PROCESSING, now)
        attempting.look_again(rows, self.attempt_id, now)
        if state is AttemptState.REQUIRES_ACTION:
            return Outcome.WAITING
        attempting.move(rows, self.attempt_id, AttemptState.REQUIRES_ACTION, "provider", now)
        self.holding.await_challenge(rows, self.facts.hold.id, now)
        steps.move(
            rows,
            self.facts.order_id,
            "provider",
            now,
            payment=PaymentState.REQUIRES_ACTION,
            action_kind=self.intent.action_kind,
            action_url=self.intent.action_url,
        )
        steps.tell_buyer(rows, self.facts, now)
        return Outcome.WAITING

    def _wait(
        self, rows: Rows, to: AttemptState, now: int, *, error_code: str | None = None
    ) -> Outcome:
        state = attempting.state(rows, self.attempt_id)
        if state in attempts.SETTLED or state is AttemptState.CREATED:
            return Outcome.NOTHING
        attempting.look_again(rows, self.attempt_id, now)
        # An attempt that is being cancelled stays so: the cancel is asked for again.
        if state not in (to, AttemptState.CANCELING):
            attempting.move(rows, self.attempt_id, to, "provider", now, error_code=error_code)
            row = self._order(rows)
            if row["payment_state"] == PaymentState.REQUIRES_ACTION:
                steps.move(
                    rows,
                    self.facts.order_id,
                    "provider",
                    now,
                    payment=PaymentState.PROCESSING,
                    action_kind=None,
                    action_url=None,
                )
                steps.tell_buyer(rows, self.facts, now)
        return Outcome.WAITING

    def _order(self, rows: Rows) -> store.Row:
        row = rows.get(store.orders, self.facts.order_id)
        assert row is not None
        return row

    def _hold_state(self, rows: Rows) -> HoldState:
        return hold_state(rows, self.facts.hold.id)


def undo(
    rows: Rows,
    facts: OrderFacts,
    holding: Holding,
    attempt_id: str | None,
    refund_id: str,
    reason: str,
    now: int,
) -> None:
    """Cancels a confirmed order nothing of which was sent: units back, money back."""
    row = rows.get(store.orders, facts.order_id)
    assert row is not None
    holding.give_back(rows, facts.hold, reason, now)
    is_paid = row["payment_state"] == PaymentState.CAPTURED
    steps.move(
        rows,
        facts.order_id,
        reason,
        now,
        state=OrderState.CANCELLED,
        payment=None if is_paid else PaymentState.NOT_PAID,
        fulfil=FulfilState.CANCELLED,
    )
    if is_paid:
        assert attempt_id is not None
        attempting.request_refund(rows, refund_id, attempt_id, reason, now)
    steps.tell_staff(rows, facts.order_id, now)
    steps.tell_buyer(rows, facts, now)
