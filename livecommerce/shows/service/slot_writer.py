"""Submits writes that may change what a room shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from weakref import WeakValueDictionary

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.staff_writes import R, StaffWrite
from livecommerce.shows.bag import Bag
from livecommerce.shows.service.showing import Showing
from livecommerce.shows.service.slots import Outdated, counters_of, slot_needs
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import bag_of
from livecommerce.shows.store.tables import bags
from livecommerce.stock.service import level_need

TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotWrite(StaffWrite[R]):
    """A write that may change the slots of a room; they show offers of its bag."""

    counters: frozenset[str]
    """The variants whose counters may have to be told."""

    def needs(self) -> Iterable[Need]:
        yield from self.trail()
        yield Need(bags, self.room_id)
        yield from self.own_needs()
        yield from slot_needs(self.room_id)
        yield from map(level_need, sorted(self.counters))

    def own_needs(self) -> Iterable[Need]:
        return ()

    def bag(self, rows: Rows) -> Bag:
        row = rows.get(bags, self.room_id)
        if row is None:
            raise Refused(Code.NOT_FOUND, field="room")
        return bag_of(row["entries"])


class SlotWriter:
    """A write names its rows before it sees any, and which stock levels a pin concerns is told by
    the slots themselves. So they are read first; if they change in between, once more."""

    def __init__(self, *, database: Database, showing: Showing) -> None:
        self._database = database
        self._showing = showing
        # One at a time for a room, so that only another process can come in between.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def submit(
        self,
        room_id: str,
        make: Callable[[frozenset[str]], Write[R]],
        *,
        shows: Iterable[str] = (),
    ) -> R:
        """Submits what `make` makes of the variants whose counters may be concerned.

        Args:
            shows: variants that the write may begin to show.

        Raises:
            Refused: what the write refuses; `conflict` when others change the slots all the time.
        """
        shows = frozenset(shows)
        turn = self._turns.setdefault(room_id, asyncio.Lock())
        try:
            async with turn:
                return await self._submit(room_id, make, shows)
        finally:
            # The answer stands even if this reading fails; the refresh makes up for it.
            with suppress(Refused):
                await self._showing.refresh_room(room_id)

    async def _submit(
        self, room_id: str, make: Callable[[frozenset[str]], Write[R]], shows: frozenset[str]
    ) -> R:
        for _ in range(TRIES):
            async with self._database.reading() as connection:
                slots = await reading.slots(connection, room_id)
            counters = counters_of({number: slot for number, (slot, _) in slots.items()})
            self._showing.expect(room_id, shows)
            try:
                return await self._database.writer.submit(make(counters | shows))
            except Outdated:
                continue
        raise Refused(Code.CONFLICT)
