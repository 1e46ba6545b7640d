"""What a room page needs to paint before its socket is open."""

from __future__ import annotations

import asyncio

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import MarketView
from livecommerce.gateway.snapshot import Snapshots
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.service import Shows
from livecommerce.shows.wire import PinChanged, PinView, RoomView
from livecommerce.stock.wire import SaleChanged, SaleCounted, SaleView

KEPT_S = 1.0
KEPT_MAX = 1000


class Boot(msgspec.Struct, frozen=True, kw_only=True):
    """Stands in the page as JSON (`#boot`). The socket's snapshot replaces it."""

    room: RoomView
    market: MarketView
    pins: list[PinView]
    sales: list[SaleView]
    counts: list[SaleCounted]
    """The counters of those sales."""
    now: int


class Boots:
    """Gathers boots, and keeps each for a moment: a room's visitors come by the thousand."""

    def __init__(
        self, *, shows: Shows, catalogue: Catalogue, snapshots: Snapshots, clock: Clock
    ) -> None:
        self._shows = shows
        self._snapshots = snapshots
        self._clock = clock
        self._markets = {market.id: market for market in catalogue.markets().markets}
        self._kept: dict[str, tuple[float, asyncio.Task[Boot | None]]] = {}

    async def __call__(self, slug: str) -> Boot | None:
        """Returns what the page of this room starts with; None: there is no such room."""
        now_s = self._clock.mono_s()
        kept = self._kept.get(slug)
        if kept is None or now_s - kept[0] > KEPT_S:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            kept = (now_s, asyncio.create_task(self._gather(slug)))
            self._kept[slug] = kept
        # A visitor who goes away must not take the answer from the others.
        return await asyncio.shield(kept[1])

    async def _gather(self, slug: str) -> Boot | None:
        try:
            room = await self._shows.rooms.view(slug, None)
        except Refused as refused:
            if refused.code is Code.NOT_FOUND:
                return None
            raise
        seed = await self._snapshots.load_room(room.id)
        # A seed's state may carry the audience beside the event; a page shows what everyone sees.
        state = [event for event in seed.state if not isinstance(event, tuple)]
        return Boot(
            room=room,
            market=self._markets[room.market],
            pins=[event.pin for event in state if isinstance(event, PinChanged) and event.pin],
            sales=[
                event.sale for event in state if isinstance(event, SaleChanged) and not event.gone
            ],
            counts=[event for event in state if isinstance(event, SaleCounted)],
            now=self._clock.now_ms(),
        )
