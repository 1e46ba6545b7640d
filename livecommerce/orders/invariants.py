"""What must be true of orders at any moment, and of the money a provider says it has taken."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.engine import Database
from livecommerce.database.history import history_breaches
from livecommerce.database.purge import KEYS_KEPT_MS
from livecommerce.database.verify import Breach, breaches, invariant
from livecommerce.orders import orders as rules
from livecommerce.orders.orders import FulfilState, OrderState, PaymentState
from livecommerce.orders.store import order_lines, order_transitions, orders
from livecommerce.payments.attempts import AttemptState
from livecommerce.payments.providers.sandbox import Paid
from livecommerce.payments.store import payment_attempts, refunded_by_hand, refunds
from livecommerce.stock.holds import HoldState
from livecommerce.stock.store import holds

PAST_DEADLINE_MS_MAX = 60_000
_KEPT = [OrderState.CONFIRMED.value, OrderState.COMPLETED.value]
_FINAL = ["consumed", "released", "returned"]


@invariant("I7", "a confirmed order has exactly one consumed hold, and is paid or due on delivery")
async def confirmed_orders_are_backed(connection: AsyncConnection) -> list[Breach]:
    order, attempt = orders.c, payment_attempts.c
    consumed = (
        sa.select(holds.c.order_id, sa.func.count().label("holds"))
        .where(holds.c.state == HoldState.CONSUMED.value)
        .group_by(holds.c.order_id)
        .subquery()
    )
    paid = (
        sa.select(attempt.order_id, sa.func.max(attempt.captured_minor).label("captured"))
        .where(attempt.state == AttemptState.SUCCEEDED.value)
        .group_by(attempt.order_id)
        .subquery()
    )
    is_kept = order.state.in_(_KEPT)
    held = sa.func.coalesce(consumed.c.holds, 0)
    captured = sa.func.coalesce(paid.c.captured, 0)
    is_captured = order.payment_state == PaymentState.CAPTURED.value
    is_due = order.payment_state == PaymentState.DUE_ON_DELIVERY.value
    wrong = (
        sa.select(
            order.id.label("subject"),
            order.state,
            order.payment_state,
            held.label("holds"),
            captured.label("captured"),
        )
        .select_from(
            orders.outerjoin(consumed, consumed.c.order_id == order.id).outerjoin(
                paid, paid.c.order_id == order.id
            )
        )
        .where(
            sa.or_(
                sa.and_(is_kept, held != 1),
                sa.and_(sa.not_(is_kept), held != 0),
                sa.and_(is_kept, sa.not_(sa.or_(is_captured, is_due))),
                sa.and_(is_kept, is_captured, captured != order.total_minor),
                sa.and_(is_due, captured != 0),
            )
        )
    )
    message = "{state}, {payment_state}: {holds} consumed holds, {captured} captured"
    return await breaches(connection, "I7", wrong, message)


@invariant("I8", "money that was captured belongs to a confirmed order, or goes back")
async def captured_money_has_a_place(connection: AsyncConnection) -> list[Breach]:
    attempt = payment_attempts.c
    homeless = (
        sa.select(attempt.id.label("subject"), attempt.captured_minor, orders.c.state)
        .select_from(
            payment_attempts.outerjoin(orders, orders.c.id == attempt.order_id).outerjoin(
                refunds, refunds.c.attempt_id == attempt.id
            )
        )
        .where(
            attempt.captured_minor > 0,
            refunds.c.id.is_(None),
            sa.or_(
                attempt.state != AttemptState.SUCCEEDED.value,
                orders.c.id.is_(None),
                orders.c.state.not_in(_KEPT),
            ),
        )
    )
    message = "{captured_minor} captured for an order that is {state}"
    return await breaches(connection, "I8", homeless, message)


async def check_provider_book(
    database: Database, paid: Collection[Paid], *, younger_than_ms: int = 0, now: int = 0
) -> list[Breach]:
    """I8 against the provider's own book: every intent that took money is known to us as captured
    for its order and its amount, and what we refunded was refunded there or by hand.

    Args:
        younger_than_ms: payments the provider changed so recently may still be on their way to us.
    """
    found = []
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(payment_attempts))).mappings().all()
        paid_back = (await connection.execute(refunded_by_hand())).mappings().all()
    known = {row["id"]: row for row in rows}
    by_hand = {row["attempt_id"]: row["sum"] for row in paid_back}
    for intent in paid:
        row = known.get(intent.attempt_id)
        is_fresh = intent.changed_at > now - younger_than_ms
        if row is None or row["captured_minor"] != intent.amount_minor:
            if not is_fresh:
                state = "unknown" if row is None else row["state"]
                found.append(Breach("I8", intent.intent_ref, f"paid there, {state} here"))
        elif row["psp_ref"] != intent.intent_ref or row["currency"] != intent.currency:
            found.append(Breach("I8", intent.intent_ref, "is not what our attempt names"))
        elif row["refunded_minor"] - by_hand.get(row["id"], 0) > intent.refunded_minor:
            found.append(Breach("I8", intent.intent_ref, "refunded here, not there"))
    taken = {intent.attempt_id for intent in paid}
    found += [
        Breach("I8", row["id"], "captured here, not paid there")
        for row in rows
        if row["provider"] == "sandbox" and row["captured_minor"] and row["id"] not in taken
    ]
    return found


@invariant("I11", "an order costs its lines and its delivery, and its VAT is inside of that")
async def totals_add_up(connection: AsyncConnection) -> list[Breach]:
    order, line = orders.c, order_lines.c
    lines = (
        sa.select(
            line.order_id,
            sa.cast(sa.func.sum(line.total_minor), sa.BigInteger).label("total"),
            sa.cast(sa.func.sum(line.vat_minor), sa.BigInteger).label("vat"),
        )
        .group_by(line.order_id)
        .subquery()
    )
    wrong = (
        sa.select(order.id.label("subject"), order.total_minor, lines.c.total)
        .select_from(orders.outerjoin(lines, lines.c.order_id == order.id))
        .where(
            sa.or_(
                lines.c.total.is_(None),
                order.subtotal_minor != lines.c.total,
                order.total_minor != order.subtotal_minor + order.delivery_minor,
                order.subtotal_minor < 0,
                order.delivery_minor < 0,
                order.vat_minor < lines.c.vat,
                order.vat_minor > order.total_minor,
            )
        )
    )
    odd = sa.select(line.id.label("subject"), line.qty, line.unit_minor, line.total_minor).where(
        sa.or_(
            line.qty <= 0,
            line.unit_minor < 0,
            line.total_minor != line.unit_minor * line.qty,
            line.vat_minor < 0,
            line.vat_minor > line.total_minor,
        )
    )
    return [
        *await breaches(connection, "I11", wrong, "costs {total_minor}, its lines {total}"),
        *await breaches(connection, "I11", odd, "{qty} at {unit_minor} cost {total_minor}"),
    ]


@invariant("I12o", "every step of an order is in the history, on each of its axes")
async def steps_are_recorded(connection: AsyncConnection) -> list[Breach]:
    return await history_breaches(
        connection,
        "I12o",
        orders,
        {
            "order": orders.c.state,
            "payment": orders.c.payment_state,
            "fulfilment": orders.c.fulfil_state,
        },
        order_transitions,
        initial={
            "order": {OrderState.PENDING_PAYMENT.value, OrderState.CONFIRMED.value},
            "payment": {
                PaymentState.NOT_PAID.value,
                PaymentState.PROCESSING.value,
                PaymentState.DUE_ON_DELIVERY.value,
            },
            "fulfilment": {FulfilState.NOT_FULFILLED.value},
        },
        allowed={
            "order": rules.ORDER_NEXT,
            "payment": rules.PAYMENT_NEXT,
            "fulfilment": rules.FULFIL_NEXT,
        },
    )


@invariant("I24", "a command made at most one order, for as long as its id is remembered")
async def one_order_a_command(connection: AsyncConnection) -> list[Breach]:
    order = orders.c
    before = sa.func.lag(order.created_at).over(
        partition_by=[order.person_id, order.command_id], order_by=[order.created_at, order.id]
    )
    subject = (order.person_id + sa.literal("|") + order.command_id).label("subject")
    made = sa.select(subject, order.id, (order.created_at - before).label("gap_ms")).subquery()
    twice = sa.select(made).where(made.c.gap_ms < KEYS_KEPT_MS)
    return await breaches(connection, "I24", twice, "{id}, {gap_ms} ms after another order")


@invariant("I26", "no hold is open past its deadline unless its payment is still being settled")
async def holds_end_in_time(connection: AsyncConnection) -> list[Breach]:
    # The clock of the rows themselves: the latest thing that happened in the shop.
    latest = sa.select(sa.func.max(orders.c.created_at)).scalar_subquery()
    settling = [
        AttemptState.PROCESSING.value,
        AttemptState.UNKNOWN.value,
        AttemptState.CANCELING.value,
    ]
    late = (
        sa.select(holds.c.id.label("subject"), holds.c.state, holds.c.deadline_at)
        .select_from(
            holds.outerjoin(orders, orders.c.id == holds.c.order_id).outerjoin(
                payment_attempts, payment_attempts.c.id == orders.c.attempt_id
            )
        )
        .where(
            holds.c.state.not_in(_FINAL),
            holds.c.deadline_at < latest - PAST_DEADLINE_MS_MAX,
            sa.or_(payment_attempts.c.id.is_(None), payment_attempts.c.state.not_in(settling)),
        )
    )
    return await breaches(connection, "I26", late, "{state} past {deadline_at}")


@invariant("I27", "an order that waits has an open hold, and one that ended has none")
async def waiting_orders_hold_units(connection: AsyncConnection) -> list[Breach]:
    order = orders.c
    is_open = holds.c.state.not_in(_FINAL)
    wrong = (
        sa.select(order.id.label("subject"), order.state, holds.c.state.label("hold"))
        .select_from(orders.outerjoin(holds, holds.c.id == order.hold_id))
        .where(
            sa.or_(
                holds.c.id.is_(None),
                sa.and_(order.state == OrderState.PENDING_PAYMENT.value, sa.not_(is_open)),
                sa.and_(order.state != OrderState.PENDING_PAYMENT.value, is_open),
            )
        )
    )
    return await breaches(connection, "I27", wrong, "{state} with a hold that is {hold}")
