"""The writer's connection to PostgreSQL: a bare asyncpg connection, one statement a set of rows.

Rows travel as one array a column and are unnested by the server, so a statement costs one round
trip and one plan however many rows it carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import asyncpg
import sqlalchemy as sa

from livecommerce.database.group_commit.errors import (
    CommitUnknown,
    ConstraintViolated,
    Poisoned,
    Stale,
    Transient,
    Unreachable,
    Violation,
)
from livecommerce.database.group_commit.operations import (
    Delete,
    Insert,
    Load,
    Row,
    Save,
    Update,
    is_checked,
)
from livecommerce.database.group_commit.shapes import Shape

SESSION = {
    "application_name": "livecommerce writer",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
    # The writer only ever reads by primary key. A plan made while a table was nearly empty must
    # not keep scanning it when a sale has filled it a minute later.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
_CONNECT_S = 5.0
# Longer than any statement may take, so it only ends waits on a network that swallowed the answer.
_ANSWER_S = 8.0


class PostgresqlWriteConnection:
    """See `WriteConnection`."""

    def __init__(self, url: sa.URL) -> None:
        self._arguments = connect_arguments(url)
        self._connection: Any = None

    async def load(self, loads: Sequence[Load]) -> list[list[Row]]:
        try:
            connection = await self._open()
            await connection.execute("BEGIN")
            return [
                [
                    dict(row)
                    for row in await connection.fetch(_select(load.shape, load.lock), load.ids)
                ]
                for load in loads
            ]
        except _DRIVER_ERRORS as error:
            raise await self._failed(error) from error

    async def save(self, saves: Sequence[Save]) -> None:
        connection = self._connection
        try:
            for save in saves:
                # Without a connection the transaction is gone, and nothing was saved.
                if connection is None or connection.is_closed():
                    raise Transient("connection lost")
                status = await connection.execute(_sql(save), *zip(*save.rows, strict=True))
                if is_checked(save) and int(status.rpartition(" ")[2]) != len(save.rows):
                    raise Stale(save.shape.name)
        except _DRIVER_ERRORS as error:
            raise await self._failed(error) from error
        except Stale:
            await self.rollback()
            raise
        try:
            await connection.execute("COMMIT")
        except _DRIVER_ERRORS as error:
            failure = await self._failed(error)
            if self._connection is None:
                # It may have been carried out; only the database knows.
                raise CommitUnknown(str(error)) from error
            raise failure from error

    async def rollback(self) -> None:
        connection = self._connection
        if connection is not None and connection.is_in_transaction():
            try:
                await connection.execute("ROLLBACK")
            except _DRIVER_ERRORS:
                self._drop()

    async def has_committed(self, commit_id: str, now: int) -> bool:
        """Settle it by claiming the commit's row.

        If the lost transaction is still under way, this insert waits for it, since it would store
        the same key. If ours is stored, the other one never will be.
        """
        try:
            connection = await self._open()
            await connection.execute(_CLAIM, commit_id, now)
            is_void = await connection.fetchval(_CLAIMED, commit_id)
        except _DRIVER_ERRORS as error:
            raise await self._failed(error) from error
        assert is_void is not None, "claimed or committed, the row is there"
        return not is_void

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            try:
                await connection.close(timeout=2.0)
            except _DRIVER_ERRORS:
                connection.terminate()

    async def _open(self) -> Any:
        connection = self._connection
        if connection is None or connection.is_closed():
            self._connection = await asyncpg.connect(
                **self._arguments,
                server_settings=SESSION,
                timeout=_CONNECT_S,
                command_timeout=_ANSWER_S,
                statement_cache_size=1000,
                max_cached_statement_lifetime=0,
            )
        elif connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        return self._connection

    async def _failed(self, error: Exception) -> Exception:
        """Leave no transaction open, and say what the error means."""
        if _is_lost(error) or (self._connection is not None and self._connection.is_closed()):
            self._drop()
            is_refused = isinstance(error, ConnectionRefusedError | FileNotFoundError)
            return Unreachable(str(error)) if is_refused else Transient(str(error))
        await self.rollback()
        return _translated(error)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()


@cache
def _select(shape: Shape, lock: bool) -> str:  # noqa: FBT001
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    # NO KEY: a plain FOR UPDATE would deadlock with inserts whose foreign key points here. The
    # order is the same for everyone, so two processes wait for each other but never in a circle.
    ending = " ORDER BY id FOR NO KEY UPDATE" if lock else ""
    return f'SELECT {columns} FROM "{shape.name}" WHERE id = ANY($1::text[]){ending}'  # noqa: S608


def _sql(save: Save) -> str:
    match save:
        case Insert(shape=shape, contended=contended):
            return _insert(shape, contended)
        case Update(shape=shape, sets=sets, deltas=deltas):
            return _update(shape, sets, deltas)
        case Delete(shape=shape):
            return _delete(shape)


def _unnest(types: Sequence[str]) -> str:
    return ", ".join(f"${place}::{type}[]" for place, type in enumerate(types, 1))


@cache
def _insert(shape: Shape, contended: bool) -> str:  # noqa: FBT001
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    arrays = _unnest([shape.types[column] for column in shape.columns])
    ending = " ON CONFLICT (id) DO NOTHING" if contended else ""
    return f'INSERT INTO "{shape.name}" ({columns}) SELECT * FROM unnest({arrays}){ending}'  # noqa: S608


@cache
def _update(shape: Shape, sets: tuple[str, ...], deltas: tuple[str, ...]) -> str:
    target = f'"{shape.name}"'
    changed = (*sets, *deltas)
    arrays = _unnest(["text", "bigint", "bigint", *(shape.types[column] for column in changed)])
    names = ", ".join(["row_id", "loaded", "rise", *(f'"new_{column}"' for column in changed)])
    assigned = [f"version = {target}.version + new.rise"]
    assigned += [f'"{column}" = new."new_{column}"' for column in sets]
    assigned += [f'"{column}" = {target}."{column}" + new."new_{column}"' for column in deltas]
    # The version closes the race with whoever changed the row since it was loaded.
    return (
        f"UPDATE {target} SET {', '.join(assigned)} FROM unnest({arrays}) AS new ({names}) "  # noqa: S608
        f"WHERE {target}.id = new.row_id AND {target}.version = new.loaded"
    )


@cache
def _delete(shape: Shape) -> str:
    target = f'"{shape.name}"'
    if not shape.is_versioned:
        return f"DELETE FROM {target} WHERE id = ANY($1::text[])"  # noqa: S608
    return (
        f"DELETE FROM {target} USING unnest($1::text[], $2::bigint[]) AS old (row_id, loaded) "  # noqa: S608
        f"WHERE {target}.id = old.row_id AND {target}.version = old.loaded"
    )


_DRIVER_ERRORS = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
# After these a connection answers nothing, or something else's answer. (The driver loses count of
# what it waits for when the server ends a session just as a statement is sent.)
_LOST = (asyncpg.InternalClientError, OSError, TimeoutError)
_CLAIM = (
    "INSERT INTO commits (id, is_void, entries, created_at, published_at, version) "
    "VALUES ($1, true, 0, $2, $2, 1) ON CONFLICT (id) DO NOTHING"
)
_CLAIMED = "SELECT is_void FROM commits WHERE id = $1"
# serialization failure, deadlock, lock timeout, statement timeout
_TRANSIENT = {"40001", "40P01", "55P03", "57014"}
_KINDS: dict[str, Violation] = {
    "23505": "unique",
    "23514": "check",
    "23503": "foreign_key",
    "23502": "not_null",
}


def _is_lost(error: Exception) -> bool:
    """Whether the session has ended, or can no longer be trusted to answer."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state.startswith("08") or state in {"57P01", "57P02", "57P03", "57P05", "25P03"}
    return isinstance(error, _LOST)


def _translated(error: Exception) -> Exception:
    if not isinstance(error, asyncpg.PostgresError):
        return Poisoned(str(error))
    state = error.sqlstate or ""
    if state in _TRANSIENT:
        return Transient(str(error))
    # Out of disk, memory or connections; a standby; no such database or role; wrong password.
    if state.startswith(("53", "3D", "28")) or state == "25006":
        return Unreachable(str(error))
    constraint, table = error.constraint_name or "", error.table_name or ""
    if state == "23001":
        return ConstraintViolated("append_only", constraint, table)
    if state in _KINDS:
        named = error.column_name if state == "23502" else constraint
        return ConstraintViolated(_KINDS[state], named or "", table)
    return Poisoned(str(error))


def connect_arguments(url: sa.URL) -> dict[str, Any]:
    """asyncpg's arguments for one of SQLAlchemy's URLs."""
    arguments = dict(url.get_dialect()().create_connect_args(url)[1])
    for ours in ("prepared_statement_cache_size", "prepared_statement_name_func", "async_fallback"):
        arguments.pop(ours, None)
    return arguments
