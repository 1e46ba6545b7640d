"""The snapshot of a room, gathered from the features, for a node's first joiner."""

from __future__ import annotations

from livecommerce.realtime.room_log import RoomSeed
from livecommerce.shows.service import Shows
from livecommerce.stock.service import Stock


class Snapshots:
    """Reads rooms for the hub."""

    def __init__(self, *, shows: Shows, stock: Stock) -> None:
        self._shows = shows
        self._stock = stock

    async def load_room(self, room_id: str) -> RoomSeed:
        """Returns the room as the database knows it: what a viewer who applied every event since it
        was made would see.

        Each part is of one moment; events carry versions, so the parts need not be of the same.

        Raises:
            Refused: `not_found`.
        """
        seed = await self._shows.seed(room_id)
        sales = await self._stock.room_state(room_id)
        counters = await self._stock.variant_state(seed.variant_ids)
        return RoomSeed(
            state=[*seed.state, *sales, *counters], recent=seed.recent, volatile=[seed.likes]
        )
