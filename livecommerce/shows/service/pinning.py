"""Pin an offer, a flash sale or a text; unpin; take it back within five seconds."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import ProductView
from livecommerce.database.group_commit import Rows
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.protocol.commands import Command, Done
from livecommerce.shows import pins as rules
from livecommerce.shows.chat import normalise_lines
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.slot_writer import SlotWrite, SlotWriter
from livecommerce.shows.service.slots import read_slots, renumbered, save_slots
from livecommerce.shows.service.views import counted_variants, offer_view
from livecommerce.shows.store.records import PinRecord
from livecommerce.shows.wire import PinOffer, PinSale, PinText, PinView, UndoPin, Unpin
from livecommerce.stock.service import Stock

ANNOUNCEMENT_LINES = 2
"""One a language: mixed in one line, neither direction reads well."""
_OVER = ("ended", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Put(SlotWrite[PinView]):
    slot: int
    record: PinRecord

    def decide(self, rows: Rows, now: int) -> PinView:
        bag = self.bag(rows)
        view = msgspec.structs.replace(self.record.view, pinned_at=now)
        if view.offer is not None and bag.number_of(view.offer.id) is None:
            raise Refused(Code.NOT_FOUND, field="offer_id")
        pinned = msgspec.structs.replace(self.record, view=view)
        before = read_slots(rows, self.room_id)
        after = {**before, self.slot: rules.put(before, self.slot, pinned, now=now)}
        after = save_slots(
            rows, self.room_id, before, after, bag=bag, counters=self.counters, now=now
        )
        shown = after[self.slot].shown
        assert shown is not None
        self.log(rows, now, subject=shown.subject or "text", slot=self.slot)
        return shown.view


@dataclass(frozen=True, slots=True, kw_only=True)
class _Clear(SlotWrite[Done]):
    slot: int

    def decide(self, rows: Rows, now: int) -> Done:
        bag = self.bag(rows)
        before = read_slots(rows, self.room_id)
        after = {**before, self.slot: rules.clear(before[self.slot], now=now)}
        if after != before:
            save_slots(rows, self.room_id, before, after, bag=bag, counters=self.counters, now=now)
            self.log(rows, now, subject=f"slot {self.slot}")
        return Done()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undo(SlotWrite[Done]):
    slot: int

    def decide(self, rows: Rows, now: int) -> Done:
        bag = self.bag(rows)
        before = read_slots(rows, self.room_id)
        undone = rules.undo(before, self.slot, now=now)
        offer = undone.shown.view.offer if undone.shown is not None else None
        if offer is not None and bag.number_of(offer.id) is None:
            # What stood here has left the bag meanwhile.
            raise Refused(Code.UNDO_EXPIRED)
        after = {**before, self.slot: renumbered(undone, bag)}
        save_slots(rows, self.room_id, before, after, bag=bag, counters=self.counters, now=now)
        self.log(rows, now, subject=f"slot {self.slot}")
        return Done()


class Pins:
    """What is made prominent in a room."""

    def __init__(
        self,
        *,
        clock: Clock,
        people: People,
        catalogue: Catalogue,
        stock: Stock,
        memory: Memory,
        writer: SlotWriter,
    ) -> None:
        self._clock = clock
        self._people = people
        self._catalogue = catalogue
        self._stock = stock
        self._memory = memory
        self._writer = writer

    async def pin_offer(self, actor: Actor, room_id: str, command: PinOffer) -> PinView:
        """Puts an offer of the bag into a slot, and tells the room its variants' counters.

        Raises:
            Refused: `forbidden`, `not_found`, `slot_taken`.
        """
        await self._people.require(actor, room_id, Capability.PIN)
        product = await self._product(room_id, command.offer_id)
        return await self._put(
            actor,
            room_id,
            command,
            slot=command.slot,
            view=PinView(
                slot=command.slot,
                kind=rules.Kind.PRODUCT.value,
                offer=offer_view(product, offer_id=command.offer_id, number=0),
                pinned_by=actor.name,
                pinned_at=self._clock.now_ms(),
            ),
            variant_ids=counted_variants(product),
            product_version=product.version,
        )

    async def pin_sale(self, actor: Actor, room_id: str, command: PinSale) -> PinView:
        """Puts a flash sale of this room into a slot, with the offer it sells.

        Raises:
            Refused: `forbidden`, `not_found`, `not_live` (the sale is over), `slot_taken`.
        """
        await self._people.require(actor, room_id, Capability.PIN)
        sale = await self._stock.sale(command.sale_id)
        if sale.room_id != room_id:
            raise Refused(Code.NOT_FOUND, field="sale_id")
        if sale.phase in _OVER:
            raise Refused(Code.NOT_LIVE, field="sale_id")
        product = await self._product(room_id, sale.offer_id)
        return await self._put(
            actor,
            room_id,
            command,
            slot=command.slot,
            view=PinView(
                slot=command.slot,
                kind=rules.Kind.FLASH_SALE.value,
                offer=offer_view(product, offer_id=sale.offer_id, number=0),
                sale_id=sale.id,
                pinned_by=actor.name,
                pinned_at=self._clock.now_ms(),
            ),
            variant_ids=counted_variants(product, first=sale.variant_id),
            product_version=product.version,
        )

    async def pin_text(self, actor: Actor, room_id: str, command: PinText) -> PinView:
        """Puts an announcement into a slot.

        Raises:
            Refused: `forbidden`, `message_empty`.
        """
        await self._people.require(actor, room_id, Capability.PIN)
        text = normalise_lines(command.text, most=ANNOUNCEMENT_LINES)
        if not text:
            raise Refused(Code.MESSAGE_EMPTY, field="text")
        return await self._put(
            actor,
            room_id,
            command,
            slot=command.slot,
            view=PinView(
                slot=command.slot,
                kind=rules.Kind.ANNOUNCEMENT.value,
                text=text,
                pinned_by=actor.name,
                pinned_at=self._clock.now_ms(),
            ),
        )

    async def unpin(self, actor: Actor, room_id: str, command: Unpin) -> Done:
        """Empties a slot; an empty one stays as it is. Raises Refused: `forbidden`."""
        await self._people.require(actor, room_id, Capability.PIN)
        return await self._writer.submit(
            room_id,
            lambda counters: _Clear(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                slot=command.slot,
                counters=counters,
            ),
        )

    async def undo_pin(self, actor: Actor, room_id: str, command: UndoPin) -> Done:
        """Brings back what stood in a slot before its last change, within 5 s of it.

        Raises:
            Refused: `forbidden`, `undo_expired`, `slot_taken`.
        """
        await self._people.require(actor, room_id, Capability.PIN)
        return await self._writer.submit(
            room_id,
            lambda counters: _Undo(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                slot=command.slot,
                counters=counters,
            ),
        )

    async def _put(
        self,
        actor: Actor,
        room_id: str,
        command: Command,
        *,
        slot: int,
        view: PinView,
        variant_ids: tuple[str, ...] = (),
        product_version: int = 0,
    ) -> PinView:
        record = PinRecord(view=view, variant_ids=variant_ids, product_version=product_version)
        return await self._writer.submit(
            room_id,
            lambda counters: _Put(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=PinView,
                slot=slot,
                counters=counters,
                record=record,
            ),
            shows=variant_ids,
        )

    async def _product(self, room_id: str, offer_id: str) -> ProductView:
        room = await self._memory.room(room_id)
        product_id = room.standing.bag.product_of(offer_id)
        if product_id is None:
            # Put into the bag by another process a moment ago, perhaps.
            room = await self._memory.reread(room_id)
            product_id = room.standing.bag.product_of(offer_id)
        if product_id is None:
            raise Refused(Code.NOT_FOUND, field="offer_id")
        return await self._catalogue.product(product_id)
