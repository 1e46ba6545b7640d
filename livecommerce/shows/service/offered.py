"""Offers as the stock service sees them: a flash sale is of one that is in the bag."""

from __future__ import annotations

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows
from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.store import reading
from livecommerce.shows.store.tables import offers


class Offered:
    """Satisfies what stock asks for, and is made before it: shows ask stock what is left."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    async def product_of(self, room_id: str, offer_id: str) -> str:
        """Returns the product of an offer in the room's bag. Raises Refused: `not_found`."""
        async with self._database.reading() as connection:
            row = await reading.offer(connection, room_id, offer_id)
        if row is None or row["removed_at"] is not None:
            raise Refused(Code.NOT_FOUND, field="offer_id")
        product_id: str = row["product_id"]
        return product_id

    async def version(self, room_id: str, offer_id: str) -> int:
        """Returns the version of an offer; 0 when the room never had it."""
        async with self._database.reading() as connection:
            row = await reading.offer(connection, room_id, offer_id)
        return 0 if row is None else int(row["version"])

    def need(self, offer_id: str) -> Need:
        """The row that `take_on` looks at."""
        return Need(offers, offer_id)

    def take_on(self, rows: Rows, offer_id: str) -> None:
        """Within a write: a sale of the offer begins to be. Its row is touched, so that a removal
        which was prepared before sees that something has happened.

        Raises:
            Refused: `not_found`, it has left the bag meanwhile.
        """
        row = rows.get(offers, offer_id)
        if row is None or row["removed_at"] is not None:
            raise Refused(Code.NOT_FOUND, field="offer_id")
        rows.change(offers, offer_id)
