"""Buying on the wire: the one-click command, the order as its buyer and as the host see it."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from livecommerce.catalogue.wire import MerchantView, Text
from livecommerce.payments.wire import NextAction, PaymentChoice
from livecommerce.protocol.commands import Command, EntityId
from livecommerce.protocol.events import Event, Lane
from livecommerce.protocol.patterns import CurrencyCode

Qty = Annotated[int, msgspec.Meta(ge=1, le=99)]


class PlaceOrder(Command, frozen=True, kw_only=True, tag="buy"):
    """Holds units of one variant and, when address and payment are given, pays for them at once.

    The command's id is the idempotency key; over HTTP it comes in the `Idempotency-Key` header.
    No price is taken from the client: `expected_total_minor` is what the buyer was shown, and a
    different total is refused with `price_changed`, holding nothing. Reply: OrderView.
    """

    variant_id: EntityId
    qty: Qty = 1
    sale_id: EntityId | None = None
    """Buy at this flash sale's price and from its units."""
    offer_id: EntityId | None = None
    """The offer of the room's bag it is bought from; None outside of a room."""
    expected_total_minor: Annotated[int, msgspec.Meta(ge=0)]
    """Units and delivery together, VAT included."""
    currency: CurrencyCode
    address_id: EntityId | None = None
    payment: PaymentChoice | None = None


class OrderBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PlaceOrder` over HTTP: the key comes in a header, and the room has to be named."""

    variant_id: EntityId
    qty: Qty = 1
    sale_id: EntityId | None = None
    offer_id: EntityId | None = None
    expected_total_minor: Annotated[int, msgspec.Meta(ge=0)]
    currency: CurrencyCode
    address_id: EntityId | None = None
    payment: PaymentChoice | None = None
    room_id: EntityId | None = None

    def command(self, key: str) -> PlaceOrder:
        return PlaceOrder(
            id=key,
            variant_id=self.variant_id,
            qty=self.qty,
            sale_id=self.sale_id,
            offer_id=self.offer_id,
            expected_total_minor=self.expected_total_minor,
            currency=self.currency,
            address_id=self.address_id,
            payment=self.payment,
        )


class PayBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`PayOrder` over HTTP."""

    address_id: EntityId
    payment: PaymentChoice


class PayOrder(Command, frozen=True, kw_only=True, tag="pay"):
    """Pays for an order whose units are on hold. Reply: OrderView."""

    order_id: EntityId
    address_id: EntityId
    payment: PaymentChoice


class CancelOrder(Command, frozen=True, kw_only=True, tag="cancel_order"):
    """Gives up an order that is not paid yet, or was not sent yet. Reply: OrderView."""

    order_id: EntityId


class OrderLineView(msgspec.Struct, frozen=True, kw_only=True):
    product_id: str
    variant_id: str
    title: Text
    options: list[Text]
    thumb_url: str | None
    merchant: MerchantView
    host_id: str | None
    sale_id: str | None
    qty: int
    unit_minor: int
    total_minor: int
    vat_bps: int
    vat_minor: int


class OrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its buyer sees it. Amounts are minor units of `currency`, VAT included."""

    id: str
    number: str
    """Short, for people."""
    room_id: str | None
    state: str
    """pending_payment · confirmed · cancelled · expired · completed"""
    payment_state: str
    """not_paid · requires_action · processing · captured · due_on_delivery · refunded · failed"""
    fulfil_state: str
    market: str
    currency: str
    lines: list[OrderLineView]
    subtotal_minor: int
    delivery_minor: int
    vat_minor: int
    total_minor: int
    hold_expires_at: int | None = None
    """Until when the units are kept for the buyer while the order waits for payment."""
    next_action: NextAction | None = None
    failure: str | None = None
    """Code of the last failed payment; `payment_returned` when its money came after the order had
    ended and goes back."""
    address_id: str | None = None
    version: int
    created_at: int
    paid_at: int | None = None


class OrderList(msgspec.Struct, frozen=True, kw_only=True):
    orders: list[OrderView]
    next: str | None = None


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    variant_id: EntityId
    qty: Qty = 1
    room_id: EntityId | None = None
    sale_id: EntityId | None = None
    offer_id: EntityId | None = None


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What buying this now would cost; holds nothing."""

    currency: str
    unit_minor: int
    subtotal_minor: int
    delivery_minor: int
    vat_minor: int
    vat_bps: int
    total_minor: int
    seller: MerchantView


class OrderChanged(Event, frozen=True, kw_only=True, tag="order_changed"):
    """Told to the buyer alone, on all of their connections."""

    urgent: ClassVar[bool] = True

    order: OrderView


class SaleMade(Event, frozen=True, kw_only=True, tag="sale_made"):
    """For the room's staff: the host's live order feed. No personal data."""

    urgent: ClassVar[bool] = True
    replayed: ClassVar[bool] = True

    order_id: str
    number: str
    buyer_name: str
    """Display name in the room, not the name on the parcel."""
    title: Text
    qty: int
    total_minor: int
    currency: str
    state: str
    """held · confirmed · cancelled · expired"""


class Bought(Event, frozen=True, kw_only=True, tag="bought"):
    """For everyone, without a name: somebody just bought this."""

    lane: ClassVar[Lane] = Lane.EPHEMERAL

    offer_id: str | None
    variant_id: str
    qty: int


class RoomOrderView(msgspec.Struct, frozen=True, kw_only=True):
    """An order as the host of its room sees it."""

    order_id: str
    number: str
    buyer_name: str
    title: Text
    qty: int
    total_minor: int
    currency: str
    state: str
    created_at: int


class RoomOrderList(msgspec.Struct, frozen=True, kw_only=True):
    orders: list[RoomOrderView]
    confirmed: int
    held: int
    revenue_minor: int
    currency: str
    next: str | None = None
