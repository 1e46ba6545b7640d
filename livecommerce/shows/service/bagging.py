"""The bag of a room: put products into it, take them out, put them in order, show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.database.group_commit import Need, Rows
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.staff_writes import R
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.protocol.commands import Done
from livecommerce.shows import bag as rules
from livecommerce.shows.bag import Bag
from livecommerce.shows.pins import Slot
from livecommerce.shows.rooms import Offer
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.offered import Offered
from livecommerce.shows.service.slot_writer import SlotWrite, SlotWriter
from livecommerce.shows.service.slots import read_slots, save_slots
from livecommerce.shows.service.views import bag_changed, offer_view
from livecommerce.shows.store.records import PinRecord, columns_of_bag
from livecommerce.shows.store.tables import bags, offers
from livecommerce.shows.wire import AddOffer, BagView, MoveOffer, OfferView, RemoveOffer
from livecommerce.stock.service import Stock

_OVER = ("ended", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class _BagWrite(SlotWrite[R]):
    def save(self, rows: Rows, bag: Bag, now: int, *, gone: str | None = None) -> None:
        """Stores the bag; cards that are pinned get their new numbers, or go with their offer."""
        rows.change(bags, self.room_id, **columns_of_bag(bag))
        version = rows.version(bags, self.room_id)
        rows.publish(
            self.room_id, bag_changed(self.room_id, count=len(bag), version=version, now=now)
        )
        before = read_slots(rows, self.room_id)
        after = {number: _without(slot, gone) for number, slot in before.items()}
        save_slots(rows, self.room_id, before, after, bag=bag, counters=self.counters, now=now)


def _without(slot: Slot[PinRecord], offer_id: str | None) -> Slot[PinRecord]:
    """The slot without an offer that has left the bag, and with no way to bring it back."""

    def kept(record: PinRecord | None) -> PinRecord | None:
        if record is None or record.view.offer is None or record.view.offer.id != offer_id:
            return record
        return None

    shown = kept(slot.shown)
    if shown is None and slot.shown is not None:
        return Slot()
    return slot


@dataclass(frozen=True, slots=True, kw_only=True)
class _Add(_BagWrite[OfferView]):
    offer: OfferView
    number: int | None

    def decide(self, rows: Rows, now: int) -> OfferView:
        entry = rules.Entry(self.offer.id, self.offer.product_id)
        bag = rules.add(self.bag(rows), entry, number=self.number)
        rows.insert(
            offers,
            {
                "id": self.offer.id,
                "room_id": self.room_id,
                "product_id": self.offer.product_id,
                "added_by": self.actor.person_id,
                "added_at": now,
            },
        )
        self.save(rows, bag, now)
        number = bag.number_of(self.offer.id)
        assert number is not None
        self.log(rows, now, subject=self.offer.id, product_id=self.offer.product_id)
        return msgspec.structs.replace(self.offer, number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remove(_BagWrite[Done]):
    offer_id: str
    version: int
    """Of the offer before its sales were looked at; one that is planned raises it."""

    def own_needs(self) -> Iterable[Need]:
        yield Need(offers, self.offer_id)

    def decide(self, rows: Rows, now: int) -> Done:
        bag = rules.remove(self.bag(rows), self.offer_id)
        row = rows.get(offers, self.offer_id)
        assert row is not None, "what is in the bag is an offer"
        if row["version"] != self.version:
            raise Refused(Code.CONFLICT, field="offer_id")
        rows.change(offers, self.offer_id, removed_at=now)
        self.save(rows, bag, now, gone=self.offer_id)
        self.log(rows, now, subject=self.offer_id)
        return Done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move(_BagWrite[Done]):
    offer_id: str
    number: int

    def decide(self, rows: Rows, now: int) -> Done:
        before = self.bag(rows)
        bag = rules.move(before, self.offer_id, number=self.number)
        if bag != before:
            self.save(rows, bag, now)
            self.log(rows, now, subject=self.offer_id, number=self.number)
        return Done()


class Bags:
    """The numbered offers of rooms."""

    def __init__(
        self,
        *,
        people: People,
        catalogue: Catalogue,
        stock: Stock,
        offered: Offered,
        memory: Memory,
        writer: SlotWriter,
    ) -> None:
        self._people = people
        self._catalogue = catalogue
        self._stock = stock
        self._offered = offered
        self._memory = memory
        self._writer = writer

    async def add_offer(self, actor: Actor, room_id: str, command: AddOffer) -> OfferView:
        """Puts a product into the bag, the own or any other merchant's.

        Raises:
            Refused: `forbidden`, `not_found`, `already_exists`, `bag_full`.
        """
        await self._people.require(actor, room_id, Capability.BAG_EDIT)
        product = await self._catalogue.product(command.product_id)
        offer = offer_view(product, offer_id=new_id(), number=0)
        added = await self._writer.submit(
            room_id,
            lambda counters: _Add(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=OfferView,
                counters=counters,
                offer=offer,
                number=command.number,
            ),
        )
        await self._memory.reread(room_id)
        return added

    async def remove_offer(self, actor: Actor, room_id: str, command: RemoveOffer) -> Done:
        """Takes an offer out of the bag, and off the slots it is pinned in.

        Raises:
            Refused: `forbidden`, `not_found`, `conflict` while a flash sale of it is not over.
        """
        await self._people.require(actor, room_id, Capability.BAG_EDIT)
        version = await self._offered.version(room_id, command.offer_id)
        for sale in await self._stock.sales_of_room(room_id):
            if sale.offer_id == command.offer_id and sale.phase not in _OVER:
                raise Refused(Code.CONFLICT, field="offer_id", sale_id=sale.id)
        done = await self._writer.submit(
            room_id,
            lambda counters: _Remove(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                counters=counters,
                offer_id=command.offer_id,
                version=version,
            ),
        )
        await self._memory.reread(room_id)
        return done

    async def move_offer(self, actor: Actor, room_id: str, command: MoveOffer) -> Done:
        """Gives an offer another number.

        Raises:
            Refused: `forbidden`, `not_found`.
        """
        await self._people.require(actor, room_id, Capability.BAG_EDIT)
        done = await self._writer.submit(
            room_id,
            lambda counters: _Move(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                counters=counters,
                offer_id=command.offer_id,
                number=command.number,
            ),
        )
        await self._memory.reread(room_id)
        return done

    async def offer(self, room_id: str, offer_id: str) -> Offer:
        """Returns an offer that is in the room's bag, from memory.

        Raises:
            Refused: `not_found`.
        """
        room = await self._memory.room(room_id)
        number = room.standing.bag.number_of(offer_id)
        if number is None:
            # Put into the bag by another process a moment ago, perhaps.
            room = await self._memory.reread(room_id)
            number = room.standing.bag.number_of(offer_id)
        if number is None:
            raise Refused(Code.NOT_FOUND, field="offer_id")
        return Offer(
            id=offer_id,
            room_id=room_id,
            product_id=room.standing.bag.entries[number - 1].product_id,
            number=number,
        )

    async def version(self, room_id: str) -> int:
        """Returns the version of the bag; it rises with every change of the list."""
        return (await self._memory.room(room_id)).standing.bag_version

    async def view(self, room_id: str) -> BagView:
        """Returns the bag as viewers see it. Products that are no longer sold are left out.

        Raises:
            Refused: `not_found`.
        """
        standing = (await self._memory.room(room_id)).standing
        entries = standing.bag.entries
        products = await self._catalogue.products([entry.product_id for entry in entries])
        return BagView(
            room_id=room_id,
            version=standing.bag_version,
            offers=[
                offer_view(products[entry.product_id], offer_id=entry.offer_id, number=number)
                for number, entry in enumerate(entries, start=1)
                if entry.product_id in products
            ],
        )
