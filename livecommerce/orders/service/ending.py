"""How an order ends without being paid: its hold runs out, or its buyer gives it up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import store
from livecommerce.orders.orders import FulfilState, OrderState
from livecommerce.orders.service import steps
from livecommerce.orders.service.outcomes import undo
from livecommerce.orders.service.steps import OrderFacts
from livecommerce.orders.wire import OrderView
from livecommerce.payments import attempts
from livecommerce.payments.attempts import AttemptState
from livecommerce.payments.service import attempting
from livecommerce.stock.holds import HoldState
from livecommerce.stock.service import Holding, hold_row, hold_state


class Ended(StrEnum):
    NOTHING = "nothing"
    RELEASED = "released"
    CANCELLING = "cancelling"
    """Its payment has to be cancelled at the provider first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expire(Write[Ended]):
    """A hold has run out. Units whose payment may still succeed are kept until it cannot."""

    facts: OrderFacts
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding)

    def decide(self, rows: Rows, now: int) -> Ended:
        steps.current(rows, self.facts)
        hold = hold_row(rows, self.facts.hold.id)
        if hold["expires_at"] > now:
            return Ended.NOTHING
        if HoldState(hold["state"]) not in (HoldState.ACTIVE, HoldState.PAYING):
            return Ended.NOTHING
        ended = let_go(rows, self.facts, self.holding, OrderState.EXPIRED, "expired", now)
        if ended is Ended.RELEASED:
            steps.tell_buyer(rows, self.facts, now)
        return ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel(Write[OrderView]):
    """The buyer gives an order up: at once while nothing can have been charged; by way of the
    provider while it may have been; with a refund when it has been and nothing was sent."""

    facts: OrderFacts
    refund_id: str
    idempotency: Idempotency[OrderView] | None
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from steps.needs(self.facts, self.holding)

    def decide(self, rows: Rows, now: int) -> OrderView:
        row = steps.current(rows, self.facts)
        state = OrderState(row["state"])
        is_unsent = row["fulfil_state"] == FulfilState.NOT_FULFILLED
        if state is OrderState.CONFIRMED and is_unsent:
            undo(
                rows,
                self.facts,
                self.holding,
                row["attempt_id"],
                self.refund_id,
                "cancel",
                now,
            )
            return steps.view(rows, self.facts)
        if state is not OrderState.PENDING_PAYMENT:
            raise Refused(Code.BAD_TRANSITION, state=state.value)
        if hold_state(rows, self.facts.hold.id) is HoldState.RELEASING:
            # It is on its way out already; now it is the buyer's own wish.
            rows.change(store.orders, self.facts.order_id, closing_as=OrderState.CANCELLED.value)
        else:
            let_go(rows, self.facts, self.holding, OrderState.CANCELLED, "cancel", now)
        return steps.tell_buyer(rows, self.facts, now)


def let_go(
    rows: Rows, facts: OrderFacts, holding: Holding, to: OrderState, reason: str, now: int
) -> Ended:
    """Releases the hold of a waiting order, or begins to cancel the payment that is in the way."""
    state = None if facts.attempt_id is None else attempting.state(rows, facts.attempt_id)
    is_paying = hold_state(rows, facts.hold.id) is HoldState.PAYING
    if is_paying and state in attempts.IN_FLIGHT:
        assert facts.attempt_id is not None
        holding.start_releasing(rows, facts.hold.id, reason, now)
        if state is not AttemptState.CANCELING:
            attempting.move(
                rows, facts.attempt_id, AttemptState.CANCELING, reason, now, check_at=now
            )
        rows.change(store.orders, facts.order_id, closing_as=to.value)
        return Ended.CANCELLING
    if state is AttemptState.CREATED:
        assert facts.attempt_id is not None
        attempting.move(rows, facts.attempt_id, AttemptState.CANCELED, reason, now)
    steps.close(rows, facts, holding, to, reason, now)
    return Ended.RELEASED
