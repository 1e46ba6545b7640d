"""Steps of a payment, as writes: it begins, it is registered, it is given up, it goes back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import store
from livecommerce.orders.orders import OrderState, PaymentState
from livecommerce.orders.service import steps
from livecommerce.orders.service.steps import OrderFacts
from livecommerce.orders.wire import OrderView
from livecommerce.payments import attempts
from livecommerce.payments.attempts import AttemptState
from livecommerce.payments.service import attempting
from livecommerce.payments.service.attempting import NewAttempt
from livecommerce.stock import holds
from livecommerce.stock.holds import HoldState
from livecommerce.stock.service import Holding, hold_need, hold_row, hold_state


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginPayment(Write[OrderView]):
    """The buyer pays for units on hold: with a card (`attempt`), or when they are delivered."""

    facts: OrderFacts
    address_id: str
    attempt: NewAttempt | None
    idempotency: Idempotency[OrderView] | None
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding)

    def decide(self, rows: Rows, now: int) -> OrderView:
        row = steps.current(rows, self.facts)
        if row["state"] == OrderState.EXPIRED:
            raise Refused(Code.HOLD_EXPIRED)
        if row["state"] != OrderState.PENDING_PAYMENT or row["closing_as"] is not None:
            raise Refused(Code.BAD_TRANSITION, state=row["state"])
        if row["payment_state"] not in (PaymentState.NOT_PAID, PaymentState.FAILED):
            raise Refused(Code.IN_FLIGHT, retry_after_ms=1_000)
        if row["attempts"] >= attempts.ATTEMPTS_MAX:
            raise Refused(Code.PAYMENT_DECLINED, attempts=row["attempts"])
        order_id = self.facts.order_id
        if self.attempt is None:
            self._confirm_on_delivery(rows, now)
        else:
            self.holding.begin_payment(rows, self.facts.hold.id, now)
            attempting.begin(rows, self.attempt, row["attempts"] + 1, now)
            steps.move(
                rows,
                order_id,
                "pay",
                now,
                payment=PaymentState.PROCESSING,
                attempt_id=self.attempt.id,
                attempts=row["attempts"] + 1,
                address_id=self.address_id,
                failure=None,
            )
        return steps.tell_buyer(rows, self.facts, now)

    def _confirm_on_delivery(self, rows: Rows, now: int) -> None:
        hold = hold_row(rows, self.facts.hold.id)
        if hold["state"] != HoldState.ACTIVE or hold["expires_at"] <= now:
            raise Refused(Code.HOLD_EXPIRED)
        self.holding.consume(rows, self.facts.hold, now)
        steps.move(
            rows,
            self.facts.order_id,
            "pay_on_delivery",
            now,
            state=OrderState.CONFIRMED,
            payment=PaymentState.DUE_ON_DELIVERY,
            address_id=self.address_id,
            failure=None,
        )
        steps.tell_staff(rows, self.facts.order_id, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Write[bool]):
    """Stores the provider's reference before anything is charged.

    Answers whether the intent may be confirmed now: the hold is still being paid for, with time
    left, and nobody else has taken this attempt up. This is what keeps the reaper and the buyer
    from both having their way.
    """

    attempt_id: str
    hold_id: str
    psp_ref: str

    def needs(self) -> Iterable[Need]:
        yield attempting.attempt_need(self.attempt_id)
        yield hold_need(self.hold_id)

    def decide(self, rows: Rows, now: int) -> bool:
        if attempting.state(rows, self.attempt_id) is not AttemptState.CREATED:
            return False
        hold = hold_row(rows, self.hold_id)
        left_ms = hold["expires_at"] - now
        if hold["state"] != HoldState.PAYING or left_ms <= holds.LEAD_MS:
            return False
        attempting.move(
            rows,
            self.attempt_id,
            AttemptState.CONFIRMING,
            "registered",
            now,
            psp_ref=self.psp_ref,
            check_at=now + attempting.RESUME_MS,
        )
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp(Write[None]):
    """An attempt that has not charged anybody, and will not: the buyer may try again."""

    facts: OrderFacts
    attempt_id: str
    code: str
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding, [self.attempt_id])

    def decide(self, rows: Rows, now: int) -> None:
        steps.current(rows, self.facts)
        if attempting.state(rows, self.attempt_id) is not AttemptState.CREATED:
            return
        attempting.move(
            rows, self.attempt_id, AttemptState.FAILED, self.code, now, error_code=self.code
        )
        if hold_state(rows, self.facts.hold.id) is HoldState.PAYING:
            self.holding.resume(rows, self.facts.hold.id, now)
            steps.move(
                rows,
                self.facts.order_id,
                self.code,
                now,
                payment=PaymentState.FAILED,
                failure=self.code,
            )
            steps.tell_buyer(rows, self.facts, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded(Write[bool]):
    """A refund has arrived, see `settle_refund`. Answers whether it was news."""

    facts: OrderFacts
    attempt_id: str
    refund_id: str
    psp_ref: str | None
    reason: str = "provider"
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding, [self.attempt_id])
        yield attempting.refund_need(self.refund_id)

    def decide(self, rows: Rows, now: int) -> bool:
        if not attempting.settle_refund(rows, self.refund_id, self.psp_ref, self.reason, now):
            return False
        row = rows.get(store.orders, self.facts.order_id)
        assert row is not None
        is_its_own = row["attempt_id"] == self.attempt_id
        if is_its_own and row["payment_state"] == PaymentState.CAPTURED:
            steps.move(rows, self.facts.order_id, "refunded", now, payment=PaymentState.REFUNDED)
            steps.tell_buyer(rows, self.facts, now)
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class PutOffRefund(Write[None]):
    refund_id: str
    is_refused: bool

    def needs(self) -> Iterable[Need]:
        yield attempting.refund_need(self.refund_id)

    def decide(self, rows: Rows, now: int) -> None:
        attempting.put_off_refund(rows, self.refund_id, now, is_refused=self.is_refused)
