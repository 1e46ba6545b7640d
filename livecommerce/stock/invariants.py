"""What must be true of stock levels, holds and flash sales at any moment."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.history import history_breaches
from livecommerce.database.verify import Breach, breaches, invariant
from livecommerce.stock import flash_sales as sale_rules
from livecommerce.stock import holds as hold_rules
from livecommerce.stock.store import (
    flash_sales,
    holds,
    sale_quotas,
    stock_levels,
    stock_movements,
    stock_transitions,
)

_OPEN = [state.value for state in hold_rules.OPEN]
_TAKEN = [*_OPEN, hold_rules.HoldState.CONSUMED.value]


def _sum_of(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    # PostgreSQL sums bigints to numeric; the counters they are compared with are bigints.
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def _held(by: sa.Column[Any], states: Collection[str]) -> sa.Subquery:
    """Units of holds in some states, by level or by sale."""
    return (
        sa.select(by.label("id"), _sum_of(holds.c.qty).label("qty"))
        .where(holds.c.state.in_(states), by.is_not(None))
        .group_by(by)
        .subquery()
    )


async def _counter_is_sum(
    connection: AsyncConnection, name: str, counter: sa.Column[Any], counted: sa.Subquery, of: str
) -> list[Breach]:
    """A counter equals what it counts, and nothing is counted that has no counter."""
    table = counter.table
    sums = sa.func.coalesce(counted.c.qty, 0)
    differing = (
        sa.select(table.c.id.label("subject"), counter.label("stored"), sums.label("counted"))
        .select_from(sa.outerjoin(table, counted, counted.c.id == table.c.id))
        .where(counter != sums)
    )
    lost = (
        sa.select(counted.c.id.label("subject"), counted.c.qty)
        .select_from(sa.outerjoin(counted, table, counted.c.id == table.c.id))
        .where(table.c.id.is_(None))
    )
    return [
        *await breaches(
            connection, name, differing, f"{counter.name} is {{stored}}, {of} are {{counted}}"
        ),
        *await breaches(connection, name, lost, f"{of} of {{qty}} units without a row"),
    ]


@invariant("I1", "no level has promised more than is on hand, and no counter is negative")
async def nothing_is_oversold(connection: AsyncConnection) -> list[Breach]:
    level = stock_levels.c
    wrong = sa.select(
        level.id.label("subject"), level.on_hand, level.allocated, level.reserved, level.set_aside
    ).where(
        sa.or_(
            level.allocated < 0,
            level.reserved < 0,
            level.set_aside < 0,
            level.allocated + level.reserved + level.set_aside > level.on_hand,
        )
    )
    message = "on hand {on_hand}: allocated {allocated}, reserved {reserved}, aside {set_aside}"
    return await breaches(connection, "I1", wrong, message)


@invariant("I2", "reserved units are exactly those of open holds")
async def reserved_is_held(connection: AsyncConnection) -> list[Breach]:
    counted = _held(holds.c.level_id, _OPEN)
    return await _counter_is_sum(connection, "I2", stock_levels.c.reserved, counted, "open holds")


@invariant("I3", "allocated units are exactly those of consumed holds")
async def allocated_is_sold(connection: AsyncConnection) -> list[Breach]:
    counted = _held(holds.c.level_id, [hold_rules.HoldState.CONSUMED.value])
    name = "consumed holds"
    return await _counter_is_sum(connection, "I3", stock_levels.c.allocated, counted, name)


@invariant("I4", "a sale has held and sold what its holds say, and never more than its quota")
async def sales_count_right(connection: AsyncConnection) -> list[Breach]:
    sale = flash_sales.c
    over = sa.select(sale.id.label("subject"), sale.quota, sale.held, sale.sold).where(
        sa.or_(sale.held < 0, sale.sold < 0, sale.held + sale.sold > sale.quota)
    )
    consumed = [hold_rules.HoldState.CONSUMED.value]
    by_sale = holds.c.sale_id
    return [
        *await breaches(connection, "I4", over, "quota {quota}: held {held}, sold {sold}"),
        *await _counter_is_sum(connection, "I4", sale.held, _held(by_sale, _OPEN), "open holds"),
        *await _counter_is_sum(
            connection, "I4", sale.sold, _held(by_sale, consumed), "consumed holds"
        ),
    ]


@invariant("I4a", "units set aside are exactly what open sales have not taken yet")
async def set_aside_is_unsold(connection: AsyncConnection) -> list[Breach]:
    sale = flash_sales.c
    stocked = [phase.value for phase in sale_rules.STOCKED]
    counted = (
        sa.select(
            sale.level_id.label("id"), _sum_of(sale.quota - sale.held - sale.sold).label("qty")
        )
        .where(sale.phase.in_(stocked))
        .group_by(sale.level_id)
        .subquery()
    )
    return await _counter_is_sum(
        connection, "I4a", stock_levels.c.set_aside, counted, "units of sales"
    )


@invariant("I4b", "a sale is one: cheaper, for minutes, announced; and a hold holds something")
async def sales_are_sales(connection: AsyncConnection) -> list[Breach]:
    sale = flash_sales.c
    is_one = sa.and_(
        sale.price_minor >= 0,
        sale.price_minor < sale.regular_minor,
        sale.per_buyer.between(1, sale.quota),
        sale.warm_up_s.between(sale_rules.WARM_UP_S.start, sale_rules.WARM_UP_S.stop - 1),
        sale.duration_s.between(sale_rules.DURATION_S.start, sale_rules.DURATION_S.stop - 1),
        sa.or_(sale.starts_at.is_(None), sale.starts_at < sale.ends_at),
    )
    odd = sa.select(sale.id.label("subject"), sale.phase).where(sa.not_(is_one))
    empty = sa.select(holds.c.id.label("subject"), holds.c.qty).where(holds.c.qty <= 0)
    return [
        *await breaches(connection, "I4b", odd, "a {phase} sale on terms that are none"),
        *await breaches(connection, "I4b", empty, "holds {qty}"),
    ]


@invariant("I5", "no buyer has more of a sale than allowed; the count is that of their holds")
async def quotas_hold(connection: AsyncConnection) -> list[Breach]:
    quota = sale_quotas.c
    over = sa.select(quota.id.label("subject"), quota.qty, quota.most).where(
        sa.or_(quota.qty < 0, quota.qty > quota.most)
    )
    counted = (
        sa.select(
            (holds.c.sale_id + sa.literal("|") + holds.c.person_id).label("id"),
            _sum_of(holds.c.qty).label("qty"),
        )
        .where(holds.c.state.in_(_TAKEN), holds.c.sale_id.is_not(None))
        .group_by(holds.c.sale_id, holds.c.person_id)
        .subquery()
    )
    loose = (
        sa.select(quota.id.label("subject"), quota.most, flash_sales.c.per_buyer)
        .select_from(sa.outerjoin(sale_quotas, flash_sales, flash_sales.c.id == quota.sale_id))
        .where(flash_sales.c.per_buyer.is_distinct_from(quota.most))
    )
    return [
        *await breaches(connection, "I5", over, "{qty} of at most {most}"),
        *await breaches(connection, "I5", loose, "allows {most}, its sale {per_buyer}"),
        *await _counter_is_sum(connection, "I5", quota.qty, counted, "holds"),
    ]


@invariant("I6", "units on hand are exactly those that were booked in and out")
async def on_hand_is_moved(connection: AsyncConnection) -> list[Breach]:
    counted = (
        sa.select(
            stock_movements.c.level_id.label("id"), _sum_of(stock_movements.c.delta).label("qty")
        )
        .group_by(stock_movements.c.level_id)
        .subquery()
    )
    idle = sa.select(stock_movements.c.id.label("subject")).where(stock_movements.c.delta == 0)
    return [
        *await breaches(connection, "I6", idle, "moves nothing"),
        *await _counter_is_sum(connection, "I6", stock_levels.c.on_hand, counted, "movements"),
    ]


@invariant("I12s", "every step of a hold and of a sale is in the history, and ends where it is")
async def steps_are_recorded(connection: AsyncConnection) -> list[Breach]:
    return [
        *await history_breaches(
            connection,
            "I12s",
            holds,
            {"hold": holds.c.state},
            stock_transitions,
            initial={"hold": {state.value for state in hold_rules.INITIAL}},
            allowed={"hold": hold_rules.NEXT},
        ),
        *await history_breaches(
            connection,
            "I12s",
            flash_sales,
            {"sale": flash_sales.c.phase},
            stock_transitions,
            initial={"sale": {sale_rules.Phase.SCHEDULED.value}},
            allowed={"sale": sale_rules.NEXT},
        ),
    ]
