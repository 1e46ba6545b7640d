"""A market place without its doors: a room with things to sell, a provider, and checkout."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

import livecommerce.orders.invariants
import livecommerce.payments.invariants
import livecommerce.stock.invariants  # noqa: F401  (registers the checks of `breaches`)
from livecommerce.catalogue.markets import MARKETS
from livecommerce.database import verify
from livecommerce.kernel.clock import FakeClock
from livecommerce.orders import store as order_store
from livecommerce.orders.invariants import check_provider_book
from livecommerce.orders.orders import RoomCounter
from livecommerce.orders.service import Orders
from livecommerce.orders.wire import (
    CancelOrder,
    OrderChanged,
    OrderView,
    PayOrder,
    PlaceOrder,
)
from livecommerce.payments import store as payment_store
from livecommerce.payments.providers.sandbox import Sandbox
from livecommerce.payments.service import Payments
from livecommerce.payments.wire import CardDraft, PaymentChoice
from livecommerce.people.accounts import Actor
from livecommerce.people.wire import AddressDraft, ContactDraft
from livecommerce.shows.wire import OfferView
from livecommerce.stock import store as stock_store
from livecommerce.stock.wire import PlanSale, SaleView, StartSale
from tests.shows.world import World, command, open_world

CARD_SECRET = b"signs the webhooks of the tests"
_phones = itertools.count(1)


class Rooms:
    """What checkout asks of shows, as the composition root ties it."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def counter(self, room_id: str, offer_id: str | None) -> RoomCounter:
        facts = await self._world.shows.rooms.facts(room_id)
        product_id = None
        if offer_id is not None:
            product_id = (await self._world.shows.bag.offer(room_id, offer_id)).product_id
        return RoomCounter(facts.id, facts.host_id, facts.market, product_id)

    async def check_may_buy(self, room_id: str, person_id: str) -> None:
        await self._world.moderation.check_may_enter(room_id, person_id)


@dataclass(frozen=True, slots=True)
class Buyer:
    """Somebody who can pay in one click."""

    actor: Actor
    address_id: str
    card_id: str

    def pays(self, method: str = "card") -> PaymentChoice:
        return PaymentChoice(method=method, card_id=self.card_id if method == "card" else None)


@dataclass
class Market:
    world: World
    sandbox: Sandbox
    payments: Payments
    orders: Orders

    @property
    def clock(self) -> FakeClock:
        return self.world.clock

    @property
    def room_id(self) -> str:
        return self.world.room_id

    async def buyer(self, card: str = "tok_visa", name: str = "Badr") -> Buyer:
        actor = await self.world.person(name)
        phone = f"+9665{next(_phones):08d}"
        await self.world.people.set_contact(actor, ContactDraft(phone=phone))
        address = await self.world.people.add_address(
            actor,
            AddressDraft(
                country="SA",
                recipient=name,
                phone=phone,
                fields={"short_address": "RRRD2929", "city": "Riyadh"},
            ),
        )
        saved = await self.payments.save_card(actor, CardDraft(token=card))
        return Buyer(actor, address.id, saved.id)

    async def goods(self, name: str = "Lamp", *, on_hand: int = 10) -> OfferView:
        """A product of one variant in the bag of the room."""
        return await self.world.offer(name, on_hand=on_hand)

    def total(self, unit_minor: int, qty: int = 1) -> int:
        return unit_minor * qty + MARKETS["SA"].delivery_minor

    def wish(self, offer: OfferView, *, qty: int = 1, **fields: Any) -> PlaceOrder:
        """A wish for the offer at its regular price."""
        expected = fields.pop("expected_total_minor", self.total(offer.price_minor, qty))
        return command(
            PlaceOrder,
            variant_id=offer.variant_id,
            offer_id=fields.pop("offer_id", offer.id),
            qty=qty,
            expected_total_minor=expected,
            currency=fields.pop("currency", "SAR"),
            **fields,
        )

    async def buy(
        self,
        buyer: Buyer,
        offer: OfferView,
        *,
        sale: SaleView | None = None,
        method: str | None = "card",
        **fields: Any,
    ) -> OrderView:
        """One click; without a method the units are only held."""
        if sale is not None:
            unit = sale.price_minor
            fields = {
                "sale_id": sale.id,
                "expected_total_minor": self.total(unit, fields.get("qty", 1)),
                **fields,
            }
        if method is not None:
            fields = {"address_id": buyer.address_id, "payment": buyer.pays(method), **fields}
        wish = self.wish(offer, **fields)
        return await self.orders.place_order(buyer.actor, self.room_id, wish)

    async def pay(self, buyer: Buyer, order: OrderView, *, method: str = "card") -> OrderView:
        said = command(
            PayOrder,
            order_id=order.id,
            address_id=buyer.address_id,
            payment=buyer.pays(method),
        )
        return await self.orders.pay_order(buyer.actor, said)

    async def cancel(self, buyer: Buyer, order: OrderView) -> OrderView:
        said = command(CancelOrder, order_id=order.id)
        return await self.orders.cancel_order(buyer.actor, said)

    async def sale(
        self, offer: OfferView, *, quota: int, live: bool = True, **terms: Any
    ) -> SaleView:
        """A flash sale, open for buying unless told otherwise."""
        said = command(
            PlanSale,
            offer_id=offer.id,
            variant_id=offer.variant_id,
            price_minor=terms.pop("price_minor", offer.price_minor // 2),
            quota=quota,
            **terms,
        )
        stock, host = self.world.stock, self.world.host
        planned = await stock.plan_sale(host, self.room_id, said)
        if not live:
            return planned
        started = await stock.start_sale(host, self.room_id, command(StartSale, sale_id=planned.id))
        self.pass_time(started.warm_up_s * 1000)
        await stock.clock.tick()
        return await stock.sale(planned.id)

    def pass_time(self, ms: int) -> None:
        self.clock.advance(ms)

    async def settle(self, ms: int = 0) -> None:
        """Time passes, and everything that is due then is done, until nothing is."""
        self.pass_time(ms)
        checkout = self.orders.checkout
        for _ in range(20):
            await checkout.idle()
            await self.sandbox.send_due(self.payments.receive_sandbox)
            due = await checkout.expire_due() + await checkout.settle_due()
            due += await checkout.refund_due() + await checkout.take_events()
            await checkout.idle()
            if not due:
                return

    async def see(self, buyer: Buyer, order: OrderView) -> OrderView:
        return await self.orders.order(buyer.actor, order.id)

    async def level(self, offer: OfferView) -> dict[str, int]:
        row = await self.world.database.fetch_one(
            sa.select(stock_store.stock_levels).where(
                stock_store.stock_levels.c.variant_id == offer.variant_id
            )
        )
        assert row is not None
        return {name: row[name] for name in ("on_hand", "allocated", "reserved", "set_aside")}

    async def counters(self, sale: SaleView) -> tuple[int, int]:
        row = await self.world.database.fetch_one(stock_store.sale_by_id(sale.id))
        assert row is not None
        return row["held"], row["sold"]

    async def attempts(self, order: OrderView) -> list[Any]:
        rows = await self.world.database.fetch(payment_store.attempts_of([order.id]))
        return sorted(rows, key=lambda row: row["nth"])

    async def count_orders(self) -> int:
        rows = await self.world.database.fetch(
            sa.select(sa.func.count().label("n")).select_from(order_store.orders)
        )
        return int(rows[0]["n"])

    def told(self, buyer: Buyer) -> list[OrderView]:
        """What the buyer was told of their orders."""
        return [
            event.order
            for person_id, event in self.world.publisher.told
            if person_id == buyer.actor.person_id and isinstance(event, OrderChanged)
        ]

    async def breaches(self) -> list[verify.Breach]:
        found = await self.world.breaches()
        paid = await self.sandbox.paid()
        return [*found, *await check_provider_book(self.world.database, paid)]

    async def close(self) -> None:
        await self.orders.close()
        await self.sandbox.close()
        await self.world.close()


async def open_market(url: str, folder: Path, *, like: Market | None = None) -> Market:
    """Opens a market; `like` another one on the same database: the second process of one shop."""
    world = await open_world(
        url, folder, create=like is None, like=None if like is None else like.world
    )
    sandbox = await Sandbox.open(
        folder / "sandbox.db",
        clock=world.clock,
        secret=CARD_SECRET,
        webhook_delay_ms=0,
        timeout_s=0.0,
    )
    payments = Payments(database=world.database, clock=world.clock, providers=[sandbox])
    orders = Orders(
        database=world.database,
        publisher=world.publisher,
        clock=world.clock,
        people=world.people,
        catalogue=world.catalogue,
        stock=world.stock,
        payments=payments,
        rooms=Rooms(world),
    )
    return Market(world, sandbox, payments, orders)


async def together(*calls: Any) -> list[Any]:
    """Runs calls at once; a refusal is given back like an answer."""
    return await asyncio.gather(*calls, return_exceptions=True)
