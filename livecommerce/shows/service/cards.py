"""Cards follow their products: what a merchant edits is shown anew wherever it is pinned."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import ProductView
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.shows.pins import Slot
from livecommerce.shows.service.showing import Showing
from livecommerce.shows.service.slots import read_slots, save_slots, slot_needs
from livecommerce.shows.service.views import offer_view
from livecommerce.shows.store.records import PinRecord, bag_of
from livecommerce.shows.store.tables import bags


@dataclass(frozen=True, slots=True)
class _Renew(Write[None]):
    """Any number of processes may do it: the first one stores it, and a card never grows older."""

    room_id: str
    versions: Mapping[str, int]
    products: Mapping[str, ProductView]
    """Those of them that are for sale."""

    def needs(self) -> Iterable[Need]:
        yield Need(bags, self.room_id)
        yield from slot_needs(self.room_id)

    def decide(self, rows: Rows, now: int) -> None:
        bag = rows.get(bags, self.room_id)
        assert bag is not None, "a room is made with its bag"
        before = read_slots(rows, self.room_id)
        after = {number: self._renewed(slot) for number, slot in before.items()}
        # A product keeps its variants, so no counter comes or goes.
        nothing: frozenset[str] = frozenset()
        entries = bag_of(bag["entries"])
        save_slots(rows, self.room_id, before, after, bag=entries, counters=nothing, now=now)

    def _renewed(self, slot: Slot[PinRecord]) -> Slot[PinRecord]:
        shown = slot.shown
        if shown is None or (old := shown.view.offer) is None:
            return slot
        product = self.products.get(old.product_id)
        if product is None:
            version = self.versions.get(old.product_id, 0)
            offer = msgspec.structs.replace(old, for_sale=False)
        else:
            version = product.version
            offer = offer_view(product, offer_id=old.id, number=old.number)
        if version <= shown.product_version:
            return slot
        record = msgspec.structs.replace(
            shown,
            view=msgspec.structs.replace(shown.view, offer=offer),
            product_version=version,
        )
        return Slot(shown=record, before=slot.before, undo_until=slot.undo_until)


class Cards:
    """Looks for pinned cards that are older than their products.

    Not a message from the catalogue but a comparison: it finds as well what was edited while a card
    of it was being pinned, and what was committed by a process that is gone.
    """

    def __init__(
        self,
        *,
        database: Database,
        catalogue: Catalogue,
        showing: Showing,
        viewers: Callable[[str], int],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._showing = showing
        self._viewers = viewers

    async def renew(self) -> None:
        """Shows anew what has been edited, in every room that is watched; in the others when
        somebody comes. One that is no longer sold stays as it was seen, but cannot be bought."""
        cards = {
            room_id: versions
            for room_id, versions in self._showing.cards().items()
            if self._viewers(room_id)
        }
        shown = {product_id for versions in cards.values() for product_id in versions}
        if not shown:
            return
        newest = await self._catalogue.versions(shown)
        rooms = {
            room_id: edited
            for room_id, versions in cards.items()
            if (edited := {id for id, seen in versions.items() if newest.get(id, 0) > seen})
        }
        if not rooms:
            return
        products = await self._catalogue.products(set().union(*rooms.values()))
        for room_id in rooms:
            await self._database.writer.submit(_Renew(room_id, newest, products))
            await self._showing.refresh_room(room_id)
