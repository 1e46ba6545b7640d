"""A room as the database knows it, for the node whose first viewer comes in."""

from __future__ import annotations

from dataclasses import dataclass

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.events import StateEvent
from livecommerce.shows.service.likes import Likes, likes_counted
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.slots import variants_in
from livecommerce.shows.service.views import pin_changed, state_of
from livecommerce.shows.store import reading
from livecommerce.shows.wire import ChatPosted, LikesCounted

RECENT_MAX = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowsSeed:
    """What shows know of a room; the variants are those whose counters its pins show."""

    state: list[StateEvent]
    recent: list[ChatPosted]
    likes: LikesCounted
    variant_ids: list[str]


class Seeds:
    def __init__(self, *, database: Database, clock: Clock, memory: Memory, likes: Likes) -> None:
        self._database = database
        self._clock = clock
        self._memory = memory
        self._likes = likes

    async def load(self, room_id: str) -> ShowsSeed:
        """Reads a room, of one moment, with what was said here and is not archived yet.

        Raises:
            Refused: `not_found`.
        """
        total = await self._likes.total(room_id)
        async with self._database.reading() as connection:
            standing = (await reading.standings(connection, [room_id])).get(room_id)
            slots = await reading.slots(connection, room_id)
            archived = await reading.recent_messages(connection, room_id, limit=RECENT_MAX)
        if standing is None:
            raise Refused(Code.NOT_FOUND, field="room")
        now = self._clock.now_ms()
        state = state_of(standing, now=now)
        # Empty slots too: their versions keep a pin that is told again, after a crash, from
        # coming back. A viewer is not shown them.
        state += [
            pin_changed(room_id, number, slot, version=version, now=now)
            for number, (slot, version) in slots.items()
        ]
        shown = variants_in({number: slot for number, (slot, _) in slots.items()})
        return ShowsSeed(
            state=state,
            recent=self._with_unarchived(room_id, archived),
            likes=likes_counted(total, now),
            variant_ids=sorted(shown),
        )

    def _with_unarchived(self, room_id: str, archived: list[ChatPosted]) -> list[ChatPosted]:
        room = self._memory.known(room_id)
        if room is None:
            return archived
        said = {message.id: message for message in archived if message.id not in room.removed}
        said.update((message.id, message) for message in room.standing_messages())
        return sorted(said.values(), key=lambda message: (message.at, message.id))[-RECENT_MAX:]
