"""The archive of what was said: written behind the chat's back, at most a second late."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Refused
from livecommerce.shows.store.records import columns_of_message, columns_of_tombstone
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import ChatPosted, ChatRemoved

log = structlog.get_logger()

ARCHIVE_S = 0.5
WAITING_MAX = 10_000
"""Messages that wait while the database is away; then the oldest are lost to the archive."""
BATCH = 200


class _Line(NamedTuple):
    room_id: str
    show_id: str | None
    message: ChatPosted


@dataclass(frozen=True, slots=True)
class _Store(Write[None]):
    lines: tuple[_Line, ...]

    def needs(self) -> Iterable[Need]:
        for line in self.lines:
            yield Need(chat_messages, line.message.id)
            if line.message.reply_to is not None:
                # Held until this is committed: whoever removes what is quoted waits for it and
                # then finds the reply, or comes first and is found.
                yield Need(chat_messages, line.message.reply_to.message_id, lock=True)

    def decide(self, rows: Rows, now: int) -> None:
        for line in self.lines:
            message = line.message
            # It is there when it was resent, or when it was removed before it came to be stored:
            # then its tombstone stays as it is.
            if rows.get(chat_messages, message.id) is not None:
                continue
            quote = message.reply_to
            quoted = None if quote is None else rows.get(chat_messages, quote.message_id)
            if quoted is None or quoted["removed_at"] is None:
                rows.insert(chat_messages, columns_of_message(line.room_id, line.show_id, message))
                continue
            # Another process removed what is quoted here before this one knew of it.
            gone = columns_of_tombstone(
                line.room_id,
                message.author.id,
                said_at=message.at,
                removed_at=now,
                by=quoted["removed_by"],
            )
            rows.insert(chat_messages, {"id": message.id, **gone})
            rows.publish(
                line.room_id,
                ChatRemoved(id=f"{message.id}.gone", at=now, message_ids=[message.id], by=""),
            )


class Archive:
    """Messages on their way to the database."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._waiting: OrderedDict[str, _Line] = OrderedDict()
        """By message, oldest first: who is quoted by many waits once."""
        self.lost = 0
        """Messages that never reached the archive, since the process began."""

    def keep(
        self,
        room_id: str,
        show_id: str | None,
        message: ChatPosted,
        *,
        quoted: Iterable[ChatPosted] = (),
    ) -> None:
        """Takes a message; never waits.

        Args:
            quoted: what it replies to, and what that replies to, oldest first, where another
                process may still have them to store. They are stored here as well, by who comes
                first: only a row can be held while a reply is stored, so that a removal of what it
                quotes meets it.
        """
        for each in (*quoted, message):
            if each.id in self._waiting:
                continue
            if len(self._waiting) >= WAITING_MAX:
                self._waiting.popitem(last=False)
                self.lost += 1
            self._waiting[each.id] = _Line(room_id, show_id, each)

    async def store(self) -> None:
        """Writes what waits. What the database could not take now waits on, in order."""
        while self._waiting:
            taken = range(min(BATCH, len(self._waiting)))
            lines = tuple(self._waiting.popitem(last=False)[1] for _ in taken)
            try:
                await self._database.writer.submit(_Store(lines))
            except Refused as refused:
                self._put_back(lines)
                log.warning("chat waits for its archive", lines=len(lines), code=refused.code)
                return
            except Exception:
                if len(lines) == 1:
                    self.lost += 1
                    log.exception("a message cannot be archived", room_id=lines[0].room_id)
                else:
                    await self._store_one_by_one(lines)

    async def _store_one_by_one(self, lines: Sequence[_Line]) -> None:
        """One of them cannot be stored; the others can."""
        for number, line in enumerate(lines):
            try:
                await self._database.writer.submit(_Store((line,)))
            except Refused:
                self._put_back(lines[number:])
                return
            except Exception:
                self.lost += 1
                log.exception("a message cannot be archived", room_id=line.room_id)

    def _put_back(self, lines: Sequence[_Line]) -> None:
        """Before those that came meanwhile."""
        for line in reversed(lines):
            self._waiting[line.message.id] = line
            self._waiting.move_to_end(line.message.id, last=False)
