"""Throws away what has served its time: answered commands, and events long told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.database.tables import commits, idempotency_keys, outbox

HOUR_MS: Final = 3_600_000
KEYS_KEPT_MS: Final = 48 * HOUR_MS
"""No client repeats a command after two days."""
EVENTS_KEPT_MS: Final = 7 * 24 * HOUR_MS
"""Webhooks are retried for days from the same rows."""
EMPTY_COMMITS_KEPT_MS: Final = HOUR_MS
"""A commit that told nothing only settles a lost COMMIT, which takes seconds."""
_PORTION = 1_000


@dataclass(frozen=True, slots=True)
class _Discard(Write[None]):
    table: sa.Table
    ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        if "version" not in self.table.columns:
            return []
        return [Need(self.table, id) for id in self.ids]

    def decide(self, rows: Rows, now: int) -> None:
        for id in self.ids:
            if "version" not in self.table.columns or rows.get(self.table, id) is not None:
                rows.delete(self.table, id)


async def purge(database: Database, now: int) -> int:
    """Delete old keys and old published events, in small portions; returns how many rows went.

    Events that were never published stay, however old.
    """
    old_commit = (commits.c.created_at < now - EVENTS_KEPT_MS) & commits.c.published_at.is_not(None)
    told = outbox.join(commits, outbox.c.commit_id == commits.c.id)
    idle_commit = (commits.c.created_at < now - EMPTY_COMMITS_KEPT_MS) & (commits.c.entries == 0)
    has_events = sa.exists().where(outbox.c.commit_id == commits.c.id)
    count = 0
    for table, old in (
        (
            idempotency_keys,
            sa.select(idempotency_keys.c.id).where(
                idempotency_keys.c.created_at < now - KEYS_KEPT_MS
            ),
        ),
        (outbox, sa.select(outbox.c.id).select_from(told).where(old_commit)),
        (commits, sa.select(commits.c.id).where(old_commit, ~has_events)),
        (commits, sa.select(commits.c.id).where(idle_commit)),
    ):
        while ids := tuple(row["id"] for row in await database.fetch(old.limit(_PORTION))):
            await database.writer.submit(_Discard(table, ids))
            count += len(ids)
    return count
