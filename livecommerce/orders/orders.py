"""An order: what it costs, and the three axes on which it moves.

order     pending_payment -> confirmed | cancelled | expired,  expired -> confirmed (late money)
          confirmed -> cancelled | completed
payment   not_paid -> processing -> captured | requires_action | failed, captured -> refunded
          not_paid -> due_on_delivery -> captured | not_paid
fulfilment  not_fulfilled -> cancelled
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import msgspec

from livecommerce.kernel import money
from livecommerce.kernel.errors import Code, Refused


class OrderState(StrEnum):
    PENDING_PAYMENT = "pending_payment"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    COMPLETED = "completed"


class PaymentState(StrEnum):
    NOT_PAID = "not_paid"
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    FAILED = "failed"
    CAPTURED = "captured"
    DUE_ON_DELIVERY = "due_on_delivery"
    REFUNDED = "refunded"


class FulfilState(StrEnum):
    NOT_FULFILLED = "not_fulfilled"
    CANCELLED = "cancelled"


_O, _P, _F = OrderState, PaymentState, FulfilState

ORDER_NEXT: Final = {
    _O.PENDING_PAYMENT: frozenset({_O.CONFIRMED, _O.CANCELLED, _O.EXPIRED}),
    _O.CONFIRMED: frozenset({_O.CANCELLED, _O.COMPLETED}),
    _O.EXPIRED: frozenset({_O.CONFIRMED}),
    _O.CANCELLED: frozenset[OrderState](),
    _O.COMPLETED: frozenset[OrderState](),
}
PAYMENT_NEXT: Final = {
    _P.NOT_PAID: frozenset({_P.PROCESSING, _P.DUE_ON_DELIVERY, _P.CAPTURED}),
    _P.PROCESSING: frozenset({_P.REQUIRES_ACTION, _P.FAILED, _P.CAPTURED, _P.NOT_PAID}),
    _P.REQUIRES_ACTION: frozenset({_P.PROCESSING, _P.FAILED, _P.CAPTURED, _P.NOT_PAID}),
    _P.FAILED: frozenset({_P.PROCESSING, _P.DUE_ON_DELIVERY, _P.CAPTURED}),
    _P.CAPTURED: frozenset({_P.REFUNDED}),
    _P.DUE_ON_DELIVERY: frozenset({_P.CAPTURED, _P.NOT_PAID}),
    _P.REFUNDED: frozenset[PaymentState](),
}
FULFIL_NEXT: Final = {
    _F.NOT_FULFILLED: frozenset({_F.CANCELLED}),
    _F.CANCELLED: frozenset[FulfilState](),
}


def move_order(current: OrderState, to: OrderState) -> OrderState:
    if to not in ORDER_NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, state=current.value)
    return to


def move_payment(current: PaymentState, to: PaymentState) -> PaymentState:
    if to not in PAYMENT_NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, payment_state=current.value)
    return to


def move_fulfilment(current: FulfilState, to: FulfilState) -> FulfilState:
    if to not in FULFIL_NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, fulfil_state=current.value)
    return to


class Totals(msgspec.Struct, frozen=True):
    """What an order of one line costs, in minor units; VAT is inside of every amount."""

    unit_minor: int
    qty: int
    delivery_minor: int
    vat_bps: int

    @property
    def subtotal_minor(self) -> int:
        return self.unit_minor * self.qty

    @property
    def total_minor(self) -> int:
        return self.subtotal_minor + self.delivery_minor

    @property
    def line_vat_minor(self) -> int:
        return money.vat_included(self.subtotal_minor, self.vat_bps)

    @property
    def vat_minor(self) -> int:
        """Rounded line by line, as an invoice shows it; delivery is a line too."""
        return self.line_vat_minor + money.vat_included(self.delivery_minor, self.vat_bps)


@dataclass(frozen=True, slots=True)
class RoomCounter:
    """Where something is bought: a room, whose host it is, and what its offer sells."""

    room_id: str
    host_id: str
    market: str
    product_id: str | None
    """The product of the offer; None when no offer was named."""


def number_of(order_id: str) -> str:
    """What people call an order on the phone: eight letters and digits without look-alikes."""
    return f"{order_id[-8:-4]}-{order_id[-4:]}"
