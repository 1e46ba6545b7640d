"""Likes and viewer counts: absolute totals, told a few times a second and stored now and then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.service import Moderation, SanctionKind
from livecommerce.people.accounts import Actor
from livecommerce.protocol.commands import Done
from livecommerce.realtime.publisher import Publisher
from livecommerce.shows import reactions
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.store.tables import shows
from livecommerce.shows.wire import LikesCounted, SendLikes, ViewersCounted, VisitorsCounted

log = structlog.get_logger()

TELL_S = 0.25
STORE_S = 5.0


def viewers_counted(room_id: str, count: int, now: int) -> ViewersCounted:
    """Makes the event that tells a room how many are watching."""
    return ViewersCounted(id=new_id(), at=now, key="viewers", count=count)


def visitors_counted(count: int, now: int) -> VisitorsCounted:
    """Makes the event that tells a room's staff how many came so far."""
    return VisitorsCounted(id=new_id(), at=now, key="visitors", unique_viewers=count)


def likes_counted(total: int, now: int) -> LikesCounted:
    return LikesCounted(id=new_id(), at=now, key="likes", total=total)


@dataclass(slots=True)
class _Tally:
    """The likes of one show, as this node knows them."""

    room_id: str
    stored: int = 0
    """What the database holds: all nodes' likes, as last heard."""
    storing: int = 0
    pending: int = 0
    """Taps of this node that are not stored yet."""
    told: int = -1

    @property
    def total(self) -> int:
        return self.stored + self.storing + self.pending


@dataclass(frozen=True, slots=True, kw_only=True)
class _Store(Write[int]):
    show_id: str
    count: int

    def needs(self) -> Iterable[Need]:
        yield Need(shows, self.show_id, lock=True)

    def decide(self, rows: Rows, now: int) -> int:
        rows.add(shows, self.show_id, likes=self.count)
        row = rows.get(shows, self.show_id)
        assert row is not None
        total: int = row["likes"]
        return total


class Likes:
    """Sums the taps of the crowd."""

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        moderation: Moderation,
        memory: Memory,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._moderation = moderation
        self._memory = memory
        self._tallies: dict[str, _Tally] = {}

    async def send_likes(self, actor: Actor, room_id: str, command: SendLikes) -> Done:
        """Counts a person's taps, at most fifteen a second; more are passed over in silence.

        Raises:
            Refused: `banned`, `not_found`, `show_not_open`.
        """
        sanction = await self._moderation.sanction_of(room_id, actor.person_id)
        if sanction is not None and sanction.kind is SanctionKind.BAN:
            raise Refused(Code.BANNED)
        room = await self._memory.room(room_id)
        show = room.standing.show
        if show is None or not show.is_chat_open:
            raise Refused(Code.SHOW_NOT_OPEN)
        bucket, counted = reactions.admit(
            room.like_buckets.get(actor.person_id), command.count, now_s=self._clock.mono_s()
        )
        room.like_buckets.put(actor.person_id, bucket)
        self._tally(room_id, show.id, room.standing.likes).pending += counted
        return Done()

    async def total(self, room_id: str) -> int:
        """Returns the likes of the room's current show."""
        standing = (await self._memory.room(room_id)).standing
        if standing.show is None:
            return 0
        tally = self._tallies.get(standing.show.id)
        return standing.likes if tally is None else max(tally.total, standing.likes)

    def tell(self, room_id: str) -> None:
        """Tells a room the total of its show now: another show has begun, at nought."""
        room = self._memory.known(room_id)
        if room is not None and room.standing.show is not None:
            tally = self._tallies.get(room.standing.show.id)
            total = room.standing.likes if tally is None else tally.total
            self._publisher.publish(room_id, likes_counted(total, self._clock.now_ms()))

    def tell_changed(self) -> None:
        """Tells every room whose total has risen."""
        now = self._clock.now_ms()
        for tally in self._tallies.values():
            self._hear(tally)
            # Two nodes know each other's taps only by the database; a total that is lower than one
            # told before is old news, not fewer likes.
            if tally.total > tally.told:
                tally.told = tally.total
                self._publisher.publish(tally.room_id, likes_counted(tally.total, now))

    async def store(self) -> None:
        """Adds what has gathered to the shows in the database; forgets shows that are over."""
        for show_id, tally in list(self._tallies.items()):
            if not tally.pending:
                if not self._is_current(tally.room_id, show_id):
                    del self._tallies[show_id]
                continue
            tally.storing, tally.pending = tally.pending, 0
            try:
                stored = await self._database.writer.submit(
                    _Store(show_id=show_id, count=tally.storing)
                )
            except Refused as refused:
                # After an outage in mid-commit this may count some taps twice: they are likes.
                tally.pending += tally.storing
                log.warning("likes wait to be stored", room_id=tally.room_id, code=refused.code)
            else:
                tally.stored = max(tally.stored, stored)
            finally:
                tally.storing = 0

    def _tally(self, room_id: str, show_id: str, stored: int) -> _Tally:
        tally = self._tallies.get(show_id)
        if tally is None:
            tally = self._tallies[show_id] = _Tally(room_id, stored=stored, told=stored)
        return tally

    def _hear(self, tally: _Tally) -> None:
        """Takes what other nodes have stored meanwhile."""
        room = self._memory.known(tally.room_id)
        if room is None or room.standing.show is None or tally.storing:
            return
        if self._tallies.get(room.standing.show.id) is tally:
            tally.stored = max(tally.stored, room.standing.likes)

    def _is_current(self, room_id: str, show_id: str) -> bool:
        room = self._memory.known(room_id)
        return (
            room is not None
            and room.standing.show is not None
            and (room.standing.show.id == show_id)
        )
