"""Buying: one-click purchase, paying, giving up, and looking at orders."""

from __future__ import annotations

from typing import Any

import msgspec

from livecommerce.catalogue.markets import MARKETS
from livecommerce.catalogue.service import Catalogue, Sellable
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.service.checkout import Checkout, PaymentJob
from livecommerce.orders.service.ending import Cancel
from livecommerce.orders.service.paying import BeginPayment
from livecommerce.orders.service.placing import Place, QuoteOutdated, Repeat
from livecommerce.orders.service.quoting import Quoted, Quoting, Rooms
from livecommerce.orders.service.reading import PAGE, OrderReader
from livecommerce.orders.service.steps import FactsChanged, OrderFacts
from livecommerce.orders.service.unpaid import Unpaid
from livecommerce.orders.wire import (
    CancelOrder,
    OrderList,
    OrderView,
    PayOrder,
    PlaceOrder,
    Quote,
    QuoteRequest,
    RoomOrderList,
)
from livecommerce.payments.providers.port import PAY_ON_DELIVERY
from livecommerce.payments.service import Payments
from livecommerce.payments.service.attempting import NewAttempt
from livecommerce.payments.wire import PaymentChoice
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People
from livecommerce.realtime.publisher import Publisher
from livecommerce.stock.service import HoldFacts, Stock

__all__ = ["Orders", "Rooms"]

UNPAID_MAX = 10
_TRIES = 5


class Orders:
    """What buyers do, and what hosts see of it."""

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        people: People,
        catalogue: Catalogue,
        stock: Stock,
        payments: Payments,
        rooms: Rooms,
        unpaid_max: int = UNPAID_MAX,
    ) -> None:
        self._database = database
        self._people = people
        self._rooms = rooms
        self._stock = stock
        self._payments = payments
        self._unpaid = Unpaid(database=database, clock=clock, orders_max=unpaid_max)
        self._reader = OrderReader(database=database, people=people, stock=stock)
        self._quoting = Quoting(catalogue=catalogue, stock=stock, rooms=rooms, clock=clock)
        self.checkout = Checkout(
            database=database,
            publisher=publisher,
            clock=clock,
            stock=stock,
            payments=payments,
            reader=self._reader,
        )

    async def run(self, *, may_lead: bool = True) -> None:
        """Runs payments, expiries and refunds until cancelled; see `Checkout.run`."""
        await self.checkout.run(may_lead=may_lead)

    async def close(self) -> None:
        await self.checkout.close()

    # Buying.

    async def quote(self, actor: Actor | None, room_id: str | None, wish: QuoteRequest) -> Quote:
        """What buying this would cost now; holds nothing."""
        buyer_id = None if actor is None else actor.person_id
        return self._quoting.quote(await self._quoting.price(room_id, wish, buyer_id))

    async def place_order(
        self, actor: Actor, room_id: str | None, command: PlaceOrder
    ) -> OrderView:
        """Holds the units; answers as soon as that is durable.

        With an address and a payment the payment goes on by itself, and the buyer is told
        (`order_changed`). Without them the units wait for `pay_order`.

        Raises:
            Refused: see docs/protocol.md, *Buying*; nothing is held then.
        """
        order, _ = await self.place_order_once(actor, room_id, command)
        return order

    async def place_order_once(
        self, actor: Actor, room_id: str | None, command: PlaceOrder
    ) -> tuple[OrderView, bool]:
        """As `place_order`; also tells whether it was a repetition of an order made before."""
        once = _once(actor, "buy", command, room_id)
        outdated: Sellable | None = None
        for _ in range(_TRIES):
            try:
                write, facts = await self._prepared(actor, room_id, command, once, outdated)
            except Refused as refused:
                if refused.code is Code.SOLD_OUT and self._database.dialect == "sqlite":
                    # One process: whoever took units of late is let through by the latch itself.
                    raise
                repeat = Repeat(refused=refused, idempotency=once)
                return await self._database.writer.submit_replayable(repeat)
            try:
                order, is_replay = await self._database.writer.submit_replayable(write)
            except QuoteOutdated:
                outdated = write.sellable
                continue
            except Refused as refused:
                if refused.code is Code.SOLD_OUT and not refused.data.get("available"):
                    await self._stock.sold_out(facts.hold)
                raise
            if not is_replay and command.payment is not None:
                self._begin(facts, write.attempt)
            return order, is_replay
        raise Refused(Code.CONFLICT, retry_after_ms=1_000)

    async def pay_order(self, actor: Actor, command: PayOrder) -> OrderView:
        """Pays for units on hold; answers when the payment has begun."""
        once = _once(actor, "pay", command)
        for _ in range(_TRIES):
            facts = await self._own(actor, command.order_id)
            try:
                await self._check_address(actor, command.address_id, facts.market)
                attempt = await self._attempt(actor, command.payment, facts)
            except Refused as refused:
                return await self._database.writer.submit(Repeat(refused=refused, idempotency=once))
            write = BeginPayment(
                facts=facts,
                address_id=command.address_id,
                attempt=attempt,
                idempotency=once,
                holding=self._stock.holding,
            )
            try:
                order, is_replay = await self._database.writer.submit_replayable(write)
            except FactsChanged:
                continue
            if not is_replay:
                self._begin(facts, attempt)
            return order
        raise Refused(Code.CONFLICT, retry_after_ms=1_000)

    async def cancel_order(self, actor: Actor, command: CancelOrder) -> OrderView:
        """Gives an order up; money that was taken goes back."""
        once = _once(actor, "cancel_order", command)
        for _ in range(_TRIES):
            facts = await self._own(actor, command.order_id)
            write = Cancel(
                facts=facts, refund_id=new_id(), idempotency=once, holding=self._stock.holding
            )
            try:
                order = await self._database.writer.submit(write)
            except FactsChanged:
                continue
            self._stock.came_back(facts.hold)
            self.checkout.look()
            return order
        raise Refused(Code.CONFLICT, retry_after_ms=1_000)

    # Looking.

    async def my_orders(
        self, actor: Actor, *, after: str | None = None, limit: int = PAGE
    ) -> OrderList:
        """The actor's orders, newest first."""
        return await self._reader.mine(actor, after=after, limit=limit)

    async def order(self, actor: Actor, order_id: str) -> OrderView:
        """One of the actor's orders, or `not_found`."""
        return await self._reader.one(actor, order_id)

    async def room_orders(
        self, actor: Actor, room_id: str, *, after: str | None = None, limit: int = PAGE
    ) -> RoomOrderList:
        """A room's orders, newest first, for who may see them."""
        counter = await self._rooms.counter(room_id, None)
        return await self._reader.of_room(
            actor,
            room_id,
            currency=MARKETS[counter.market].currency,
            after=after,
            limit=limit,
        )

    # Parts.

    async def _prepared(
        self,
        actor: Actor,
        room_id: str | None,
        command: PlaceOrder,
        once: Idempotency[OrderView] | None,
        outdated: Sellable | None,
    ) -> tuple[Place, OrderFacts]:
        quoted = await self._quoting.price(room_id, command, actor.person_id, other_than=outdated)
        self._quoting.check(quoted, command)
        facts = _new_facts(actor, command, quoted)
        if self._stock.is_sold_out(facts.hold):
            # Before anything is read: this is when a crowd comes.
            raise Refused(Code.SOLD_OUT, available=0)
        if quoted.sale is None:
            method = None if command.payment is None else command.payment.method
            await self._unpaid.check(actor.person_id, on_delivery=method == PAY_ON_DELIVERY)
        attempt = None
        if command.address_id is not None:
            await self._check_address(actor, command.address_id, facts.market)
        if command.payment is not None:
            if command.address_id is None:
                raise Refused(Code.ADDRESS_REQUIRED, field="address_id")
            attempt = await self._attempt(actor, command.payment, facts)
        write = Place(
            hold=facts.hold,
            command=command,
            sellable=quoted.sellable,
            totals=quoted.totals,
            counter=quoted.counter,
            buyer_name=actor.name,
            per_buyer=None if quoted.sale is None else quoted.sale.per_buyer,
            attempt=attempt,
            on_delivery=command.payment is not None and attempt is None,
            idempotency=once,
            holding=self._stock.holding,
        )
        return write, facts

    def _begin(self, facts: OrderFacts, attempt: NewAttempt | None) -> None:
        """Goes on with a payment that has been recorded; one on delivery is done already."""
        if attempt is None:
            self.checkout.say_bought(facts)
        else:
            facts = msgspec.structs.replace(facts, attempt_id=attempt.id)
            self.checkout.pay(PaymentJob(facts, attempt))

    async def _check_address(self, actor: Actor, address_id: str, market: str) -> None:
        """ADDRESS_REQUIRED, NOT_FOUND, NOT_DELIVERED_THERE or PHONE_REQUIRED, or nothing."""
        buyer = await self._people.buyer(actor.person_id, address_id=address_id)
        address = next((one for one in buyer.addresses if one.id == address_id), None)
        if address is None:
            raise Refused(Code.NOT_FOUND, field="address_id")
        if address.country != market:
            raise Refused(Code.NOT_DELIVERED_THERE, field="address_id", market=market)
        if not buyer.has_phone:
            raise Refused(Code.PHONE_REQUIRED)

    async def _attempt(
        self, actor: Actor, choice: PaymentChoice, facts: OrderFacts
    ) -> NewAttempt | None:
        """The attempt a choice leads to; None: paid on delivery."""
        if not self._payments.offers(choice.method, facts.market):
            raise Refused(Code.PAYMENT_METHOD_REQUIRED, field="payment.method")
        if choice.method == PAY_ON_DELIVERY:
            return None
        charge = await self._payments.charge(actor.person_id, choice)
        return NewAttempt(
            id=new_id(),
            order_id=facts.order_id,
            provider=charge.provider,
            card_id=charge.card_id,
            amount_minor=facts.total_minor,
            currency=facts.currency,
        )

    async def _own(self, actor: Actor, order_id: str) -> OrderFacts:
        facts = await self._reader.facts(order_id)
        if facts.person_id != actor.person_id:
            raise Refused(Code.NOT_FOUND)
        return facts


def _new_facts(actor: Actor, command: PlaceOrder, quoted: Quoted) -> OrderFacts:
    order_id = new_id()
    return OrderFacts(
        order_id=order_id,
        person_id=actor.person_id,
        room_id=None if quoted.counter is None else quoted.counter.room_id,
        hold=HoldFacts(
            id=f"{order_id}.1",
            order_id=order_id,
            person_id=actor.person_id,
            variant_id=command.variant_id,
            qty=command.qty,
            sale_id=command.sale_id,
        ),
        attempt_id=None,
        offer_id=command.offer_id,
        market=quoted.sellable.market.id,
        currency=quoted.currency,
        total_minor=quoted.totals.total_minor,
    )


def _once(
    actor: Actor, op: str, command: Any, room_id: str | None = None
) -> Idempotency[OrderView] | None:
    return Idempotency.of(actor.person_id, op, command.id, (room_id, command), OrderView)
