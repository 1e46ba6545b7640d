"""The writer's connection to SQLite: one thread, one connection, two hops a batch.

Every `sqlite3_step` gives up the interpreter lock and has to win it back from a busy event loop,
which was measured to cost more than the statement itself. So a set of rows is one statement with
many VALUES, not one statement executed many times.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import sqlalchemy as sa

from livecommerce.database.group_commit.errors import (
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

T = TypeVar("T")

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # This is money: a commit that was answered survives a power cut. Paid once a batch.
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",
    "PRAGMA foreign_keys = ON",
    # Nobody else writes for long: a buyer is told to come again rather than left waiting. With the
    # writer's five tries this is about three seconds.
    "PRAGMA busy_timeout = 500",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 8000",
    # 8 MiB. The machine's own cache has the pages as well; a large one here would be filled for
    # hours, and look like a leak.
    "PRAGMA cache_size = -8192",
)
# Few sizes, so that few statements are ever compiled.
_CHUNKS = (64, 16, 4, 1)


class SqliteWriteConnection:
    """See `WriteConnection`."""

    def __init__(self, path: str, declared: Sequence[sa.MetaData]) -> None:
        self._path = path
        self._declared = declared
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._connection: sqlite3.Connection | None = None

    async def load(self, loads: Sequence[Load]) -> list[list[Row]]:
        return await self._run(lambda: self._load(loads))

    async def save(self, saves: Sequence[Save]) -> None:
        await self._run(lambda: self._save(saves))

    async def rollback(self) -> None:
        await self._run(self._rollback)

    async def has_committed(self, commit_id: str, now: int) -> bool:
        raise AssertionError("COMMIT always answers here")

    async def close(self) -> None:
        await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # What follows runs in the thread.

    def _load(self, loads: Sequence[Load]) -> list[list[Row]]:
        try:
            connection = self._open()
            self._rollback()
            connection.execute("BEGIN IMMEDIATE")
            return [_read(connection, load) for load in loads]
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _save(self, saves: Sequence[Save]) -> None:
        connection = self._connection
        assert connection is not None and connection.in_transaction
        try:
            for save in saves:
                count = sum(
                    connection.execute(sql, values).rowcount for sql, values in _statements(save)
                )
                if is_checked(save) and count != len(save.rows):
                    raise Stale(save.shape.name)
            connection.execute("COMMIT")
        except (sqlite3.Error, OverflowError, TypeError, ValueError) as error:
            self._rollback()
            raise self._translated(error) from error
        except Stale:
            self._rollback()
            raise

    def _translated(self, error: Exception) -> Exception:
        tables = {name: table for one in self._declared for name, table in one.tables.items()}
        return _translated(error, tables)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, cached_statements=1024
            )
            for pragma in PRAGMAS:
                connection.execute(pragma)
            self._connection = connection
        return self._connection

    def _rollback(self) -> None:
        connection = self._connection
        if connection is not None and connection.in_transaction:
            try:
                connection.execute("ROLLBACK")
            except sqlite3.Error:
                # Whatever state it is in, a new connection starts from what is committed.
                self._close()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _read(connection: sqlite3.Connection, load: Load) -> list[Row]:
    found = connection.execute(_select(load.shape), (json.dumps(load.ids),)).fetchall()
    rows = [dict(zip(load.shape.columns, row, strict=True)) for row in found]
    for place in load.shape.booleans:
        column = load.shape.columns[place]
        for row in rows:
            row[column] = None if row[column] is None else bool(row[column])
    return rows


@cache
def _select(shape: Shape) -> str:
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    return f'SELECT {columns} FROM "{shape.name}" WHERE id IN (SELECT value FROM json_each(?))'  # noqa: S608


def _statements(save: Save) -> Iterator[tuple[str, list[Any]]]:
    rows, start = save.rows, 0
    for size in _CHUNKS:
        while len(rows) - start >= size:
            chunk = rows[start : start + size]
            yield _sql(save, size), [value for row in chunk for value in row]
            start += size


def _sql(save: Save, size: int) -> str:
    match save:
        case Insert(shape=shape, contended=contended):
            return _insert(shape, size, contended)
        case Update(shape=shape, sets=sets, deltas=deltas):
            return _update(shape, size, sets, deltas)
        case Delete(shape=shape):
            return _delete(shape, size)


def _values(width: int, size: int) -> str:
    return ", ".join(["(" + ", ".join("?" * width) + ")"] * size)


@cache
def _insert(shape: Shape, size: int, contended: bool) -> str:  # noqa: FBT001
    columns = ", ".join(f'"{column}"' for column in shape.columns)
    ending = " ON CONFLICT (id) DO NOTHING" if contended else ""
    values = _values(len(shape.columns), size)
    return f'INSERT INTO "{shape.name}" ({columns}) VALUES {values}{ending}'  # noqa: S608


@cache
def _update(shape: Shape, size: int, sets: tuple[str, ...], deltas: tuple[str, ...]) -> str:
    names = ["id", "loaded", "rise", *sets, *deltas]
    # VALUES names its columns column1, column2, ...
    new = {name: f"new.column{place}" for place, name in enumerate(names, 1)}
    target = f'"{shape.name}"'
    assigned = [f"version = {target}.version + {new['rise']}"]
    assigned += [f'"{column}" = {new[column]}' for column in sets]
    assigned += [f'"{column}" = {target}."{column}" + {new[column]}' for column in deltas]
    # The version closes the race with whoever changed the row since it was loaded.
    return (
        f"UPDATE {target} SET {', '.join(assigned)} "  # noqa: S608
        f"FROM (VALUES {_values(len(names), size)}) AS new "
        f"WHERE {target}.id = {new['id']} AND {target}.version = {new['loaded']}"
    )


@cache
def _delete(shape: Shape, size: int) -> str:
    key = "(id, version)" if shape.is_versioned else "(id)"
    width = 2 if shape.is_versioned else 1
    return f'DELETE FROM "{shape.name}" WHERE {key} IN (VALUES {_values(width, size)})'  # noqa: S608


_UNREACHABLE = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY,
                sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)  # fmt: skip
_KINDS: dict[int, Violation] = {
    sqlite3.SQLITE_CONSTRAINT_UNIQUE: "unique",
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY: "unique",
    sqlite3.SQLITE_CONSTRAINT_CHECK: "check",
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY: "foreign_key",
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: "not_null",
    sqlite3.SQLITE_CONSTRAINT_TRIGGER: "append_only",
}


def _translated(error: Exception, tables: Mapping[str, sa.Table]) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return Poisoned(str(error))
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Transient(str(error))
    if code & 0xFF in _UNREACHABLE:
        return Unreachable(str(error))
    if code in _KINDS:
        return _violation(_KINDS[code], str(error).partition(": ")[2], tables)
    return Poisoned(str(error))


def _violation(kind: Violation, told: str, tables: Mapping[str, sa.Table]) -> ConstraintViolated:
    """SQLite names a CHECK; of a unique key or NOT NULL only the columns, of the rest less."""
    match kind:
        case "append_only":
            return ConstraintViolated(kind, "", told)
        case "check":
            owner = (name for name, table in tables.items() if told in _names(table.constraints))
            return ConstraintViolated(kind, told, next(owner, ""))
        case "unique" if told.startswith("index '"):
            return ConstraintViolated(kind, told.removeprefix("index '").removesuffix("'"), "")
        case "unique" | "not_null":
            table_name = told.partition(".")[0]
            columns = {column.rpartition(".")[2] for column in told.split(", ")}
            name = next(iter(columns))
            if kind == "unique" and table_name in tables:
                name = _unique_name(tables[table_name], columns)
            return ConstraintViolated(kind, name, table_name)
        case _:
            return ConstraintViolated(kind, "", "")


def _unique_name(table: sa.Table, columns: set[str]) -> str:
    uniques: list[Any] = [table.primary_key]
    uniques += [one for one in table.constraints if isinstance(one, sa.UniqueConstraint)]
    uniques += [index for index in table.indexes if index.unique]
    named = (str(one.name) for one in uniques if set(one.columns.keys()) == columns)
    return next(named, "")


def _names(constraints: Iterable[sa.Constraint]) -> set[str]:
    return {str(constraint.name) for constraint in constraints}
