"""The purchase itself: one write that takes the units and makes the order. The hot path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from livecommerce.catalogue.service import Sellable, is_current, sellable_needs
from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.kernel.errors import Refused
from livecommerce.orders import store
from livecommerce.orders.orders import (
    FulfilState,
    OrderState,
    PaymentState,
    RoomCounter,
    Totals,
    number_of,
)
from livecommerce.orders.service import steps
from livecommerce.orders.service.views import pack_texts
from livecommerce.orders.wire import OrderLineView, OrderView, PlaceOrder
from livecommerce.payments.service import attempting
from livecommerce.payments.service.attempting import NewAttempt
from livecommerce.stock.holds import HoldState
from livecommerce.stock.service import HoldFacts, Holding


class QuoteOutdated(Exception):
    """The product changed after it was quoted: quote again, decide again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Write[OrderView]):
    """Takes a hold and makes the order; with `on_delivery` the order is confirmed at once."""

    hold: HoldFacts
    command: PlaceOrder
    sellable: Sellable
    totals: Totals
    counter: RoomCounter | None
    buyer_name: str
    per_buyer: int | None
    attempt: NewAttempt | None
    on_delivery: bool
    idempotency: Idempotency[OrderView] | None
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield from sellable_needs(self.sellable)
        yield from self.holding.needs_to_take(self.hold, per_buyer=self.per_buyer)

    def decide(self, rows: Rows, now: int) -> OrderView:
        if not is_current(rows, self.sellable):
            raise QuoteOutdated
        hold_state = HoldState.ACTIVE
        state, payment = OrderState.PENDING_PAYMENT, PaymentState.NOT_PAID
        if self.on_delivery:
            hold_state = HoldState.CONSUMED
            state, payment = OrderState.CONFIRMED, PaymentState.DUE_ON_DELIVERY
        elif self.attempt is not None:
            hold_state, payment = HoldState.PAYING, PaymentState.PROCESSING
        sold = self.holding.take(
            rows, self.hold, now, state=hold_state, expected_minor=self.totals.unit_minor
        )
        order_id = self.hold.order_id
        if self.attempt is not None:
            attempting.begin(rows, self.attempt, 1, now)
        self._insert_order(rows, order_id, state, payment, now)
        line = self._insert_line(rows, order_id)
        if self.counter is not None:
            steps.tell_staff(rows, order_id, now)
        totals = self.totals
        return OrderView(
            id=order_id,
            number=number_of(order_id),
            room_id=None if self.counter is None else self.counter.room_id,
            state=state.value,
            payment_state=payment.value,
            fulfil_state=FulfilState.NOT_FULFILLED.value,
            market=self.sellable.market.id,
            currency=self.sellable.market.currency,
            lines=[line],
            subtotal_minor=totals.subtotal_minor,
            delivery_minor=totals.delivery_minor,
            vat_minor=totals.vat_minor,
            total_minor=totals.total_minor,
            hold_expires_at=None if self.on_delivery else sold.expires_at,
            address_id=self.command.address_id,
            version=1,
            created_at=now,
        )

    def _insert_order(
        self, rows: Rows, order_id: str, state: OrderState, payment: PaymentState, now: int
    ) -> None:
        totals, counter = self.totals, self.counter
        rows.insert(
            store.orders,
            {
                "id": order_id,
                "person_id": self.hold.person_id,
                "buyer_name": self.buyer_name,
                "command_id": self.command.id,
                "merchant_id": self.sellable.merchant.id,
                "room_id": counter and counter.room_id,
                "host_id": counter and counter.host_id,
                "state": state.value,
                "payment_state": payment.value,
                "fulfil_state": FulfilState.NOT_FULFILLED.value,
                "market": self.sellable.market.id,
                "currency": self.sellable.market.currency,
                "subtotal_minor": totals.subtotal_minor,
                "delivery_minor": totals.delivery_minor,
                "vat_minor": totals.vat_minor,
                "total_minor": totals.total_minor,
                "hold_id": self.hold.id,
                "attempt_id": self.attempt and self.attempt.id,
                "attempts": 0 if self.attempt is None else 1,
                "address_id": self.command.address_id,
                "created_at": now,
            },
        )

    def _insert_line(self, rows: Rows, order_id: str) -> OrderLineView:
        sellable, totals, merchant = self.sellable, self.totals, self.sellable.merchant
        host_id = None if self.counter is None else self.counter.host_id
        rows.insert(
            store.order_lines,
            {
                "id": store.line_id(order_id),
                "order_id": order_id,
                "line_no": store.FIRST_LINE,
                "product_id": sellable.product_id,
                "variant_id": sellable.variant_id,
                "sale_id": self.hold.sale_id,
                "offer_id": self.command.offer_id,
                "merchant_id": merchant.id,
                "merchant_slug": merchant.slug,
                "merchant_name_en": merchant.name.en,
                "merchant_name_ar": merchant.name.ar,
                "merchant_picture_url": merchant.picture_url,
                "host_id": host_id,
                "sku": sellable.sku,
                "title_en": sellable.title.en,
                "title_ar": sellable.title.ar,
                "options": pack_texts(sellable.options),
                "thumb_url": sellable.thumb_url,
                "qty": self.hold.qty,
                "unit_minor": totals.unit_minor,
                "total_minor": totals.subtotal_minor,
                "vat_bps": totals.vat_bps,
                "vat_minor": totals.line_vat_minor,
            },
        )
        return OrderLineView(
            product_id=sellable.product_id,
            variant_id=sellable.variant_id,
            title=sellable.title,
            options=sellable.options,
            thumb_url=sellable.thumb_url,
            merchant=merchant,
            host_id=host_id,
            sale_id=self.hold.sale_id,
            qty=self.hold.qty,
            unit_minor=totals.unit_minor,
            total_minor=totals.subtotal_minor,
            vat_bps=totals.vat_bps,
            vat_minor=totals.line_vat_minor,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat(Write[OrderView]):
    """A purchase that would be refused before it reaches the writer, unless it is a repetition of
    one that was made: then its buyer is told of the order they have, whatever has changed since."""

    refused: Refused
    idempotency: Idempotency[OrderView] | None

    def needs(self) -> Iterable[Need]:
        return ()

    def decide(self, rows: Rows, now: int) -> OrderView:
        raise self.refused
