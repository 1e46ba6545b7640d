"""Orders within a write: steps on the three axes, and who is told of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from livecommerce.catalogue.wire import Text
from livecommerce.database.group_commit import Need, Rows
from livecommerce.database.history import record_step
from livecommerce.orders import orders as rules
from livecommerce.orders import store
from livecommerce.orders.orders import FulfilState, OrderState, PaymentState, number_of
from livecommerce.orders.service.views import FEED_STATES, line_view, order_view
from livecommerce.orders.wire import OrderChanged, OrderView, SaleMade
from livecommerce.payments.service import attempting
from livecommerce.protocol.events import STAFF
from livecommerce.stock.service import HoldFacts, Holding, hold_row


class FactsChanged(Exception):
    """The order has another hold than the write was made for: read again, decide again."""


class OrderFacts(msgspec.Struct, frozen=True):
    """What a write has to know of an order before it can say which rows it needs."""

    order_id: str
    person_id: str
    room_id: str | None
    hold: HoldFacts
    attempt_id: str | None
    """The latest attempt to pay."""
    offer_id: str | None
    market: str
    currency: str
    total_minor: int


def needs(
    facts: OrderFacts, holding: Holding, attempt_ids: Iterable[str | None] = ()
) -> Iterable[Need]:
    """All rows of an order that any step of it changes."""
    yield Need(store.orders, facts.order_id)
    yield Need(store.order_lines, store.line_id(facts.order_id))
    yield from holding.needs(facts.hold)
    for attempt_id in {facts.attempt_id, *attempt_ids}:
        if attempt_id is not None:
            yield attempting.attempt_need(attempt_id)


def current(rows: Rows, facts: OrderFacts) -> store.Row:
    """The order's row, if the facts still hold."""
    row = rows.get(store.orders, facts.order_id)
    assert row is not None
    if row["hold_id"] != facts.hold.id or row["attempt_id"] != facts.attempt_id:
        raise FactsChanged
    return row


def move(
    rows: Rows,
    order_id: str,
    reason: str,
    now: int,
    *,
    state: OrderState | None = None,
    payment: PaymentState | None = None,
    fulfil: FulfilState | None = None,
    **values: Any,
) -> None:
    """Steps on some of the axes; an axis that is there already does not move."""
    row = rows.get(store.orders, order_id)
    assert row is not None
    if state is not None and state != row["state"]:
        rules.move_order(OrderState(row["state"]), state)
        step = (row["state"], state.value, reason)
        record_step(rows, store.order_transitions, store.orders, order_id, "order", step, now)
        values["state"] = state.value
    if payment is not None and payment != row["payment_state"]:
        rules.move_payment(PaymentState(row["payment_state"]), payment)
        step = (row["payment_state"], payment.value, reason)
        record_step(rows, store.order_transitions, store.orders, order_id, "payment", step, now)
        values["payment_state"] = payment.value
    if fulfil is not None and fulfil != row["fulfil_state"]:
        rules.move_fulfilment(FulfilState(row["fulfil_state"]), fulfil)
        step = (row["fulfil_state"], fulfil.value, reason)
        record_step(rows, store.order_transitions, store.orders, order_id, "fulfilment", step, now)
        values["fulfil_state"] = fulfil.value
    if values:
        rows.change(store.orders, order_id, **values)


def view(rows: Rows, facts: OrderFacts) -> OrderView:
    """The order as its buyer sees it after this write."""
    row = rows.get(store.orders, facts.order_id)
    line = rows.get(store.order_lines, store.line_id(facts.order_id))
    assert row is not None and line is not None
    return order_view(row, [line_view(line)], hold_row(rows, facts.hold.id)["expires_at"])


def tell_buyer(rows: Rows, facts: OrderFacts, now: int) -> OrderView:
    """Tells the buyer how their order stands, on all of their connections."""
    order = view(rows, facts)
    event = OrderChanged(id=f"order:{order.id}.{order.version}", at=now, order=order)
    rows.tell(facts.person_id, event)
    return order


def tell_staff(rows: Rows, order_id: str, now: int) -> None:
    """Tells the room's staff that an order was made or has ended."""
    row = rows.get(store.orders, order_id)
    line = rows.get(store.order_lines, store.line_id(order_id))
    assert row is not None and line is not None
    if row["room_id"] is None:
        return
    state = FEED_STATES[OrderState(row["state"])]
    rows.publish(
        row["room_id"],
        SaleMade(
            id=f"sale_made:{order_id}.{row['version']}",
            at=now,
            order_id=order_id,
            number=number_of(order_id),
            buyer_name=row["buyer_name"],
            title=Text(en=line["title_en"], ar=line["title_ar"]),
            qty=line["qty"],
            total_minor=row["total_minor"],
            currency=row["currency"],
            state=state,
        ),
        audience=STAFF,
    )


def close(
    rows: Rows, facts: OrderFacts, holding: Holding, to: OrderState, reason: str, now: int
) -> None:
    """Gives the units of a waiting order back and ends it: expired, or cancelled."""
    row = rows.get(store.orders, facts.order_id)
    assert row is not None
    holding.release(rows, facts.hold, reason, now)
    payment = PaymentState(row["payment_state"])
    is_open = payment in (PaymentState.PROCESSING, PaymentState.REQUIRES_ACTION)
    move(
        rows,
        facts.order_id,
        reason,
        now,
        state=to,
        payment=PaymentState.NOT_PAID if is_open else None,
        fulfil=FulfilState.CANCELLED if to is OrderState.CANCELLED else None,
        action_kind=None,
        action_url=None,
        closing_as=None,
    )
    tell_staff(rows, facts.order_id, now)
