"""What a room page needs to paint before its socket is open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import MarketView
from livecommerce.gateway.snapshot import Snapshots
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.service import Shows
from livecommerce.shows.wire import PinChanged, PinView, RoomView
from livecommerce.stock.wire import SaleChanged, SaleCounted, SaleView


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """Stands in the page as JSON (`#boot`). The socket's snapshot replaces it."""

    room: RoomView
    market: MarketView
    pins: list[PinView]
    sales: list[SaleView]
    counts: list[SaleCounted]
    """The counters of those sales."""
    now: int


def boots(
    shows: Shows, catalogue: Catalogue, snapshots: Snapshots, clock: Clock
) -> Callable[[str], Awaitable[Boot | None]]:
    """Makes the function that gathers a room's boot by its slug; None: there is no such room."""

    markets = {market.id: market for market in catalogue.markets().markets}

    async def boot(slug: str) -> Boot | None:
        try:
            room = await shows.rooms.view(slug, None)
        except Refused as refused:
            if refused.code is Code.NOT_FOUND:
                return None
            raise
        seed = await snapshots.load_room(room.id)
        # A seed's state may carry the audience beside the event; a page shows what everyone sees.
        state = [event for event in seed.state if not isinstance(event, tuple)]
        pins = [event.pin for event in state if isinstance(event, PinChanged) and event.pin]
        sales = [event.sale for event in state if isinstance(event, SaleChanged)]
        return Boot(
            room=room,
            market=markets[room.market],
            pins=pins,
            sales=sales,
            counts=[event for event in state if isinstance(event, SaleCounted)],
            now=clock.now_ms(),
        )

    return boot
