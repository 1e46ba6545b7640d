"""Stock counters and flash sales on the wire."""

from __future__ import annotations

from typing import Annotated

import msgspec

from livecommerce.protocol.commands import Command, EntityId
from livecommerce.protocol.events import StateEvent

EXACT_BELOW = 20
"""From so many units left on, every change is sent; above, at most ten a second."""
COUNTER_PACE_MS = 100


class StockChanged(StateEvent, frozen=True, kw_only=True, tag="stock_changed"):
    """Units of one variant; key `stock:<variant_id>`, version of the stock level."""

    variant_id: str
    available: int
    held: int
    sold: int
    dropped: bool = False
    """The variant is no longer shown in this room; forget its counter."""

    @property
    def gone(self) -> bool:
        return self.dropped

    @property
    def pace_ms(self) -> int:
        return 0 if self.available <= EXACT_BELOW else COUNTER_PACE_MS


class SaleCounted(StateEvent, frozen=True, kw_only=True, tag="sale_counted"):
    """Units of a running flash sale; key `sale_count:<sale_id>`, version of the sale's counters."""

    sale_id: str
    available: int
    held: int
    sold: int
    dropped: bool = False

    @property
    def gone(self) -> bool:
        return self.dropped

    @property
    def pace_ms(self) -> int:
        return 0 if self.available <= EXACT_BELOW else COUNTER_PACE_MS


class StockView(msgspec.Struct, frozen=True, kw_only=True):
    """A stock level as its merchant sees it."""

    variant_id: str
    on_hand: int
    available: int
    """Units anybody may buy: not held, not sold, not set aside for a flash sale."""
    version: int


class SaleList(msgspec.Struct, frozen=True, kw_only=True):
    sales: list[SaleView]


class SaleView(msgspec.Struct, frozen=True, kw_only=True):
    """A flash sale as everyone sees it. All times are the server's, epoch milliseconds."""

    id: str
    room_id: str
    offer_id: str
    product_id: str
    variant_id: str
    phase: str
    """scheduled · armed · warm_up · live · sold_out · ended · cancelled"""
    price_minor: int
    regular_minor: int
    currency: str
    quota: int
    per_buyer: int
    hold_s: int
    warm_up_s: int
    duration_s: int
    scheduled_at: int | None = None
    warm_up_at: int | None = None
    starts_at: int | None = None
    """When buying opens; set from the warm-up on."""
    ends_at: int | None = None
    ended_at: int | None = None


class SaleChanged(StateEvent, frozen=True, kw_only=True, tag="sale_changed"):
    """A flash sale changed its phase; key `sale:<sale_id>`."""

    urgent = True

    sale: SaleView

    @property
    def gone(self) -> bool:
        # Newcomers need the sales that run or are about to, not the history of the evening.
        return self.sale.phase in ("ended", "cancelled")


class PlanSale(Command, frozen=True, kw_only=True, tag="plan_sale"):
    """Plans a flash sale on an offer of the bag. Reply: SaleView (scheduled, or armed at once)."""

    offer_id: EntityId
    variant_id: EntityId
    price_minor: Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
    quota: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    per_buyer: Annotated[int, msgspec.Meta(ge=1, le=100)] = 1
    warm_up_s: Annotated[int, msgspec.Meta(ge=10, le=300)] = 10
    duration_s: Annotated[int, msgspec.Meta(ge=60, le=1200)] = 300
    hold_s: Annotated[int, msgspec.Meta(ge=30, le=900)] = 120
    starts_at: int | None = None
    """Start of the warm-up by the clock; without it the host starts the sale by hand."""


class ArmSale(Command, frozen=True, kw_only=True, tag="arm_sale"):
    """Checks that the units are there and makes the sale ready to start. Reply: SaleView."""

    sale_id: EntityId


class StartSale(Command, frozen=True, kw_only=True, tag="start_sale"):
    """Begins the warm-up; buying opens by itself when it ends. Reply: SaleView."""

    sale_id: EntityId


class EndSale(Command, frozen=True, kw_only=True, tag="end_sale"):
    """Ends a running sale early. Units on hold stay held for their buyers. Reply: SaleView."""

    sale_id: EntityId


class CancelSale(Command, frozen=True, kw_only=True, tag="cancel_sale"):
    """Withdraws a sale that is not live yet. Reply: SaleView."""

    sale_id: EntityId
