"""Units and flash sales: what merchants and hosts do with them, and what rooms are told of them."""

from __future__ import annotations

from collections.abc import Collection

from livecommerce.catalogue.service import Catalogue, Snapshots
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability, Role
from livecommerce.people.service import People
from livecommerce.protocol.events import StateEvent
from livecommerce.stock import store
from livecommerce.stock.flash_sales import Phase
from livecommerce.stock.levels import StockLevel, level_id
from livecommerce.stock.service.adjusting import Adjust
from livecommerce.stock.service.holding import (
    HoldFacts,
    Holding,
    Showing,
    Sold,
    facts_of,
    hold_need,
    hold_row,
    hold_state,
    sale_changed,
    sale_counted,
)
from livecommerce.stock.service.latch import SoldOutLatch
from livecommerce.stock.service.sale_clock import SaleClock
from livecommerce.stock.service.sales import Offered, Plan, Step
from livecommerce.stock.service.shelf import Shelf, counter_of, level_need, stock_changed
from livecommerce.stock.wire import (
    ArmSale,
    CancelSale,
    EndSale,
    PlanSale,
    SaleView,
    StartSale,
    StockChanged,
    StockView,
)

__all__ = [
    "HoldFacts",
    "Holding",
    "Shelf",
    "Showing",
    "Sold",
    "Stock",
    "hold_need",
    "hold_row",
    "hold_state",
    "level_need",
    "stock_changed",
]

_PAST_SALES = 20
_HOLDERS_WITHIN_MS = 600_000


class Stock:
    """Stock levels, holds and flash sales."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        people: People,
        catalogue: Catalogue,
        shelf: Shelf,
        showing: Showing,
        offered: Offered,
    ) -> None:
        """
        Args:
            showing: the rooms that show a variant now, from memory.
            offered: the offers in the bags of rooms.
        """
        self.holding = Holding(showing)
        self.latch = SoldOutLatch(clock)
        self.clock = SaleClock(database=database, clock=clock, holding=self.holding)
        self._database = database
        self._now = clock
        self._people = people
        self._catalogue = catalogue
        self._shelf = shelf
        self._offered = offered
        self._sales: Snapshots[str, SaleView] = Snapshots(self.sale, clock=clock)
        self._latching: dict[str, object] = {}
        """Whose holders are being read, and for which answer of the writer."""

    async def run(self) -> None:
        """Runs the sale clock until cancelled."""
        await self.clock.run()

    # Units.

    async def levels(self, variant_ids: Collection[str]) -> dict[str, StockLevel]:
        """Levels by variant; unknown variants are missing."""
        return await self._shelf.units(variant_ids)

    async def variant_state(self, variant_ids: Collection[str]) -> list[StockChanged]:
        """The counters of variants, for a room's snapshot."""
        now = self._now.now_ms()
        found = await self._shelf.units(variant_ids)
        return [counter_of(level, now) for level in found.values()]

    async def adjust(
        self, actor: Actor, variant_id: str, *, delta: int, reason: str = "", key: str | None = None
    ) -> StockView:
        """Books units in or out. `stock_committed` when somebody was promised them.

        Args:
            key: made by the client; a repetition with the same key books nothing.
        """
        if delta == 0:
            raise Refused(Code.BAD_FIELD, field="delta")
        await self._catalogue.require_variant(actor, variant_id, Capability.STOCK_EDIT)
        return await self._database.writer.submit(
            Adjust(
                movement_id=new_id(),
                variant_id=variant_id,
                delta=delta,
                reason=reason,
                actor_id=actor.person_id,
                idempotency=Idempotency.of(
                    actor.person_id, "adjust_stock", key, (variant_id, delta, reason), StockView
                ),
                holding=self.holding,
            )
        )

    # Flash sales.

    async def plan_sale(self, actor: Actor, room_id: str, command: PlanSale) -> SaleView:
        """Plans a sale on an offer of the bag: armed at once, or scheduled with a start.

        Raises:
            Refused: `forbidden`, also for goods of a merchant whose stock neither the actor nor
                the room's host may touch; `not_found`, `bad_field`, `stock_committed`.
        """
        await self._people.require(actor, room_id, Capability.SALE_RUN)
        product_id = await self._offered.product_of(room_id, command.offer_id)
        sellable = await self._catalogue.sellable(command.variant_id, fresh=True)
        if sellable.product_id != product_id or not sellable.is_active:
            raise Refused(Code.NOT_FOUND, field="variant_id")
        await self._check_may_discount(actor, room_id, sellable.merchant.id)
        write = Plan(
            actor=actor,
            room_id=room_id,
            command=command,
            answer=SaleView,
            id=new_id(),
            product_id=product_id,
            regular_minor=sellable.price_minor,
            currency=sellable.market.currency,
            offered=self._offered,
            holding=self.holding,
        )
        return self._moved(await self._database.writer.submit(write))

    async def arm_sale(self, actor: Actor, room_id: str, command: ArmSale) -> SaleView:
        """Sets the sale's units aside; `stock_committed` when there are too few."""
        return await self._step(actor, room_id, command, Phase.ARMED)

    async def start_sale(self, actor: Actor, room_id: str, command: StartSale) -> SaleView:
        """Begins the warm-up."""
        return await self._step(actor, room_id, command, Phase.WARM_UP)

    async def end_sale(self, actor: Actor, room_id: str, command: EndSale) -> SaleView:
        """Ends a running sale early."""
        return await self._step(actor, room_id, command, Phase.ENDED)

    async def cancel_sale(self, actor: Actor, room_id: str, command: CancelSale) -> SaleView:
        """Withdraws a sale before it is live."""
        return await self._step(actor, room_id, command, Phase.CANCELLED)

    async def end_sales(self, actor: Actor, room_id: str) -> None:
        """Ends what runs in a room and withdraws what is armed; planned sales stay for another day.

        For the end of a show, which has asked already whether `actor` may.
        """
        for row in await self._database.fetch(store.open_sales(room_id)):
            sale = store.sale_view(row)
            try:
                if sale.phase in (Phase.LIVE, Phase.SOLD_OUT):
                    await self.end_sale(actor, room_id, EndSale(id=new_id(), sale_id=sale.id))
                elif sale.phase != Phase.SCHEDULED:
                    await self.cancel_sale(actor, room_id, CancelSale(id=new_id(), sale_id=sale.id))
            except Refused as refused:
                # The clock was quicker: the sale has moved on by itself.
                if refused.code is not Code.BAD_TRANSITION:
                    raise

    async def sale(self, sale_id: str) -> SaleView:
        """A sale as it is stored now, or `not_found`."""
        row = await self._database.fetch_one(store.sale_by_id(sale_id))
        if row is None:
            raise Refused(Code.NOT_FOUND, field="sale_id")
        return store.sale_view(row)

    async def sale_terms(self, sale_id: str) -> SaleView:
        """A sale as it was at most a second ago. Its terms never change, its phase may have."""
        return await self._sales.get(sale_id)

    async def sales_of_room(self, room_id: str) -> list[SaleView]:
        """Open sales, newest first, then the latest of those that are over."""
        rows = [
            *await self._database.fetch(store.open_sales(room_id)),
            *await self._database.fetch(store.past_sales(room_id, _PAST_SALES)),
        ]
        return [store.sale_view(row) for row in rows]

    async def room_state(self, room_id: str) -> list[StateEvent]:
        """Open sales and their counters, for a room's snapshot."""
        now = self._now.now_ms()
        state: list[StateEvent] = []
        for row in await self._database.fetch(store.open_sales(room_id)):
            state += (sale_changed(row, now), sale_counted(row, now))
        return state

    # For orders.

    async def holds(self, hold_ids: Collection[str]) -> dict[str, HoldFacts]:
        """Facts of holds by id."""
        rows = await self._database.fetch(store.holds_by_ids(hold_ids))
        return {row["id"]: facts_of(row) for row in rows}

    async def holds_end(self, hold_ids: Collection[str]) -> dict[str, int]:
        """Until when holds keep their units, by id."""
        if not hold_ids:
            return {}
        rows = await self._database.fetch(store.holds_by_ids(hold_ids))
        return {row["id"]: row["expires_at"] for row in rows}

    async def due_holds(self, limit: int) -> list[HoldFacts]:
        """Holds that have run out and are not being released yet, longest waiting first."""
        rows = await self._database.fetch(store.due_holds(self._now.now_ms(), limit))
        return [facts_of(row) for row in rows]

    def is_sold_out(self, hold: HoldFacts) -> bool:
        """Whether this buyer can be told `sold_out` without asking the database."""
        return self.latch.is_shut(latch_key(hold), hold.person_id)

    async def sold_out(self, hold: HoldFacts) -> None:
        """The writer said `sold_out` with nothing left: answer the next ones from memory."""
        key = latch_key(hold)
        if self.latch.is_known(key) or key in self._latching:
            return
        mark = self._latching[key] = object()
        try:
            since = self._now.now_ms() - _HOLDERS_WITHIN_MS
            rows = await self._database.fetch(store.holders_of(hold.level_id, since))
            # Not when a unit came back meanwhile: whoever has it since is not among those read.
            if self._latching.get(key) is mark:
                self.latch.shut(key, frozenset(row["person_id"] for row in rows))
        finally:
            if self._latching.get(key) is mark:
                del self._latching[key]

    def came_back(self, hold: HoldFacts) -> None:
        """Units of a hold were released: nobody is told `sold_out` from memory."""
        self._open_latch(latch_key(hold))
        self._open_latch(hold.level_id)

    async def _check_may_discount(self, actor: Actor, room_id: str, merchant_id: str) -> None:
        """A bag may hold anybody's goods, at their price. A sale takes units off their merchant's
        shelf at another one, so the merchant has to be in it; co-hosts act for the host."""
        staff = await self._people.staff(room_id)
        hosts = [person_id for person_id, role in staff.items() if role is Role.HOST]
        for person_id in (actor.person_id, *hosts):
            held = await self._people.capabilities(merchant_id, person_id)
            if Capability.STOCK_EDIT in held:
                return
        raise Refused(Code.FORBIDDEN, capability=Capability.STOCK_EDIT.value, field="variant_id")

    async def _step(
        self,
        actor: Actor,
        room_id: str,
        command: ArmSale | StartSale | EndSale | CancelSale,
        to: Phase,
    ) -> SaleView:
        await self._people.require(actor, room_id, Capability.SALE_RUN)
        sale = await self.sale(command.sale_id)
        write = Step(
            actor=actor,
            room_id=room_id,
            command=command,
            answer=SaleView,
            sale_id=sale.id,
            level_id=level_id(sale.variant_id),
            to=to,
            holding=self.holding,
        )
        return self._moved(await self._database.writer.submit(write))

    def _moved(self, view: SaleView) -> SaleView:
        self._sales.forget(view.id)
        self._open_latch(view.id)
        self._open_latch(level_id(view.variant_id))
        self.clock.look()
        return view

    def _open_latch(self, key: str) -> None:
        self.latch.open(key)
        self._latching.pop(key, None)


def latch_key(hold: HoldFacts) -> str:
    """Units of a sale and units at the regular price run out separately."""
    return hold.level_id if hold.sale_id is None else hold.sale_id
