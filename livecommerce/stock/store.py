"""Tables of stock levels, flash sales and holds, and the reading of them.

Rows of different tables refer to each other without foreign keys where one of them is hot: a
reference locks the row it points at, and a thousand buyers point at the same level. `verify`
compares them instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from livecommerce.database.history import history_table
from livecommerce.database.schema import (
    append_only,
    id_column,
    metadata,
    number_column,
    text_column,
    time_column,
    version_column,
)
from livecommerce.stock.flash_sales import FlashSale, Phase
from livecommerce.stock.levels import StockLevel
from livecommerce.stock.wire import SaleView

Row = Mapping[Any, Any]


stock_levels = sa.Table(
    "stock_levels",
    metadata,
    id_column(),
    text_column("variant_id"),
    text_column("warehouse_id"),
    number_column("on_hand", default=0),
    number_column("allocated", default=0),
    number_column("reserved", default=0),
    number_column("set_aside", default=0),
    version_column(),
    sa.CheckConstraint("allocated >= 0", name="allocated"),
    sa.CheckConstraint("reserved >= 0", name="reserved"),
    sa.CheckConstraint("set_aside >= 0", name="set_aside"),
    # Overselling cannot be stored.
    sa.CheckConstraint("allocated + reserved + set_aside <= on_hand", name="within"),
    sa.Index(None, "variant_id"),
)

stock_movements = append_only(
    sa.Table(
        "stock_movements",
        metadata,
        id_column(),
        text_column("level_id"),
        number_column("delta"),
        text_column("cause"),
        text_column("reason"),
        text_column("actor_id"),
        time_column("created_at"),
        sa.CheckConstraint("delta <> 0", name="delta"),
        sa.CheckConstraint("cause IN ('received', 'adjusted')", name="cause"),
        sa.Index(None, "level_id"),
    )
)

flash_sales = sa.Table(
    "flash_sales",
    metadata,
    id_column(),
    text_column("room_id"),
    text_column("offer_id"),
    text_column("product_id"),
    text_column("variant_id"),
    text_column("level_id"),
    text_column("phase"),
    number_column("price_minor"),
    number_column("regular_minor"),
    text_column("currency"),
    number_column("quota"),
    number_column("per_buyer"),
    number_column("hold_s"),
    number_column("warm_up_s"),
    number_column("duration_s"),
    time_column("scheduled_at", nullable=True),
    time_column("warm_up_at", nullable=True),
    time_column("starts_at", nullable=True),
    time_column("ends_at", nullable=True),
    time_column("ended_at", nullable=True),
    number_column("held", default=0),
    number_column("sold", default=0),
    text_column("planned_by"),
    time_column("created_at"),
    number_column("steps", default=0),
    version_column(),
    sa.CheckConstraint(
        "phase IN ('scheduled', 'armed', 'warm_up', 'live', 'sold_out', 'ended', 'cancelled')",
        name="phase",
    ),
    sa.CheckConstraint("held >= 0", name="held"),
    sa.CheckConstraint("sold >= 0", name="sold"),
    sa.CheckConstraint("held + sold <= quota", name="quota"),
    sa.CheckConstraint("price_minor >= 0 AND price_minor < regular_minor", name="price"),
    sa.CheckConstraint("per_buyer BETWEEN 1 AND quota", name="per_buyer"),
    sa.CheckConstraint("warm_up_s BETWEEN 10 AND 300", name="warm_up_s"),
    sa.CheckConstraint("duration_s BETWEEN 60 AND 1200", name="duration_s"),
    sa.CheckConstraint("starts_at < ends_at", name="times"),
    sa.Index(None, "room_id"),
    sa.Index(None, "phase"),
)

sale_quotas = sa.Table(
    "sale_quotas",
    metadata,
    id_column(),
    text_column("sale_id"),
    text_column("person_id"),
    number_column("qty", default=0),
    number_column("most"),
    version_column(),
    sa.CheckConstraint("qty BETWEEN 0 AND most", name="qty"),
)

holds = sa.Table(
    "holds",
    metadata,
    id_column(),
    text_column("order_id"),
    text_column("person_id"),
    text_column("level_id"),
    text_column("variant_id"),
    text_column("sale_id", nullable=True),
    number_column("qty"),
    text_column("state"),
    time_column("expires_at"),
    time_column("deadline_at"),
    time_column("created_at"),
    time_column("closed_at", nullable=True),
    number_column("steps", default=0),
    version_column(),
    sa.CheckConstraint(
        "state IN ('active', 'paying', 'releasing', 'consumed', 'released', 'returned')",
        name="state",
    ),
    sa.CheckConstraint("qty > 0", name="qty"),
    sa.Index(None, "level_id", "created_at"),
)
sa.Index(
    "ix_holds_due",
    holds.c.expires_at,
    sqlite_where=sa.text("state IN ('active', 'paying')"),
    postgresql_where=sa.text("state IN ('active', 'paying')"),
)

stock_transitions = history_table("stock_transitions", "hold", "sale")


def quota_id(sale_id: str, person_id: str) -> str:
    return f"{sale_id}|{person_id}"


def level_of(row: Row) -> StockLevel:
    return StockLevel(
        row["variant_id"],
        row["on_hand"],
        row["allocated"],
        row["reserved"],
        row["set_aside"],
        row["version"],
    )


def sale_of(row: Row) -> FlashSale:
    return FlashSale(
        Phase(row["phase"]),
        row["quota"],
        row["per_buyer"],
        row["held"],
        row["sold"],
        row["warm_up_s"],
        row["duration_s"],
        row["scheduled_at"],
        row["starts_at"],
        row["ends_at"],
    )


def sale_view(row: Row) -> SaleView:
    return SaleView(
        id=row["id"],
        room_id=row["room_id"],
        offer_id=row["offer_id"],
        product_id=row["product_id"],
        variant_id=row["variant_id"],
        phase=row["phase"],
        price_minor=row["price_minor"],
        regular_minor=row["regular_minor"],
        currency=row["currency"],
        quota=row["quota"],
        per_buyer=row["per_buyer"],
        hold_s=row["hold_s"],
        warm_up_s=row["warm_up_s"],
        duration_s=row["duration_s"],
        scheduled_at=row["scheduled_at"],
        warm_up_at=row["warm_up_at"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        ended_at=row["ended_at"],
    )


# Reading.


def levels_of(variant_ids: Collection[str]) -> sa.Select[Any]:
    return sa.select(stock_levels).where(stock_levels.c.variant_id.in_(sorted(variant_ids)))


def sale_by_id(sale_id: str) -> sa.Select[Any]:
    return sa.select(flash_sales).where(flash_sales.c.id == sale_id)


def open_sales(room_id: str) -> sa.Select[Any]:
    return (
        sa.select(flash_sales)
        .where(flash_sales.c.room_id == room_id, flash_sales.c.phase.not_in(("ended", "cancelled")))
        .order_by(flash_sales.c.id.desc())
    )


def past_sales(room_id: str, limit: int) -> sa.Select[Any]:
    return (
        sa.select(flash_sales)
        .where(flash_sales.c.room_id == room_id, flash_sales.c.phase.in_(("ended", "cancelled")))
        .order_by(flash_sales.c.id.desc())
        .limit(limit)
    )


def clocked_sales() -> sa.Select[Any]:
    """Sales that the clock alone will change."""
    by_clock = sa.or_(
        flash_sales.c.phase.in_(("warm_up", "live", "sold_out")),
        sa.and_(
            flash_sales.c.phase.in_(("scheduled", "armed")),
            flash_sales.c.scheduled_at.is_not(None),
        ),
    )
    return sa.select(flash_sales).where(by_clock)


def due_holds(now: int, limit: int) -> sa.Select[Any]:
    # Written out as in the partial index, or it is not used.
    is_open = sa.text("state IN ('active', 'paying')")
    return (
        sa.select(holds)
        .where(is_open, holds.c.expires_at <= now)
        .order_by(holds.c.expires_at)
        .limit(limit)
    )


def holders_of(level_id: str, since: int) -> sa.Select[Any]:
    return (
        sa.select(holds.c.person_id)
        .where(holds.c.level_id == level_id, holds.c.created_at >= since)
        .distinct()
    )


def holds_by_ids(ids: Collection[str]) -> sa.Select[Any]:
    return sa.select(holds).where(holds.c.id.in_(sorted(ids)))
