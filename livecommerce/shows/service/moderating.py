"""Carry out what moderators decide: messages vanish, people fall silent or leave.

`moderation` decides and records; here the room is told, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.service import (
    Consequence,
    Moderation,
    Sanction,
    SanctionKind,
    SanctionView,
)
from livecommerce.moderation.staff_writes import StaffWrite
from livecommerce.moderation.wire import SanctionList
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.protocol.commands import Done
from livecommerce.protocol.events import STAFF
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.recollection import QUOTES_DEEP
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import columns_of_tombstone
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import Ban, ChatRemoved, DeleteMessage, Lift, Sanctioned, TimeOut

REMOVED_MAX = 400
"""Messages that go with one time-out or ban: what viewers may still have on their screens."""
EVENT_IDS_MAX = 100
SLIPPED_MS = 3_000
"""How long after a sanction a process may still take messages of the person: rules in memory are
two seconds old at most."""


@dataclass(frozen=True, slots=True)
class _Removal:
    """Blanks messages inside a write and tells the room."""

    room_id: str
    authors: Mapping[str, str]
    """Message id to its author."""
    event_id: str

    def needs(self, *, now: int) -> Iterable[Need]:
        for message_id, author_id in self.authors.items():
            # A message that its archive does not have yet gets a tombstone, which stays.
            blank = columns_of_tombstone(
                self.room_id, author_id, said_at=now, removed_at=now, by=""
            )
            yield Need(chat_messages, message_id, create=blank)

    def decide(self, rows: Rows, now: int, *, by_id: str, by_name: str) -> list[str]:
        removed = []
        for message_id in self.authors:
            row = rows.get(chat_messages, message_id)
            assert row is not None
            if row["room_id"] != self.room_id:
                continue
            rows.change(
                chat_messages,
                message_id,
                text="",
                reply_text=None,
                removed_at=now,
                removed_by=by_id,
            )
            removed.append(message_id)
        for start in range(0, len(removed), EVENT_IDS_MAX):
            rows.publish(
                self.room_id,
                ChatRemoved(
                    id=f"{self.event_id}.{start}",
                    at=now,
                    message_ids=removed[start : start + EVENT_IDS_MAX],
                    by=by_name,
                ),
            )
        return removed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delete(StaffWrite[Done]):
    removal: _Removal
    prepared_at: int

    def needs(self) -> Iterable[Need]:
        yield from self.trail()
        yield from self.removal.needs(now=self.prepared_at)

    def decide(self, rows: Rows, now: int) -> Done:
        assert isinstance(self.command, DeleteMessage)
        self.removal.decide(rows, now, by_id=self.actor.person_id, by_name=self.actor.name)
        self.log(rows, now, subject=self.command.message_id)
        return Done()


@dataclass(frozen=True, slots=True)
class _Sweep(Write[None]):
    removal: _Removal
    prepared_at: int
    by_id: str
    by_name: str

    def needs(self) -> Iterable[Need]:
        return self.removal.needs(now=self.prepared_at)

    def decide(self, rows: Rows, now: int) -> None:
        self.removal.decide(rows, now, by_id=self.by_id, by_name=self.by_name)


class Moderating:
    """The moderators' hands."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        people: People,
        moderation: Moderation,
        memory: Memory,
        shut_out: Callable[[str, str], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._people = people
        self._moderation = moderation
        self._memory = memory
        self._shut_out = shut_out
        self._unswept: dict[tuple[str, str], Sanction] = {}
        moderation.on_sanctioned(self._carry_out)

    async def delete_message(self, actor: Actor, room_id: str, command: DeleteMessage) -> Done:
        """Removes a message of this room, and the replies that quote it, for everyone.

        Removing it again changes nothing.

        Raises:
            Refused: `forbidden`, `not_found` (a message of another room is not here).
        """
        await self._people.require(actor, room_id, Capability.CHAT_MODERATE)
        await self._memory.caught_up(room_id)
        author_id = await self._author_of(room_id, command.message_id)
        authors = await self._with_quotes(room_id, {command.message_id: author_id})
        done = await self._database.writer.submit(
            _Delete(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                removal=_Removal(room_id, authors, event_id=new_id()),
                prepared_at=self._clock.now_ms(),
            )
        )
        await self._finish(actor.person_id, actor.name, room_id, authors)
        return done

    async def time_out(self, actor: Actor, room_id: str, command: TimeOut) -> Done:
        """Silences a person in this room for a while; their recent messages go.

        Raises:
            Refused: `forbidden`, `not_found`.
        """
        await self._people.require(actor, room_id, Capability.CHAT_MODERATE)
        removal = await self._removal_of(room_id, command.person_id)
        await self._moderation.time_out(
            actor,
            room_id=room_id,
            person_id=command.person_id,
            duration_s=command.duration_s,
            reason=command.reason,
            command_id=command.id,
            then=self._consequence(actor, room_id, removal),
        )
        await self._finish(actor.person_id, actor.name, room_id, removal.authors)
        return Done()

    async def ban(self, actor: Actor, room_id: str, command: Ban) -> Done:
        """Shuts a person out of this room: their messages go, their connections close.

        Raises:
            Refused: `forbidden`, `not_found`.
        """
        await self._people.require(actor, room_id, Capability.PERSON_BAN)
        removal = await self._removal_of(room_id, command.person_id)
        await self._moderation.ban(
            actor,
            room_id=room_id,
            person_id=command.person_id,
            reason=command.reason,
            command_id=command.id,
            then=self._consequence(actor, room_id, removal),
        )
        await self._finish(actor.person_id, actor.name, room_id, removal.authors)
        return Done()

    async def lift(self, actor: Actor, room_id: str, command: Lift) -> Done:
        """Ends a person's time-out or ban. What was removed stays removed.

        Raises:
            Refused: `forbidden`, `not_found`.
        """
        await self._moderation.lift(
            actor,
            room_id=room_id,
            person_id=command.person_id,
            command_id=command.id,
            then=self._consequence(actor, room_id, None),
        )
        return Done()

    async def sanctions(self, actor: Actor, room_id: str) -> SanctionList:
        """Returns who is silenced or shut out now. Raises Refused: `forbidden`."""
        return SanctionList(sanctions=await self._moderation.sanctions(actor, room_id))

    def _consequence(self, actor: Actor, room_id: str, removal: _Removal | None) -> Consequence:
        prepared_at = self._clock.now_ms()
        event_id = new_id()

        def decide(rows: Rows, sanction: SanctionView, now: int) -> None:
            if removal is not None:
                removal.decide(rows, now, by_id=actor.person_id, by_name=actor.name)
            event = Sanctioned(
                id=event_id,
                at=now,
                person_id=sanction.person_id,
                name=sanction.name,
                kind=sanction.kind,
                until=sanction.until,
                by=sanction.by,
            )
            rows.publish(room_id, event, audience=STAFF)
            rows.tell(sanction.person_id, event)

        needs = tuple(removal.needs(now=prepared_at)) if removal is not None else ()
        return Consequence(needs=needs, decide=decide)

    async def _author_of(self, room_id: str, message_id: str) -> str:
        room = await self._memory.room(room_id)
        message = room.messages.get(message_id)
        if message is not None:
            return message.author.id
        async with self._database.reading() as connection:
            row = await reading.message(connection, room_id, message_id)
        if row is None:
            raise Refused(Code.NOT_FOUND, field="message_id")
        author_id: str = row["author_id"]
        return author_id

    async def _removal_of(self, room_id: str, person_id: str) -> _Removal:
        """What goes when this person is silenced: what they said lately, and who quoted it."""
        room = await self._memory.caught_up(room_id)
        said = [
            message.id for message in room.standing_messages() if message.author.id == person_id
        ]
        async with self._database.reading() as connection:
            said += await reading.messages_by(connection, room_id, person_id, limit=REMOVED_MAX)
        authors = dict.fromkeys(said[-REMOVED_MAX:], person_id)
        return _Removal(room_id, await self._with_quotes(room_id, authors), event_id=new_id())

    async def _with_quotes(self, room_id: str, authors: dict[str, str]) -> dict[str, str]:
        """Adds the replies that repeat a text which is to vanish, and the replies to those."""
        room = await self._memory.room(room_id)
        found, newest = dict(authors), set(authors)
        async with self._database.reading() as connection:
            for _ in range(QUOTES_DEEP):
                if not newest:
                    break
                replies = await reading.replies_to(connection, room_id, newest)
                for message in room.standing_messages():
                    if message.reply_to is not None and message.reply_to.message_id in newest:
                        replies[message.id] = message.author.id
                newest = replies.keys() - found.keys()
                found.update((message_id, replies[message_id]) for message_id in newest)
        return found

    async def _finish(
        self, by_id: str, by_name: str, room_id: str, authors: Mapping[str, str]
    ) -> None:
        """Takes the removed ones out of memory; a repeated command may have removed none.

        A reply that another process archived after we had looked for replies goes now. One that is
        archived later finds there that its quote is gone.
        """
        async with self._database.reading() as connection:
            removed = await reading.removed_among(connection, room_id, authors)
        quoting = await self._with_quotes(room_id, {id: authors[id] for id in removed})
        late = {id: author for id, author in quoting.items() if id not in authors}
        if late:
            await self._sweep(room_id, late, by_id=by_id, by_name=by_name)
        (await self._memory.room(room_id)).forget([*removed, *late])

    async def _sweep(
        self, room_id: str, authors: Mapping[str, str], *, by_id: str, by_name: str
    ) -> None:
        removal = _Removal(room_id, authors, event_id=new_id())
        prepared_at = self._clock.now_ms()
        await self._database.writer.submit(_Sweep(removal, prepared_at, by_id, by_name))

    async def sweep(self) -> None:
        """Removes what silenced people could still say here before this process knew of it."""
        for (room_id, person_id), sanction in list(self._unswept.items()):
            room = self._memory.known(room_id)
            until = sanction.at + SLIPPED_MS
            slipped = {
                message.id: person_id
                for message in (room.standing_messages() if room is not None else ())
                if message.author.id == person_id and message.at <= until
            }
            if slipped:
                authors = await self._with_quotes(room_id, slipped)
                by_name = (await self._people.names([sanction.by])).get(sanction.by, "")
                await self._sweep(room_id, authors, by_id=sanction.by, by_name=by_name)
                await self._finish(sanction.by, by_name, room_id, authors)
            if self._clock.now_ms() > until:
                self._unswept.pop((room_id, person_id), None)

    def _carry_out(self, room_id: str, person_id: str, sanction: Sanction | None) -> None:
        """A sanction of this process or another has come into force, or was lifted."""
        if sanction is None:
            self._unswept.pop((room_id, person_id), None)
            return
        self._unswept[room_id, person_id] = sanction
        if sanction.kind is SanctionKind.BAN:
            self._shut_out(room_id, person_id)
