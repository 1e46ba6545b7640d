"""Orders as their buyers and hosts see them, made from rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from livecommerce.catalogue.wire import MerchantView, Text
from livecommerce.orders.orders import OrderState, number_of
from livecommerce.orders.wire import OrderLineView, OrderView, RoomOrderView
from livecommerce.payments.wire import NextAction

_TEXTS = msgspec.json.Decoder(list[Text])
_ENCODER = msgspec.json.Encoder()


def pack_texts(texts: list[Text]) -> str:
    return _ENCODER.encode(texts).decode()


def line_view(row: Mapping[Any, Any]) -> OrderLineView:
    return OrderLineView(
        product_id=row["product_id"],
        variant_id=row["variant_id"],
        title=Text(en=row["title_en"], ar=row["title_ar"]),
        options=_TEXTS.decode(row["options"]),
        thumb_url=row["thumb_url"],
        merchant=MerchantView(
            id=row["merchant_id"],
            name=Text(en=row["merchant_name_en"], ar=row["merchant_name_ar"]),
            slug=row["merchant_slug"],
            picture_url=row["merchant_picture_url"],
        ),
        host_id=row["host_id"],
        sale_id=row["sale_id"],
        qty=row["qty"],
        unit_minor=row["unit_minor"],
        total_minor=row["total_minor"],
        vat_bps=row["vat_bps"],
        vat_minor=row["vat_minor"],
    )


def order_view(
    row: Mapping[Any, Any], lines: list[OrderLineView], hold_expires_at: int | None
) -> OrderView:
    """
    Args:
        hold_expires_at: of the order's hold; shown while the order waits for payment.
    """
    is_pending = row["state"] == OrderState.PENDING_PAYMENT
    action_url = row["action_url"]
    return OrderView(
        id=row["id"],
        number=number_of(row["id"]),
        room_id=row["room_id"],
        state=row["state"],
        payment_state=row["payment_state"],
        fulfil_state=row["fulfil_state"],
        market=row["market"],
        currency=row["currency"],
        lines=lines,
        subtotal_minor=row["subtotal_minor"],
        delivery_minor=row["delivery_minor"],
        vat_minor=row["vat_minor"],
        total_minor=row["total_minor"],
        hold_expires_at=hold_expires_at if is_pending else None,
        next_action=(
            NextAction(kind=row["action_kind"], url=action_url)
            if is_pending and action_url is not None
            else None
        ),
        failure=row["failure"],
        address_id=row["address_id"],
        version=row["version"],
        created_at=row["created_at"],
        paid_at=row["paid_at"],
    )


FEED_STATES = {
    OrderState.PENDING_PAYMENT: "held",
    OrderState.CONFIRMED: "confirmed",
    OrderState.COMPLETED: "confirmed",
    OrderState.CANCELLED: "cancelled",
    OrderState.EXPIRED: "expired",
}


def room_order_view(row: Mapping[Any, Any], line: Mapping[Any, Any]) -> RoomOrderView:
    return RoomOrderView(
        order_id=row["id"],
        number=number_of(row["id"]),
        buyer_name=row["buyer_name"],
        title=Text(en=line["title_en"], ar=line["title_ar"]),
        qty=line["qty"],
        total_minor=row["total_minor"],
        currency=row["currency"],
        state=FEED_STATES[OrderState(row["state"])],
        created_at=row["created_at"],
    )
