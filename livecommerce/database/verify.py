"""What must be true of the stored rows at any moment, and the checker that reads them all.

A feature states its own invariants in `<feature>/invariants.py`; importing that file registers
them. The checker only reads, in one view of one moment, so it can run over a living shop.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.engine import Database
from livecommerce.database.guards import missing_guards
from livecommerce.database.schema import metadata
from livecommerce.database.tables import commits, idempotency_keys, outbox

UNPUBLISHED_MS_MAX = 60_000


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that is not as it must be: which invariant, of what row, and how."""

    invariant: str
    subject: str
    message: str


Check = Callable[[AsyncConnection], Awaitable[list[Breach]]]


@dataclass(frozen=True, slots=True)
class Invariant:
    """A name that never changes, the promise in words, and the check."""

    name: str
    promise: str
    check: Check


_invariants: dict[str, Invariant] = {}


def invariant(name: str, promise: str) -> Callable[[Check], Check]:
    """Register a check under a name: it returns what it found broken, or nothing."""

    def register(check: Check) -> Check:
        assert name not in _invariants, f"{name} is taken"
        _invariants[name] = Invariant(name, promise, check)
        return check

    return register


def invariants() -> list[Invariant]:
    """All that are registered, by name."""
    return sorted(_invariants.values(), key=lambda one: (len(one.name), one.name))


async def run(
    database: Database, *, on_checked: Callable[[Invariant], None] | None = None
) -> list[Breach]:
    """Check everything that is registered.

    Args:
        on_checked: called after each, to show progress.
    """
    found = []
    async with database.reading() as connection:
        if database.dialect == "postgresql":
            # Some checks read every row there is; a command's time limits are not for them.
            await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        for one in invariants():
            found += await one.check(connection)
            if on_checked is not None:
                on_checked(one)
    return found


async def breaches(
    connection: AsyncConnection, name: str, statement: sa.Select[Any], message: str
) -> list[Breach]:
    """A breach for each row of a SELECT of what must not exist.

    Args:
        statement: its column `subject` says what the breach is about.
        message: a format string over the columns.
    """
    rows = (await connection.execute(statement)).mappings().all()
    return [Breach(name, str(row["subject"]), message.format(**row)) for row in rows]


@invariant("D1", "every declared constraint and append-only trigger is in the database")
async def _guards_are_there(connection: AsyncConnection) -> list[Breach]:
    missing = await connection.run_sync(missing_guards, metadata)
    return [Breach("D1", guard, "is missing") for guard in missing]


@invariant("D2", "a commit that is not published has all its events; no event is without a commit")
async def _outbox_is_whole(connection: AsyncConnection) -> list[Breach]:
    stored = sa.func.count(outbox.c.id)
    short = (
        sa.select(commits.c.id.label("subject"), commits.c.entries, stored.label("stored"))
        .select_from(commits.outerjoin(outbox, outbox.c.commit_id == commits.c.id))
        .where(commits.c.published_at.is_(None))
        .group_by(commits.c.id, commits.c.entries)
        .having(stored != commits.c.entries)
    )
    orphans = (
        sa.select(outbox.c.id.label("subject"), outbox.c.commit_id)
        .select_from(outbox.outerjoin(commits, outbox.c.commit_id == commits.c.id))
        .where(sa.or_(commits.c.id.is_(None), commits.c.is_void))
    )
    return [
        *await breaches(connection, "D2", short, "{entries} events committed, {stored} stored"),
        *await breaches(connection, "D2", orphans, "its commit {commit_id} never happened"),
    ]


@invariant("D3", "committed events are published within a minute")
async def _events_are_published(connection: AsyncConnection) -> list[Breach]:
    newest = sa.select(sa.func.max(commits.c.created_at)).scalar_subquery()
    late = sa.select(commits.c.id.label("subject"), commits.c.entries).where(
        commits.c.published_at.is_(None), commits.c.created_at < newest - UNPUBLISHED_MS_MAX
    )
    return await breaches(connection, "D3", late, "{entries} events wait")


@invariant("D4", "a key of a repeated command has one readable answer")
async def _keys_have_answers(connection: AsyncConnection) -> list[Breach]:
    found = []
    rows = await connection.stream(
        sa.select(idempotency_keys.c.id, idempotency_keys.c.fingerprint, idempotency_keys.c.answer)
    )
    async for id, fingerprint, answer in rows:
        if id.count("|") < 2 or not fingerprint:
            found.append(Breach("D4", id, "is not principal|op|key with a fingerprint"))
        try:
            msgspec.msgpack.decode(answer)
        except msgspec.DecodeError:
            found.append(Breach("D4", id, "has an unreadable answer"))
    return found
