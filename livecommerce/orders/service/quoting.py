"""What a purchase would cost, and whether it could be made at all: all that is known beforehand."""

from __future__ import annotations

from typing import Protocol

import msgspec

from livecommerce.catalogue.service import Catalogue, Sellable, Snapshots
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders.orders import RoomCounter, Totals
from livecommerce.orders.wire import PlaceOrder, Quote, QuoteRequest
from livecommerce.stock.flash_sales import Phase
from livecommerce.stock.service import Stock
from livecommerce.stock.wire import SaleView


class Rooms(Protocol):
    """What checkout asks about the room a buyer stands in."""

    async def counter(self, room_id: str, offer_id: str | None) -> RoomCounter:
        """The room and what its offer sells; `not_found`. The answer is kept for a second."""
        ...

    async def check_may_buy(self, room_id: str, person_id: str) -> None:
        """`banned` for whom the room has shut out. Asked for every purchase: from memory."""
        ...


class Quoted(msgspec.Struct, frozen=True):
    """A wish, priced."""

    sellable: Sellable
    totals: Totals
    counter: RoomCounter | None
    sale: SaleView | None

    @property
    def currency(self) -> str:
        return self.sellable.market.currency


class Quoting:
    """Prices wishes from snapshots of at most a second; the writer checks them again."""

    def __init__(self, *, catalogue: Catalogue, stock: Stock, rooms: Rooms, clock: Clock) -> None:
        self._catalogue = catalogue
        self._stock = stock
        self._rooms = rooms
        self._clock = clock
        self._counters: Snapshots[tuple[str, str | None], RoomCounter] = Snapshots(
            lambda key: rooms.counter(*key), clock=clock
        )

    async def price(
        self,
        room_id: str | None,
        wish: PlaceOrder | QuoteRequest,
        buyer_id: str | None,
        *,
        other_than: Sellable | None = None,
    ) -> Quoted:
        """Prices a wish.

        Raises:
            Refused: NOT_FOUND for a variant, offer or sale that is not to be had here, BANNED.
        """
        counter = None
        # Whoever buys something else while they watch buys it from the shop, not from the host.
        if wish.offer_id is not None or wish.sale_id is not None:
            if room_id is None:
                raise Refused(Code.NOT_FOUND, field="offer_id" if wish.offer_id else "sale_id")
            if buyer_id is not None:
                await self._rooms.check_may_buy(room_id, buyer_id)
            counter = await self._counters.get((room_id, wish.offer_id))
        sellable = await self._catalogue.sellable(wish.variant_id, other_than=other_than)
        if not sellable.is_active:
            raise Refused(Code.NOT_FOUND, field="variant_id")
        if counter is not None and counter.product_id not in (None, sellable.product_id):
            raise Refused(Code.NOT_FOUND, field="variant_id")
        sale = None
        if wish.sale_id is not None:
            sale = await self._stock.sale_terms(wish.sale_id)
            if sale.room_id != room_id or sale.variant_id != wish.variant_id:
                raise Refused(Code.NOT_FOUND, field="sale_id")
        market = sellable.market
        totals = Totals(
            unit_minor=sellable.price_minor if sale is None else sale.price_minor,
            qty=wish.qty,
            delivery_minor=market.delivery_minor,
            vat_bps=market.vat_bps,
        )
        return Quoted(sellable, totals, counter, sale)

    def check(self, quoted: Quoted, command: PlaceOrder) -> None:
        """Refuses, in this order: CURRENCY, NOT_LIVE, PRICE_CHANGED, LIMIT_REACHED."""
        if command.currency != quoted.currency:
            raise Refused(Code.CURRENCY, field="currency", currency=quoted.currency)
        sale = quoted.sale
        if sale is not None:
            self._check_open(sale)
        if command.expected_total_minor != quoted.totals.total_minor:
            raise Refused(
                Code.PRICE_CHANGED,
                total_minor=quoted.totals.total_minor,
                unit_minor=quoted.totals.unit_minor,
                delivery_minor=quoted.totals.delivery_minor,
                currency=quoted.currency,
            )
        if sale is not None and command.qty > sale.per_buyer:
            raise Refused(Code.LIMIT_REACHED, limit=sale.per_buyer)

    def _check_open(self, sale: SaleView) -> None:
        # A second's age does no harm: warm-ups are longer, and what has ended stays so.
        now = self._clock.now_ms()
        if sale.phase in (Phase.WARM_UP, Phase.LIVE, Phase.SOLD_OUT):
            assert sale.starts_at is not None and sale.ends_at is not None
            if now < sale.starts_at:
                raise Refused(Code.NOT_LIVE, phase=sale.phase, starts_at=sale.starts_at)
            if now < sale.ends_at:
                return
        raise Refused(Code.NOT_LIVE, phase=sale.phase, starts_at=None)

    def quote(self, quoted: Quoted) -> Quote:
        totals = quoted.totals
        return Quote(
            currency=quoted.currency,
            unit_minor=totals.unit_minor,
            subtotal_minor=totals.subtotal_minor,
            delivery_minor=totals.delivery_minor,
            vat_minor=totals.vat_minor,
            vat_bps=totals.vat_bps,
            total_minor=totals.total_minor,
            seller=quoted.sellable.merchant,
        )
