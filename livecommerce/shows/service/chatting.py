"""Say something. No database is waited for: rules, sanctions and names are in memory."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import take
from livecommerce.moderation.service import Moderation, SanctionKind
from livecommerce.moderation.staff_writes import StaffWrite
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import CAPABILITIES, Capability, Role
from livecommerce.people.service import People
from livecommerce.protocol.commands import Done
from livecommerce.realtime.publisher import Publisher
from livecommerce.shows import chat as rules
from livecommerce.shows.chat import Speaker
from livecommerce.shows.service.archive import Archive
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.recollection import Recollection
from livecommerce.shows.service.views import chat_rules_changed
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import message_of
from livecommerce.shows.store.tables import chat_rules
from livecommerce.shows.wire import Author, ChatPosted, ReplyTo, SendChat, SetChatRules


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLimits:
    """The flood guard: how quickly one person may speak in one room, and a room on this node."""

    rate_per_s: float = 1.0
    burst: float = 5.0
    room_per_s: float = 200.0
    """Ten times what a giant room is shown. More is refused, not swallowed: whoever is told that a
    line is posted can rely on it. The staff is not held up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _SetRules(StaffWrite[Done]):
    slow_mode_s: int

    def needs(self) -> Iterable[Need]:
        yield from self.trail()
        yield Need(chat_rules, self.room_id)

    def decide(self, rows: Rows, now: int) -> Done:
        row = rows.get(chat_rules, self.room_id)
        if row is None:
            raise Refused(Code.NOT_FOUND, field="room")
        if row["slow_mode_s"] == self.slow_mode_s:
            return Done()
        rows.change(chat_rules, self.room_id, slow_mode_s=self.slow_mode_s)
        version = rows.version(chat_rules, self.room_id)
        rows.publish(
            self.room_id,
            chat_rules_changed(
                self.room_id, slow_mode_s=self.slow_mode_s, version=version, now=now
            ),
        )
        self.log(rows, now, subject="chat", slow_mode_s=self.slow_mode_s)
        return Done()


class Chat:
    """What is said in rooms."""

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        people: People,
        moderation: Moderation,
        memory: Memory,
        archive: Archive,
        limits: ChatLimits,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._people = people
        self._moderation = moderation
        self._memory = memory
        self._archive = archive
        self._limits = limits

    async def send_chat(self, actor: Actor, room_id: str, command: SendChat) -> ChatPosted:
        """Posts a message and returns it as everyone sees it. Sent twice, it is one message.

        Raises:
            Refused: `rate_limited` and `slow_mode` with the wait, `server_busy` when the room says
                more than this node takes, `banned`, `muted` with the time left, `not_found` (the
                room, or the message replied to), `show_not_open`, `message_empty`,
                `message_too_long`, `idempotency_mismatch`.
        """
        room = await self._memory.room(room_id)
        message_id = rules.message_id(room_id, actor.person_id, command.id)
        if (posted := self._posted(room, message_id, command)) is not None:
            return posted
        role = await self._people.role(room_id, actor.person_id)
        is_staff = role is not None and Capability.CHAT_UNSLOWED in CAPABILITIES[role]
        if not is_staff:
            self._guard(room, actor.person_id)
        sanction = await self._moderation.sanction_of(room_id, actor.person_id)
        is_banned = sanction is not None and sanction.kind is SanctionKind.BAN
        muted_until = None if sanction is None or is_banned else sanction.until
        speaker = Speaker(is_staff=is_staff, is_banned=is_banned, muted_until=muted_until)
        shut_out = rules.may_act(speaker, now=self._clock.now_ms())
        if shut_out is not None and (refused := shut_out.refusal()) is not None:
            raise refused
        reply_to, answered = await self._quoted(room, room_id, command.reply_to)
        mentions = await self._mentioned(room, room_id, command.mentions)
        # From here to the publication nothing is waited for: of two messages that the same person
        # sends at once, the second meets what the first has left.
        return self._post(
            room,
            speaker,
            ChatPosted(
                id=message_id,
                at=self._clock.now_ms(),
                author=_author(actor, role),
                text=command.text,
                reply_to=reply_to,
                mentions=mentions,
            ),
            concerns=(actor.person_id, *mentions, *answered),
        )

    async def set_chat_rules(self, actor: Actor, room_id: str, command: SetChatRules) -> Done:
        """Sets the room's slow mode.

        Raises:
            Refused: `forbidden`, `not_found`.
        """
        await self._people.require(actor, room_id, Capability.CHAT_MODERATE)
        done = await self._database.writer.submit(
            _SetRules(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=Done,
                slow_mode_s=command.slow_mode_s,
            )
        )
        await self._memory.reread(room_id)
        return done

    def _posted(self, room: Recollection, message_id: str, command: SendChat) -> ChatPosted | None:
        """The message this command has posted already: its answer was lost on the way."""
        posted = room.messages.get(message_id)
        if posted is None:
            return None
        if message_id not in room.removed and posted.text != rules.normalise(command.text):
            raise Refused(Code.IDEMPOTENCY_MISMATCH)
        return posted

    def _guard(self, room: Recollection, person_id: str) -> None:
        bucket, wait_s = take(
            room.chat_buckets.get(person_id),
            self._clock.mono_s(),
            rate_per_s=self._limits.rate_per_s,
            burst=self._limits.burst,
        )
        room.chat_buckets.put(person_id, bucket)
        if wait_s:
            raise Refused(Code.RATE_LIMITED, retry_after_ms=max(1, round(wait_s * 1000)))

    def _make_room(self, room: Recollection) -> None:
        """Takes a place among the lines this node publishes of a room in a second."""
        rate_per_s = self._limits.room_per_s
        room.bucket, wait_s = take(
            room.bucket, self._clock.mono_s(), rate_per_s=rate_per_s, burst=rate_per_s
        )
        if wait_s:
            # Whoever is refused now is one of many; not all of them are to come back at once.
            raise Refused(Code.SERVER_BUSY, retry_after_ms=random.randint(1_000, 4_000))

    def _post(
        self,
        room: Recollection,
        speaker: Speaker,
        draft: ChatPosted,
        *,
        concerns: tuple[str, ...],
    ) -> ChatPosted:
        standing = room.standing
        if (known := room.messages.get(draft.id)) is not None:
            return known
        if draft.reply_to is not None and draft.reply_to.message_id in room.removed:
            # Removed while this one was on its way; its text must not come back as a quote.
            raise Refused(Code.NOT_FOUND, field="reply_to")
        verdict = rules.review(
            draft.text,
            replace(speaker, last_said_at=room.last_said_at.get(draft.author.id)),
            is_open=standing.is_chat_open,
            slow_mode_s=standing.slow_mode_s,
            now=draft.at,
        )
        if (refused := verdict.refusal()) is not None:
            raise refused
        at = max(draft.at, room.last_at + 1)
        message = msgspec.structs.replace(draft, text=verdict.text, at=at)
        if message.id in room.removed:
            # Resent after it was removed: its author is told what was told before, nobody else is.
            return message
        # Nothing stored would tell it later, so nobody is told yes.
        self._publisher.check_accepting()
        if not speaker.is_staff:
            self._make_room(room)
        room.hear(message)
        show_id = standing.show.id if standing.show is not None else None
        self._publisher.publish(standing.room.id, message, concerns=concerns)
        self._archive.keep(standing.room.id, show_id, message, quoted=room.quoted_in(message))
        return message

    async def _quoted(
        self, room: Recollection, room_id: str, message_id: str | None
    ) -> tuple[ReplyTo | None, tuple[str, ...]]:
        """The message that is replied to, and who said it."""
        if message_id is None:
            return None, ()
        message = room.messages.get(message_id)
        if message is None and message_id not in room.removed:
            message = (await self._memory.caught_up(room_id)).messages.get(message_id)
        if message is None and message_id not in room.removed:
            async with self._database.reading() as connection:
                row = await reading.message(connection, room_id, message_id)
            if row is not None and row["removed_at"] is None:
                message = message_of(row)
        if message is None or message_id in room.removed:
            raise Refused(Code.NOT_FOUND, field="reply_to")
        author = message.author
        quoted = ReplyTo(message_id=message.id, name=author.name, text=rules.quote(message.text))
        return quoted, (author.id,)

    async def _mentioned(
        self, room: Recollection, room_id: str, person_ids: Sequence[str]
    ) -> list[str]:
        """Those of the people who have spoken here: nobody else can be called by name."""
        asked = list(dict.fromkeys(person_ids))
        unknown = [person_id for person_id in asked if person_id not in room.people]
        if unknown:
            async with self._database.reading() as connection:
                heard = await reading.authors_among(connection, room_id, unknown)
            staff = await self._people.staff(room_id)
            for person_id in unknown:
                if person_id in heard or person_id in staff:
                    room.people.put(person_id, True)
        return [person_id for person_id in asked if person_id in room.people]


def _author(actor: Actor, role: Role | None) -> Author:
    name = role.value if role in (Role.HOST, Role.CO_HOST, Role.MODERATOR) else "viewer"
    if role is None and actor.kind == "simulated":
        name = "simulated"
    return Author(id=actor.person_id, name=actor.name, role=name)
