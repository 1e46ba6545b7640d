"""Each guard of the tables is taken away in turn, and a checker must notice what then gets through.

A CHECK: the same forbidden change is refused by the database with it, and found by `verify` without
it. A compare-and-set: two decisions on the same version are one too many without it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

import livecommerce.orders.invariants
import livecommerce.payments.invariants
import livecommerce.stock.invariants  # noqa: F401  (registers the checks)
from livecommerce.database import verify
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write, postgresql
from livecommerce.database.schema import metadata
from livecommerce.kernel.clock import FakeClock
from livecommerce.orders.store import order_lines, orders
from livecommerce.payments.store import payment_attempts, refunds
from livecommerce.stock.store import flash_sales, holds, sale_quotas, stock_levels, stock_movements

NOW = 1_800_000_000_000


def level(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {"id": "lamp@main", "variant_id": "lamp", "warehouse_id": "main", "on_hand": 5}
    return stock_levels, {**row, "allocated": 0, "reserved": 0, "set_aside": 0, **values}


def sale(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "sale",
        "room_id": "room",
        "offer_id": "offer",
        "product_id": "product",
        "variant_id": "lamp",
        "level_id": "lamp@main",
        "phase": "scheduled",
        "price_minor": 50,
        "regular_minor": 100,
        "currency": "SAR",
        "quota": 5,
        "per_buyer": 2,
        "hold_s": 120,
        "warm_up_s": 10,
        "duration_s": 60,
        "planned_by": "host",
        "created_at": NOW,
        "held": 0,
        "sold": 0,
        "steps": 0,
        **values,
    }
    return flash_sales, row


def hold(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "hold",
        "order_id": "order",
        "person_id": "badr",
        "level_id": "lamp@main",
        "variant_id": "lamp",
        "qty": 1,
        "state": "active",
        "expires_at": NOW,
        "deadline_at": NOW,
        "created_at": NOW,
        "steps": 0,
        **values,
    }
    return holds, row


def attempt(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "attempt",
        "order_id": "order",
        "nth": 1,
        "provider": "sandbox",
        "card_id": "card",
        "state": "created",
        "amount_minor": 100,
        "currency": "SAR",
        "captured_minor": 0,
        "refunded_minor": 0,
        "checks": 0,
        "created_at": NOW,
        "steps": 0,
        **values,
    }
    return payment_attempts, row


def order(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "order",
        "person_id": "badr",
        "buyer_name": "Badr",
        "command_id": "click",
        "merchant_id": "merchant",
        "state": "cancelled",
        "payment_state": "not_paid",
        "fulfil_state": "not_fulfilled",
        "market": "SA",
        "currency": "SAR",
        "subtotal_minor": 100,
        "delivery_minor": 0,
        "vat_minor": 13,
        "total_minor": 100,
        "hold_id": "hold",
        "attempts": 0,
        "created_at": NOW,
        "steps": 0,
        **values,
    }
    return orders, row


def line(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "order.1",
        "order_id": "order",
        "line_no": 1,
        "product_id": "product",
        "variant_id": "lamp",
        "merchant_id": "merchant",
        "merchant_slug": "souq",
        "merchant_name_en": "Souq",
        "merchant_name_ar": "",
        "sku": "lamp",
        "title_en": "Lamp",
        "title_ar": "",
        "options": "[]",
        "qty": 1,
        "unit_minor": 100,
        "total_minor": 100,
        "vat_bps": 1500,
        "vat_minor": 13,
        "platform_bps": 0,
        "affiliate_bps": 0,
        **values,
    }
    return order_lines, row


def quota(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {"id": "sale|badr", "sale_id": "sale", "person_id": "badr", "qty": 0, "most": 2}
    return sale_quotas, {**row, **values}


def refund(**values: Any) -> tuple[sa.Table, dict[str, Any]]:
    row = {
        "id": "refund",
        "attempt_id": "attempt",
        "order_id": "order",
        "amount_minor": 100,
        "reason": "cancel",
        "state": "requested",
        "checks": 0,
        "created_at": NOW,
        "steps": 0,
        **values,
    }
    return refunds, row


@dataclass(frozen=True)
class Mutant:
    """A row only the named CHECK keeps out, and the invariant that finds it when nothing does."""

    constraint: str
    row: tuple[sa.Table, dict[str, Any]]
    found_by: str
    beside: tuple[tuple[sa.Table, dict[str, Any]], ...] = field(default=())

    def __str__(self) -> str:
        return self.constraint


MUTANTS = [
    Mutant("ck_stock_levels_within", level(reserved=6), "I1"),
    Mutant("ck_stock_levels_allocated", level(allocated=-1), "I1"),
    Mutant("ck_stock_levels_reserved", level(reserved=-1), "I1"),
    Mutant("ck_stock_levels_set_aside", level(set_aside=-1), "I1"),
    Mutant("ck_flash_sales_held", sale(held=-1), "I4"),
    Mutant("ck_flash_sales_sold", sale(sold=-1), "I4"),
    Mutant("ck_flash_sales_quota", sale(held=4, sold=2), "I4"),
    Mutant("ck_flash_sales_phase", sale(phase="paused"), "I12s"),
    Mutant("ck_flash_sales_price", sale(price_minor=100), "I4b"),
    Mutant("ck_flash_sales_per_buyer", sale(per_buyer=6), "I4b"),
    Mutant("ck_flash_sales_warm_up_s", sale(warm_up_s=9), "I4b"),
    Mutant("ck_flash_sales_duration_s", sale(duration_s=1201), "I4b"),
    Mutant("ck_flash_sales_times", sale(starts_at=5, ends_at=5), "I4b"),
    Mutant("ck_sale_quotas_qty", quota(qty=3), "I5", (sale(),)),
    Mutant("ck_holds_state", hold(state="lost"), "I12s"),
    Mutant("ck_holds_qty", hold(qty=0), "I4b"),
    Mutant("ck_payment_attempts_state", attempt(state="lost"), "I12p"),
    Mutant("ck_payment_attempts_amount", attempt(amount_minor=0), "I9a"),
    Mutant("ck_payment_attempts_captured", attempt(captured_minor=1), "I9a"),
    Mutant("ck_payment_attempts_refunded", attempt(refunded_minor=1), "I10"),
    Mutant(
        "uq_payment_attempts_open",
        attempt(id="second", state="succeeded", captured_minor=100),
        "I9",
        (attempt(),),
    ),
    Mutant("ck_refunds_state", refund(state="lost"), "I12p"),
    Mutant("ck_refunds_amount", refund(amount_minor=0), "I10"),
    Mutant("ck_orders_state", order(state="lost"), "I12o", (line(),)),
    Mutant("ck_orders_payment_state", order(payment_state="lost"), "I12o", (line(),)),
    Mutant("ck_orders_fulfil_state", order(fulfil_state="lost"), "I12o", (line(),)),
    Mutant(
        "ck_orders_amounts",
        order(subtotal_minor=200, delivery_minor=-100),
        "I11",
        (line(unit_minor=200, total_minor=200),),
    ),
    Mutant("ck_orders_total", order(total_minor=99), "I11", (line(),)),
    Mutant("ck_orders_vat", order(vat_minor=101), "I11", (line(),)),
    Mutant(
        "ck_order_lines_qty",
        line(qty=0, total_minor=0, vat_minor=0),
        "I11",
        (order(subtotal_minor=0, total_minor=0, vat_minor=0),),
    ),
    Mutant(
        "ck_order_lines_total",
        line(total_minor=101),
        "I11",
        (order(subtotal_minor=101, total_minor=101),),
    ),
    Mutant(
        "ck_order_lines_vat",
        line(vat_minor=101),
        "I11",
        (order(delivery_minor=50, total_minor=150, vat_minor=101),),
    ),
    Mutant(
        "ck_stock_movements_delta",
        (
            stock_movements,
            {
                "id": "moved",
                "level_id": "lamp@main",
                "delta": 0,
                "cause": "received",
                "reason": "",
                "actor_id": "host",
                "created_at": NOW,
            },
        ),
        "I6",
    ),
]

# Words of a column that name no state of anything; a wrong one would be a mere label.
LABELS = {
    "ck_stock_movements_cause",
    "ck_stock_transitions_machine",
    "ck_payment_transitions_machine",
    "ck_order_transitions_machine",
    "ck_psp_events_state",
}


def guards() -> set[str]:
    """Every CHECK of the tables of this area, and the unique index against double charges."""
    names = {"uq_payment_attempts_open"}
    for table in metadata.tables.values():
        if table.name.startswith(("stock_", "flash_", "sale_", "holds", "payment_", "refunds")) or (
            table.name in ("orders", "order_lines", "order_transitions", "psp_events")
        ):
            names |= {
                str(constraint.name)
                for constraint in table.constraints
                if isinstance(constraint, sa.CheckConstraint)
            }
    return names


def test_no_guard_is_left_out():
    assert {mutant.constraint for mutant in MUTANTS} | LABELS == guards()


async def opened(folder: Path, *, without: str | None = None) -> Database:
    """A database on a scratch schema, with one constraint missing."""
    url = f"sqlite+aiosqlite:///{folder}/mutant-{without}.db"
    database = await Database.open(url, clock=FakeClock(NOW), create=True)
    if without is None:
        return database
    await database.close()
    engine = sa.create_engine(f"sqlite:///{folder}/mutant-{without}.db")
    with engine.begin() as connection:
        if without.startswith("uq_"):
            connection.exec_driver_sql(f'DROP INDEX "{without}"')
        else:
            _drop_check(connection, without)
    engine.dispose()
    return await Database.open(url, clock=FakeClock(NOW))


def _drop_check(connection: sa.Connection, name: str) -> None:
    """SQLite has no ALTER for it: the stored text of the table is rewritten."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND sql LIKE ?", (f"%{name} %",)
    ).all()
    assert len(rows) == 1, name
    table, text = rows[0]
    lines = [one for one in text.split("\n") if f"CONSTRAINT {name} " not in one]
    assert len(lines) == text.count("\n"), text
    rewritten = "\n".join(lines)
    rewritten = rewritten.replace(", \n)", "\n)").replace(",\n)", "\n)")
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = ? WHERE name = ? AND type = 'table'", (rewritten, table)
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


async def store(database: Database, rows: tuple[tuple[sa.Table, dict[str, Any]], ...]) -> None:
    assert database.url.database is not None
    engine = sa.create_engine(f"sqlite:///{database.url.database}")
    try:
        with engine.begin() as connection:
            for table, values in rows:
                connection.execute(
                    table.insert().values(
                        {"version": 1, **values} if "version" in table.c else values
                    )
                )
    finally:
        engine.dispose()


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
async def test_what_a_check_keeps_out_is_found_without_it(mutant: Mutant, tmp_path: Path):
    database = await opened(tmp_path)
    await store(database, mutant.beside)
    with pytest.raises(sa.exc.IntegrityError, match=_said(mutant.constraint)):
        await store(database, (mutant.row,))
    await database.close()

    database = await opened(tmp_path, without=mutant.constraint)
    try:
        await store(database, (*mutant.beside, mutant.row))
        found = await verify.run(database)
    finally:
        await database.close()
    subject = "order" if mutant.found_by == "I9" else mutant.row[1]["id"]
    assert (mutant.found_by, subject) in {(one.invariant, one.subject) for one in found}, found
    # And the missing guard itself is noticed.
    assert "D1" in {breach.invariant for breach in found}


def _said(constraint: str) -> str:
    return "UNIQUE" if constraint.startswith("uq_") else constraint


# Compare-and-set: the tables whose rows several processes change, and a column to count in.

COUNTED = [
    (level(), "on_hand"),
    (sale(), "steps"),
    (quota(most=1_000), "qty"),
    (hold(), "steps"),
    (order(), "steps"),
    (attempt(), "steps"),
    (refund(), "steps"),
]
TURNS = 10


@dataclass(frozen=True, slots=True)
class Store(Write[None]):
    table: sa.Table
    row: dict[str, Any]

    def needs(self) -> Iterable[Need]:
        return ()

    def decide(self, rows: Rows, now: int) -> None:
        rows.insert(self.table, self.row)


@dataclass(frozen=True, slots=True)
class CountOne(Write[None]):
    """Reads a number and stores the next one: two that read the same store the same."""

    table: sa.Table
    id: str
    column: str

    def needs(self) -> Iterable[Need]:
        yield Need(self.table, self.id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(self.table, self.id)
        assert row is not None
        rows.change(self.table, self.id, **{self.column: row[self.column] + 1})


async def counted_by_two(url: str, row: tuple[sa.Table, dict[str, Any]], column: str) -> int:
    """Two processes count in the same row at once; gives how far they came."""
    table, values = row
    here = await Database.open(url, clock=FakeClock(NOW), create=True)
    there = await Database.open(url, clock=FakeClock(NOW))
    try:
        await here.writer.submit(Store(table, values))
        write = CountOne(table, values["id"], column)
        for _ in range(TURNS):
            await asyncio.gather(here.writer.submit(write), there.writer.submit(write))
        stored = await here.fetch_one(sa.select(table))
        assert stored is not None
        return int(stored[column]) - int(values[column])
    finally:
        await there.close()
        await here.close()


@pytest.mark.parametrize(("row", "column"), COUNTED, ids=lambda value: str(value[0]))
async def test_no_change_is_lost_while_versions_are_compared(postgres_url, row, column):
    assert await counted_by_two(postgres_url, row, column) == 2 * TURNS


@pytest.mark.parametrize(("row", "column"), COUNTED, ids=lambda value: str(value[0]))
async def test_changes_are_lost_when_they_are_not(postgres_url, monkeypatch, row, column):
    """The mutant: the same two processes, without the version in the WHERE of this table."""
    guarded = postgresql._update

    def unguarded(shape: Any, sets: Any, deltas: Any) -> str:
        text = guarded(shape, sets, deltas)
        if shape.name != row[0].name:
            return text
        return re.sub(r" AND \S+\.version = new\.loaded", "", text)

    monkeypatch.setattr(postgresql, "_update", unguarded)
    # Both load, then both save: what a slow network does by chance.
    load = postgresql.PostgresqlWriteConnection.load

    async def slowly(self: Any, loads: Any) -> Any:
        loaded = await load(self, loads)
        await asyncio.sleep(0.02)
        return loaded

    monkeypatch.setattr(postgresql.PostgresqlWriteConnection, "load", slowly)
    assert await counted_by_two(postgres_url, row, column) < 2 * TURNS
