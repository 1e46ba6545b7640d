"""Looking at orders: a buyer's own, and those of a room for its staff."""

from __future__ import annotations

from collections.abc import Sequence

from livecommerce.database.engine import Database
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import store
from livecommerce.orders.orders import OrderState
from livecommerce.orders.service.steps import OrderFacts
from livecommerce.orders.service.views import line_view, order_view, room_order_view
from livecommerce.orders.wire import OrderList, OrderView, RoomOrderList
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.stock.service import Stock

PAGE = 50


class OrderReader:
    """Reads; changes nothing."""

    def __init__(self, *, database: Database, people: People, stock: Stock) -> None:
        self._database = database
        self._stock = stock
        self._people = people

    async def mine(self, actor: Actor, *, after: str | None, limit: int) -> OrderList:
        rows = await self._database.fetch(store.orders_of(actor.person_id, after, limit + 1))
        return OrderList(
            orders=await self._views(rows[:limit]),
            next=rows[limit - 1]["id"] if len(rows) > limit else None,
        )

    async def one(self, actor: Actor, order_id: str) -> OrderView:
        """An order of the actor's; `not_found` for anybody else's, as for one there is not."""
        row = await self._database.fetch_one(store.order_by_id(order_id))
        if row is None or row["person_id"] != actor.person_id:
            raise Refused(Code.NOT_FOUND)
        return (await self._views([row]))[0]

    async def of_room(
        self, actor: Actor, room_id: str, *, currency: str, after: str | None, limit: int
    ) -> RoomOrderList:
        """The orders of a room. It sells in its market's currency, and sums are of that."""
        await self._people.require(actor, room_id, Capability.ORDERS_SEE)
        rows = await self._database.fetch(store.orders_in(room_id, after, limit + 1))
        shown = rows[:limit]
        lines = await self._database.fetch(store.lines_of([row["id"] for row in shown]))
        line_of = {line["order_id"]: line for line in lines}
        sums = await self._database.fetch(store.room_sums(room_id))
        confirmed = [
            one
            for one in sums
            if one["state"] in (OrderState.CONFIRMED, OrderState.COMPLETED)
            and one["currency"] == currency
        ]
        return RoomOrderList(
            orders=[room_order_view(row, line_of[row["id"]]) for row in shown],
            confirmed=sum(int(one["orders"]) for one in confirmed),
            held=sum(
                int(one["orders"]) for one in sums if one["state"] == OrderState.PENDING_PAYMENT
            ),
            revenue_minor=sum(int(one["total_minor"]) for one in confirmed),
            currency=currency,
            next=shown[-1]["id"] if len(rows) > limit else None,
        )

    async def facts(self, order_id: str) -> OrderFacts:
        """What a write has to know beforehand, as stored now."""
        row = await self._database.fetch_one(store.order_by_id(order_id))
        if row is None:
            raise Refused(Code.NOT_FOUND)
        line = await self._database.fetch_one(store.lines_of([order_id]))
        holds = await self._stock.holds([row["hold_id"]])
        return OrderFacts(
            order_id=order_id,
            person_id=row["person_id"],
            room_id=row["room_id"],
            hold=holds[row["hold_id"]],
            attempt_id=row["attempt_id"],
            offer_id=None if line is None else line["offer_id"],
            market=row["market"],
            currency=row["currency"],
            total_minor=row["total_minor"],
        )

    async def _views(self, rows: Sequence[store.Row]) -> list[OrderView]:
        if not rows:
            return []
        lines = await self._database.fetch(store.lines_of([row["id"] for row in rows]))
        line_of = {line["order_id"]: line_view(line) for line in lines}
        pending = [row["hold_id"] for row in rows if row["state"] == OrderState.PENDING_PAYMENT]
        expires_at = await self._stock.holds_end(pending)
        return [
            order_view(row, [line_of[row["id"]]], expires_at.get(row["hold_id"])) for row in rows
        ]
