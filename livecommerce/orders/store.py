"""Tables of orders, their lines and their history, and the reading of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from livecommerce.database.history import history_table
from livecommerce.database.schema import (
    id_column,
    metadata,
    number_column,
    text_column,
    time_column,
    version_column,
)

Row = Mapping[Any, Any]


orders = sa.Table(
    "orders",
    metadata,
    id_column(),
    text_column("person_id"),
    text_column("buyer_name"),
    text_column("command_id"),
    text_column("merchant_id"),
    text_column("room_id", nullable=True),
    text_column("host_id", nullable=True),
    text_column("state"),
    text_column("payment_state"),
    text_column("fulfil_state"),
    text_column("market"),
    text_column("currency"),
    number_column("subtotal_minor"),
    number_column("delivery_minor"),
    number_column("vat_minor"),
    number_column("total_minor"),
    text_column("hold_id"),
    text_column("attempt_id", nullable=True),
    number_column("attempts", default=0),
    text_column("closing_as", nullable=True),
    text_column("failure", nullable=True),
    text_column("action_kind", nullable=True),
    text_column("action_url", nullable=True),
    text_column("address_id", nullable=True),
    time_column("created_at"),
    time_column("paid_at", nullable=True),
    number_column("steps", default=0),
    version_column(),
    sa.CheckConstraint(
        "state IN ('pending_payment', 'confirmed', 'cancelled', 'expired', 'completed')",
        name="state",
    ),
    sa.CheckConstraint(
        "payment_state IN ('not_paid', 'processing', 'requires_action', 'failed', 'captured',"
        " 'due_on_delivery', 'refunded')",
        name="payment_state",
    ),
    sa.CheckConstraint("fulfil_state IN ('not_fulfilled', 'cancelled')", name="fulfil_state"),
    sa.CheckConstraint("subtotal_minor >= 0 AND delivery_minor >= 0", name="amounts"),
    sa.CheckConstraint("total_minor = subtotal_minor + delivery_minor", name="total"),
    sa.CheckConstraint("vat_minor BETWEEN 0 AND total_minor", name="vat"),
    sa.Index(None, "person_id"),
)
sa.Index(
    "ix_orders_room_id",
    orders.c.room_id,
    orders.c.id,
    sqlite_where=sa.text("room_id IS NOT NULL"),
    postgresql_where=sa.text("room_id IS NOT NULL"),
)

# Prices, rates and names as they were: never read from the catalogue again.
order_lines = sa.Table(
    "order_lines",
    metadata,
    id_column(),
    sa.Column("order_id", sa.Text, sa.ForeignKey("orders.id"), nullable=False),
    number_column("line_no"),
    text_column("product_id"),
    text_column("variant_id"),
    text_column("sale_id", nullable=True),
    text_column("offer_id", nullable=True),
    text_column("merchant_id"),
    text_column("merchant_slug"),
    text_column("merchant_name_en"),
    text_column("merchant_name_ar"),
    text_column("merchant_picture_url", nullable=True),
    text_column("host_id", nullable=True),
    text_column("sku"),
    text_column("title_en"),
    text_column("title_ar"),
    text_column("options"),
    text_column("thumb_url", nullable=True),
    number_column("qty"),
    number_column("unit_minor"),
    number_column("total_minor"),
    number_column("vat_bps"),
    number_column("vat_minor"),
    number_column("platform_bps", default=0),
    number_column("affiliate_bps", default=0),
    sa.CheckConstraint("qty > 0", name="qty"),
    sa.CheckConstraint("unit_minor >= 0 AND total_minor = unit_minor * qty", name="total"),
    sa.CheckConstraint("vat_minor BETWEEN 0 AND total_minor", name="vat"),
)

order_transitions = history_table("order_transitions", "order", "payment", "fulfilment")

FIRST_LINE = 1


def line_id(order_id: str, line_no: int = FIRST_LINE) -> str:
    return f"{order_id}.{line_no}"


# Reading.


def order_by_id(order_id: str) -> sa.Select[Any]:
    return sa.select(orders).where(orders.c.id == order_id)


def unpaid_of(person_id: str, since: int) -> sa.Select[Any]:
    """How many of a person's orders wait for their money: those on hold, and those placed since
    then that are paid on delivery."""
    on_hold = orders.c.state == "pending_payment"
    on_delivery = (orders.c.payment_state == "due_on_delivery") & (orders.c.created_at >= since)
    return sa.select(sa.func.count().label("unpaid")).where(
        orders.c.person_id == person_id, on_hold | on_delivery
    )


def orders_of(person_id: str, after: str | None, limit: int) -> sa.Select[Any]:
    page = sa.select(orders).where(orders.c.person_id == person_id)
    if after is not None:
        page = page.where(orders.c.id < after)
    return page.order_by(orders.c.id.desc()).limit(limit)


def orders_in(room_id: str, after: str | None, limit: int) -> sa.Select[Any]:
    page = sa.select(orders).where(orders.c.room_id == room_id)
    if after is not None:
        page = page.where(orders.c.id < after)
    return page.order_by(orders.c.id.desc()).limit(limit)


def lines_of(order_ids: Collection[str]) -> sa.Select[Any]:
    return sa.select(order_lines).where(
        order_lines.c.id.in_(sorted(line_id(id) for id in order_ids))
    )


def room_sums(room_id: str) -> sa.Select[Any]:
    """Orders and money of a room by state and currency."""
    return (
        sa.select(
            orders.c.state,
            orders.c.currency,
            sa.func.count().label("orders"),
            sa.func.sum(orders.c.total_minor).label("total_minor"),
        )
        .where(orders.c.room_id == room_id)
        .group_by(orders.c.state, orders.c.currency)
    )
