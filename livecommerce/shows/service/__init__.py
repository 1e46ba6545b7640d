"""What people can do in rooms: run shows, fill bags, pin, talk, moderate, like."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from livecommerce.catalogue.service import Catalogue
from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused
from livecommerce.moderation.service import Moderation
from livecommerce.people.service import People
from livecommerce.realtime.publisher import Publisher
from livecommerce.shows.service.archive import ARCHIVE_S, Archive
from livecommerce.shows.service.bagging import Bags
from livecommerce.shows.service.cards import Cards
from livecommerce.shows.service.chatting import Chat, ChatLimits
from livecommerce.shows.service.housing import Rooms
from livecommerce.shows.service.likes import STORE_S, TELL_S, Likes, viewers_counted
from livecommerce.shows.service.memory import REFRESH_S, Heard, Memory
from livecommerce.shows.service.moderating import Moderating
from livecommerce.shows.service.offered import Offered
from livecommerce.shows.service.pinning import Pins
from livecommerce.shows.service.running import Running
from livecommerce.shows.service.seeds import Seeds, ShowsSeed
from livecommerce.shows.service.showing import Showing
from livecommerce.shows.service.slot_writer import SlotWriter
from livecommerce.stock.service import Stock

__all__ = ["ChatLimits", "Showing", "Shows", "ShowsSeed", "viewers_counted"]

log = structlog.get_logger()


class Shows:
    """All of this feature; one for a process.

    Args:
        shut_out: closes the connections of a person in a room: (room_id, person_id).
        viewers: how many watch a room now.
        heard: the latest lines a room's viewers were told, whichever node said them.
    """

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        people: People,
        moderation: Moderation,
        catalogue: Catalogue,
        stock: Stock,
        showing: Showing,
        shut_out: Callable[[str, str], None],
        viewers: Callable[[str], int],
        heard: Heard,
        limits: ChatLimits | None = None,
    ) -> None:
        self.showing = showing
        self.memory = Memory(database=database, clock=clock, heard=heard)
        self.archive = Archive(database=database)
        writer = SlotWriter(database=database, showing=showing)
        self.rooms = Rooms(
            database=database,
            people=people,
            catalogue=catalogue,
            memory=self.memory,
            viewers=viewers,
        )
        self.likes = Likes(
            database=database,
            publisher=publisher,
            clock=clock,
            moderation=moderation,
            memory=self.memory,
        )
        self.running = Running(
            database=database, people=people, stock=stock, memory=self.memory, likes=self.likes
        )
        self.bag = Bags(
            people=people,
            catalogue=catalogue,
            stock=stock,
            offered=Offered(database=database),
            memory=self.memory,
            writer=writer,
        )
        self.pins = Pins(
            clock=clock,
            people=people,
            catalogue=catalogue,
            stock=stock,
            memory=self.memory,
            writer=writer,
        )
        self.cards = Cards(database=database, catalogue=catalogue, showing=showing, viewers=viewers)
        self.chat = Chat(
            database=database,
            publisher=publisher,
            clock=clock,
            people=people,
            moderation=moderation,
            memory=self.memory,
            archive=self.archive,
            limits=limits or ChatLimits(),
        )
        self.moderating = Moderating(
            database=database,
            clock=clock,
            people=people,
            moderation=moderation,
            memory=self.memory,
            shut_out=shut_out,
        )
        self._seeds = Seeds(database=database, clock=clock, memory=self.memory, likes=self.likes)

    async def start(self) -> None:
        """Learns what is pinned, so that counters find their rooms from the first sale on."""
        await self.showing.refresh()

    async def run(self) -> None:
        """Keeps memory fresh and writes behind; runs until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_every(REFRESH_S / 2, self._refresh))
            # Writes of many rooms at times, and moderators do not wait for them.
            group.create_task(_every(REFRESH_S / 2, self.cards.renew))
            group.create_task(_every(ARCHIVE_S, self.archive.store))
            group.create_task(_every(TELL_S, self._tell_likes))
            group.create_task(_every(STORE_S, self.likes.store))

    async def close(self) -> None:
        """Writes what still waits; after `run` was cancelled, before the database closes."""
        await self.archive.store()
        await self.likes.store()

    async def seed(self, room_id: str) -> ShowsSeed:
        """Returns what a snapshot of the room shows of shows. Raises Refused: `not_found`."""
        return await self._seeds.load(room_id)

    async def room_id(self, ref: str) -> str:
        """Returns the id of the room with this id or slug. Raises Refused: `not_found`."""
        return await self.rooms.resolve(ref)

    async def _refresh(self) -> None:
        await self.memory.refresh()
        await self.showing.refresh()
        await self.moderating.sweep()

    async def _tell_likes(self) -> None:
        self.likes.tell_changed()


async def _every(pause_s: float, do: Callable[[], Awaitable[None]]) -> None:
    """Does something again and again; what goes wrong once is tried anew the next time."""
    while True:
        try:
            await do()
        except Refused as refused:
            log.warning("the database is away", doing=do.__qualname__, code=refused.code)
        except Exception:
            log.exception("a round failed", doing=do.__qualname__)
        await asyncio.sleep(pause_s)
