"""Committed events on their way out: told at once, told again after a crash, marked when told.

An event is stored by the batch that made it true. After COMMIT it is delivered; the commit is
marked later, in the background. What a crash left unmarked the relay delivers again, under the same
ids, so whoever receives it drops what it has had.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, OutboxEntry, Rows, Write
from livecommerce.database.tables import commits, outbox
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused
from livecommerce.protocol.events import Event

EventDecoder: TypeAlias = Callable[[bytes], Event]
Deliver: TypeAlias = Callable[[Sequence[OutboxEntry]], Awaitable[object] | None]
"""Hands entries to whoever tells them. None: told. An awaitable: told once it has completed; what
failed the relay tells again."""

_log = logging.getLogger(__name__)

# Long enough for a live process to have marked its own, short enough to be "within seconds".
RELAY_AGE_MS = 2_000
_RELAY_EVERY_S = 1.0
_MARK_EVERY_S = 0.25
_RELAY_COMMITS_MAX = 500
_MARKS_MAX = 500
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class MarkPublished(Write[None]):
    """Notes that all events of some commits have been told."""

    commit_ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        return [Need(commits, id) for id in self.commit_ids]

    def decide(self, rows: Rows, now: int) -> None:
        for id in self.commit_ids:
            row = rows.get(commits, id)
            if row is not None and row["published_at"] is None:
                rows.change(commits, id, published_at=now)


class Outbox:
    """Delivers what the writer of this process commits, and what any process left undelivered.

    Args:
        is_open: False while delivering would fail; then nothing is told again yet.
    """

    def __init__(
        self,
        database: Database,
        *,
        decode: EventDecoder,
        deliver: Deliver,
        clock: Clock,
        is_open: Callable[[], bool] = lambda: True,
    ) -> None:
        self._database = database
        self._decode = decode
        self._deliver = deliver
        self._clock = clock
        self._is_open = is_open
        self._told: dict[str, None] = {}
        self._under_way: dict[str, asyncio.Future[object]] = {}
        database.writer.on_committed(self._tell)

    async def run(self) -> None:
        """Relay and mark until cancelled. Outages are waited out."""
        relay_at_s = self._clock.mono_s()
        while True:
            try:
                await self.mark()
                if self._clock.mono_s() >= relay_at_s:
                    relay_at_s = self._clock.mono_s() + _RELAY_EVERY_S
                    if self._is_open():
                        await self.relay()
            except Refused as refused:
                _log.warning("the outbox waits", extra={"code": refused.code})
            except Exception:  # noqa: BLE001 - logged, and tried again
                # One row nobody foresaw would otherwise end every start of the process again.
                _log.exception("a round of the outbox failed")
            await asyncio.sleep(_MARK_EVERY_S)

    async def close(self) -> None:
        """Wait a little for what is being told and mark it; the next start repeats nothing."""
        if self._under_way:
            await asyncio.wait(self._under_way.values(), timeout=_CLOSE_S)
        try:
            await self.mark()
        except Refused as refused:
            _log.warning("told events stay unmarked", extra={"code": refused.code})

    async def mark(self) -> None:
        """Store that what was told was told; one small write, in company of the purchases."""
        while self._told:
            commit_ids = tuple(self._told)[:_MARKS_MAX]
            await self._database.writer.submit(MarkPublished(commit_ids))
            for id in commit_ids:
                self._told.pop(id, None)

    async def relay(self) -> int:
        """Deliver again what was committed a while ago and is not marked; returns how many events.

        By commits and their rows, never by "ids above the last one": commits of several processes
        become visible out of order, and such a cursor loses some.
        """
        mine = self._told.keys() | self._under_way.keys()
        left = await self._database.fetch(
            sa.select(commits.c.id)
            .where(commits.c.published_at.is_(None))
            .where(commits.c.created_at <= self._clock.now_ms() - RELAY_AGE_MS)
            .order_by(commits.c.created_at, commits.c.id)
            .limit(_RELAY_COMMITS_MAX + len(mine))
        )
        count = 0
        for commit_id in [row["id"] for row in left if row["id"] not in mine]:
            rows = await self._database.fetch(
                sa.select(outbox).where(outbox.c.commit_id == commit_id).order_by(outbox.c.position)
            )
            entries = [entry for row in rows if (entry := self._entry(row)) is not None]
            _log.info("telling again", extra={"commit_id": commit_id, "events": len(entries)})
            self._tell_commit(commit_id, entries)
            count += len(entries)
        return count

    async def unpublished(self) -> int:
        """How many committed events are not known to have been told."""
        return await unpublished(self._database)

    def _entry(self, row: sa.RowMapping) -> OutboxEntry | None:
        try:
            event = self._decode(row["payload"])
        except Exception:  # noqa: BLE001 - decoders are not ours
            # It cannot be told by this version, nor ever; the others of its commit can.
            _log.exception("an event cannot be read", extra={"outbox_id": row["id"]})
            return None
        return OutboxEntry(
            id=row["id"],
            commit_id=row["commit_id"],
            room_id=row["room_id"],
            person_id=row["person_id"],
            audience=row["audience"],
            event=event,
        )

    def _tell(self, entries: Sequence[OutboxEntry]) -> None:
        # The writer hands over one batch at a time, and a batch is one commit.
        self._tell_commit(entries[0].commit_id, entries)

    def _tell_commit(self, commit_id: str, entries: Sequence[OutboxEntry]) -> None:
        try:
            telling = self._deliver(entries) if entries else None
        except Exception:  # noqa: BLE001 - whatever it was, the events are still there
            _log.exception("telling failed, the relay repeats it")
            return
        if telling is None:
            self._told[commit_id] = None
            return
        future = asyncio.ensure_future(telling)
        self._under_way[commit_id] = future
        future.add_done_callback(lambda done: self._finished(commit_id, done))

    def _finished(self, commit_id: str, done: asyncio.Future[object]) -> None:
        del self._under_way[commit_id]
        if done.cancelled():
            return
        if isinstance(error := done.exception(), ConnectionError):
            # Whoever was to hear it is away, and has said so.
            _log.warning("telling failed, the relay repeats it", extra={"commit_id": commit_id})
            return
        if error is not None:
            _log.error("telling failed, the relay repeats it", exc_info=error)
            return
        self._told[commit_id] = None


async def unpublished(database: Database) -> int:
    """How many committed events are not known to have been told."""
    row = await database.fetch_one(
        sa.select(sa.func.coalesce(sa.func.sum(commits.c.entries), 0).label("entries")).where(
            commits.c.published_at.is_(None)
        )
    )
    assert row is not None
    return int(row["entries"])
