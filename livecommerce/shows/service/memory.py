"""The rooms a node is busy with, in memory and at most two seconds old.

A node that decides something itself reads the room again at once; what other processes decide is
found by the refresh, once a second for all rooms together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.realtime.publications import Publication
from livecommerce.shows.service.recollection import MESSAGES_MAX, Recollection
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import message_of
from livecommerce.shows.wire import ChatPosted

STALE_S = 2.0
REFRESH_S = 1.0
IDLE_S = 600.0
SEEDED_MESSAGES = 50
Heard = Callable[[str, int], Awaitable[Sequence[Publication]]]
"""(room_id, most) -> the latest lines that the room's viewers were told."""

OVERLAP_MS = 10_000
"""How far back a refresh looks for what others said: their archive lags, their clocks differ."""


_CHAT = b'{"t":"chat_posted",'
_message = msgspec.json.Decoder(ChatPosted)


class Memory:
    """Recollections of rooms, by room id."""

    def __init__(self, *, database: Database, clock: Clock, heard: Heard) -> None:
        self._database = database
        self._heard = heard
        self._clock = clock
        self._rooms: dict[str, Recollection] = {}
        self._ids_by_slug: dict[str, str] = {}
        self._readings: dict[str, asyncio.Future[Recollection]] = {}

    async def room(self, room_id: str) -> Recollection:
        """Returns the room, read anew if that was more than two seconds ago.

        Raises:
            Refused: `not_found`.
        """
        now_s = self._clock.mono_s()
        room = self._rooms.get(room_id)
        if room is None or now_s - room.read_at_s > STALE_S:
            room = await self._read_once(room_id)
        room.used_at_s = now_s
        return room

    async def caught_up(self, room_id: str) -> Recollection:
        """Returns the room with all that its viewers have seen, whichever node it was said on.

        The archive lags by a second, and what a node that died had not archived is in it never; a
        moderator means what is on the screen.

        Raises:
            Refused: `not_found`.
        """
        room = await self.room(room_id)
        for told in await self._heard(room_id, MESSAGES_MAX):
            if told.id not in room.messages and told.json.startswith(_CHAT):
                room.hear(_message.decode(told.json))
        return room

    def known(self, room_id: str) -> Recollection | None:
        """The room if it is in memory, however old."""
        return self._rooms.get(room_id)

    def id_of_slug(self, slug: str) -> str | None:
        """The id of a remembered room with this slug. A slug never passes to another room."""
        return self._ids_by_slug.get(slug)

    async def reread(self, room_id: str) -> Recollection:
        """Reads the room from the database now: something in it was just changed."""
        return await self._read(room_id)

    async def refresh(self) -> None:
        """Reads every remembered room anew, all in one go; forgets the idle ones."""
        now_s = self._clock.mono_s()
        for room_id, room in list(self._rooms.items()):
            if now_s - room.used_at_s > IDLE_S:
                del self._rooms[room_id]
                self._ids_by_slug.pop(room.standing.room.slug, None)
        room_ids = list(self._rooms)
        if not room_ids:
            return
        # Times are of before the reading: what changes while it runs is as yet unread.
        await self._take(room_ids, now_s)
        if self._database.dialect == "postgresql":
            # On SQLite this process is the only one: all that is said, it has said itself.
            await self._hear_others(room_ids)

    async def _take(self, room_ids: Collection[str], now_s: float) -> None:
        bags = {
            room_id: (room.standing.bag_version, room.standing.bag)
            for room_id in room_ids
            if (room := self._rooms.get(room_id)) is not None
        }
        async with self._database.reading() as connection:
            standings = await reading.standings(connection, room_ids, bags)
        for room_id, standing in standings.items():
            room = self._rooms.get(room_id)
            if room is not None:
                room.take(standing, now_s)

    async def _hear_others(self, room_ids: Collection[str]) -> None:
        since = self._clock.now_ms() - OVERLAP_MS
        async with self._database.reading() as connection:
            rows = await reading.heard_since(connection, room_ids, since)
        for row in rows:
            room = self._rooms.get(row["room_id"])
            if room is None:
                continue
            if row["removed_at"] is not None:
                room.forget([row["id"]])
            else:
                room.hear(message_of(row))

    async def _read_once(self, room_id: str) -> Recollection:
        """Joins a reading of this room that is under way: a crowd asks the database once."""
        running = self._readings.get(room_id)
        if running is None:
            running = asyncio.ensure_future(self._read(room_id))
            self._readings[room_id] = running
            running.add_done_callback(lambda done: self._settled(room_id, done))
        return await asyncio.shield(running)

    def _settled(self, room_id: str, done: asyncio.Future[Recollection]) -> None:
        self._readings.pop(room_id, None)
        if not done.cancelled():
            done.exception()  # seen, even when everyone who waited for it has gone

    async def _read(self, room_id: str) -> Recollection:
        now_s = self._clock.mono_s()
        is_new = room_id not in self._rooms
        async with self._database.reading() as connection:
            standing = (await reading.standings(connection, [room_id])).get(room_id)
            messages = []
            if is_new and standing is not None:
                messages = await reading.recent_messages(connection, room_id, limit=SEEDED_MESSAGES)
        if standing is None:
            raise Refused(Code.NOT_FOUND, field="room")
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = Recollection(standing, now_s)
            self._ids_by_slug[standing.room.slug] = room_id
        else:
            room.take(standing, now_s)
        for message in messages:
            room.hear(message)
        return room
