"""Reads the databases beside the running servers and says which promises are broken.

Two witnesses that do not know each other are compared: the shop's own rows, and the book of the
payment provider. `verify` compares the shop's rows among themselves.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from livecommerce.app import verify
from livecommerce.database.engine import Database
from livecommerce.kernel.clock import SystemClock
from livecommerce.people.accounts import platform_person_id
from tests.support.shop import ISSUER
from tests.torture.crowd import Acknowledged
from tests.torture.findings import Finding
from tests.torture.stage import Stage

SETTLED_S = 90.0
DRAINED_S = 15.0


@dataclass(frozen=True, slots=True)
class SaleCounts:
    quota: int
    held: int
    sold: int

    @property
    def available(self) -> int:
        return self.quota - self.held - self.sold


@dataclass(frozen=True, slots=True)
class Charge:
    """A payment that took money, as the provider's book has it."""

    ref: str
    order_id: str
    amount_minor: int
    refunded_minor: int

    @property
    def kept_minor(self) -> int:
        return self.amount_minor - self.refunded_minor


class Judge:
    """Made by `open`; reads only."""

    def __init__(self, stage: Stage, database: Database) -> None:
        self._stage = stage
        self._database = database

    @classmethod
    async def open(cls, stage: Stage) -> Judge:
        address = stage.settings.database_address
        return cls(stage, await Database.open(address, clock=SystemClock()))

    async def close(self) -> None:
        await self._database.close()

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """Rows of a SELECT, as plain dicts."""
        found = await self._database.fetch(sa.text(statement).bindparams(**values))
        return [dict(row) for row in found]

    async def sale_counts(self, sale_id: str) -> SaleCounts:
        rows = await self.rows(
            "SELECT quota, held, sold FROM flash_sales WHERE id = :id", id=sale_id
        )
        return SaleCounts(**rows[0])

    async def open_holds(self) -> list[dict[str, Any]]:
        """Units somebody still keeps, and how their order stands."""
        return await self.rows(OPEN_HOLDS)

    async def unpublished(self, committed_before: int) -> int:
        """How many events that were committed before a moment (epoch ms) are not told yet."""
        rows = await self.rows(
            "SELECT COALESCE(SUM(entries), 0) AS entries FROM commits "
            "WHERE published_at IS NULL AND created_at <= :before",
            before=committed_before,
        )
        return int(rows[0]["entries"])

    async def settled(self, *, timeout_s: float = SETTLED_S) -> list[str]:
        """Waits until no payment is under way any more; gives the orders that still wait then."""
        until_s = time.monotonic() + timeout_s
        while True:
            waiting = [row["id"] for row in await self.rows(WAITING)]
            if not waiting or time.monotonic() > until_s:
                return waiting
            await asyncio.sleep(0.25)

    async def drained(self, *, timeout_s: float = DRAINED_S) -> int:
        """Waits until every event committed by now is published; gives how many are not."""
        now_ms = time.time_ns() // 1_000_000
        until_s = time.monotonic() + timeout_s
        while (left := await self.unpublished(now_ms)) and time.monotonic() < until_s:
            await asyncio.sleep(0.1)
        return left

    async def check_sale(self, finding: Finding, sale_id: str, units: int, per_buyer: int) -> None:
        """Exactly so many units sold, and nobody has more than allowed."""
        counts = await self.sale_counts(sale_id)
        consumed = await self.rows(
            "SELECT person_id, SUM(qty) AS qty FROM holds "
            "WHERE sale_id = :id AND state = 'consumed' GROUP BY person_id",
            id=sale_id,
        )
        sold = int(sum(row["qty"] for row in consumed))
        most = int(max((row["qty"] for row in consumed), default=0))
        finding.check("exactly the units offered are sold", holds=sold == units, found=str(sold))
        finding.check("the counter is true", holds=counts.sold == sold, found=str(counts))
        finding.check("nobody has more than allowed", holds=most <= per_buyer, found=str(most))
        finding.facts["sold"] = f"{sold} of {units}, at most {most} to one buyer"

    async def check_acknowledged(
        self, finding: Finding, orders: Sequence[Acknowledged], *, settled: bool = True
    ) -> None:
        """Every order that was acknowledged is there, its buyer's, and in the state told.

        Args:
            settled: payments have come to their end. Before that a cancelled order may still be
                waiting for its payment to be called back, with the wish stored.
        """
        stored = {row["id"]: row for row in await self.rows(ORDERS)}
        lost = 0
        for order in orders:
            row = stored.get(order.order_id)
            person_id = platform_person_id(ISSUER, f"buyer-{order.buyer}")
            if row is None or row["person_id"] != person_id:
                lost += 1
                finding.breaches.append(f"an acknowledged order is lost: {order}")
            elif order.cancelled and not settled and _is_being_cancelled(row):
                continue
            elif order.cancelled and row["state"] != "cancelled":
                finding.breaches.append(f"an acknowledged cancel is lost: {order}, {row['state']}")
            elif order.confirmed and not order.cancelled and row["state"] != "confirmed":
                finding.breaches.append(f"a confirmed order is not: {order}, {row['state']}")
        finding.facts["orders acknowledged"] = f"{len(orders)}, lost {lost}"

    def charges(self) -> list[Charge]:
        """What the provider says it has charged."""
        with sqlite3.connect(f"file:{self._stage.book}?mode=ro", uri=True) as book:
            return [
                Charge(*row)
                for row in book.execute(
                    "SELECT id, order_id, amount_minor, refunded_minor FROM intents"
                    " WHERE status = 'succeeded'"
                )
            ]

    async def check_money(self, finding: Finding) -> None:
        """The provider's book and our orders say the same; call it when all is settled."""
        kept: Counter[str] = Counter()
        charged_twice: Counter[str] = Counter()
        for charge in self.charges():
            kept[charge.order_id] += charge.kept_minor
            charged_twice[charge.order_id] += charge.kept_minor > 0
        orders = await self.rows(ORDERS)
        for row in orders:
            due = row["total_minor"] if row["state"] == "confirmed" else 0
            if kept[row["id"]] != due:
                finding.breaches.append(
                    f"order {row['id']} is {row['state']}, {due} due, {kept[row['id']]} charged"
                )
        twice = [id for id, n in charged_twice.items() if n > 1]
        finding.check("nobody is charged twice", holds=not twice, found=str(twice))
        unknown = kept.keys() - {row["id"] for row in orders}
        finding.check("no charge without an order", holds=not unknown, found=str(unknown))
        confirmed = sum(row["state"] == "confirmed" for row in orders)
        finding.facts["orders confirmed"] = f"{confirmed}, each charged once"

    async def check_verify(self, finding: Finding) -> None:
        """`livecommerce verify` finds nothing."""
        for breach in await verify(self._stage.settings):
            finding.breaches.append(f"verify: {breach}")

    async def check_everything(self, finding: Finding) -> None:
        """What must be true of the whole shop once it has come to rest."""
        waiting = await self.settled()
        finding.check("payments come to an end", holds=not waiting, found=f"{len(waiting)} orders")
        left = await self.drained()
        finding.check("committed events are published", holds=not left, found=str(left))
        await self.check_money(finding)
        await self.check_verify(finding)


def _is_being_cancelled(row: dict[str, Any]) -> bool:
    return (row["state"], row["closing_as"]) == ("pending_payment", "cancelled")


ORDERS = "SELECT id, person_id, state, closing_as, total_minor FROM orders"
OPEN_HOLDS = (
    "SELECT holds.order_id, holds.qty, holds.state AS hold, orders.state, orders.payment_state,"
    " orders.failure, orders.attempts FROM holds JOIN orders ON orders.id = holds.order_id"
    " WHERE holds.state IN ('active', 'paying', 'releasing')"
)
WAITING = "SELECT order_id AS id FROM holds WHERE state IN ('paying', 'releasing')"
