"""Which rooms show a variant: the counters of stock go there. And which version of a product."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from livecommerce.database.engine import Database
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import PinRecord


class Showing:
    """Variants to the rooms that have them pinned; in memory, at most a second old.

    Made before the stock service, which asks it; kept by the shows service, which runs it.
    """

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._variants_by_room: dict[str, frozenset[str]] = {}
        self._rooms_by_variant: dict[str, tuple[str, ...]] = {}
        self._cards_by_room: dict[str, dict[str, int]] = {}
        self._mark: tuple[int, int] | None = None

    def rooms(self, variant_id: str) -> Sequence[str]:
        """Returns the ids of the rooms that show this variant."""
        return self._rooms_by_variant.get(variant_id, ())

    def cards(self) -> Mapping[str, Mapping[str, int]]:
        """Returns by room the products it has pinned, each with the version that its card shows;
        the older one, where two cards are of one product."""
        return self._cards_by_room

    async def refresh(self) -> None:
        """Reads all rooms' pins anew, if any pin has changed since the last time."""
        async with self._database.reading() as connection:
            mark = await reading.pins_mark(connection)
            if mark == self._mark:
                return
            shown = await reading.pinned_offers(connection)
        self._mark = mark
        self._cards_by_room = {room_id: _versions(records) for room_id, records in shown.items()}
        self._set({room_id: _variants(records) for room_id, records in shown.items()})

    async def refresh_room(self, room_id: str) -> None:
        """Reads one room's pins anew: they were just changed here."""
        async with self._database.reading() as connection:
            records = (await reading.pinned_offers(connection, room_id)).get(room_id, [])
        self._cards_by_room = {**self._cards_by_room, room_id: _versions(records)}
        self._set({**self._variants_by_room, room_id: _variants(records)})

    def expect(self, room_id: str, variant_ids: Iterable[str]) -> None:
        """Counts these as shown from now on, before the pin is stored.

        A unit sold between the commit of a pin and the next reading would otherwise be told to
        nobody; told too early it harms nobody.
        """
        shown = self._variants_by_room.get(room_id, frozenset())
        self._set({**self._variants_by_room, room_id: shown.union(variant_ids)})

    def _set(self, variants_by_room: Mapping[str, frozenset[str]]) -> None:
        rooms: dict[str, list[str]] = {}
        for room_id, variant_ids in variants_by_room.items():
            for variant_id in variant_ids:
                rooms.setdefault(variant_id, []).append(room_id)
        self._variants_by_room = {room: ids for room, ids in variants_by_room.items() if ids}
        self._rooms_by_variant = {variant: tuple(ids) for variant, ids in rooms.items()}


def _variants(records: Collection[PinRecord]) -> frozenset[str]:
    return frozenset(variant_id for record in records for variant_id in record.variant_ids)


def _versions(records: Collection[PinRecord]) -> dict[str, int]:
    versions: dict[str, int] = {}
    for record in records:
        if record.view.offer is not None:
            product_id = record.view.offer.product_id
            version = record.product_version
            versions[product_id] = min(version, versions.get(product_id, version))
    return versions
