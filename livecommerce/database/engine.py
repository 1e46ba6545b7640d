"""One database: the writer's connection, and a pool that can only read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from livecommerce.database.group_commit import Writer
from livecommerce.database.group_commit.operations import WriteConnection
from livecommerce.database.group_commit.postgresql import PostgresqlWriteConnection
from livecommerce.database.group_commit.shapes import Ranks
from livecommerce.database.group_commit.sqlite import SqliteWriteConnection
from livecommerce.database.schema import metadata
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused

Dialect = Literal["sqlite", "postgresql"]

_READERS_MAX = 8
_POOL_WAIT_S = 2.0
_READER_SESSION = {
    "application_name": "livecommerce reader",
    "default_transaction_read_only": "on",
    "lock_timeout": "2s",
    "statement_timeout": "5s",
    "idle_in_transaction_session_timeout": "10s",
}
_SQLITE_OUTAGES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}
# connection lost, out of resources, timeouts and shutdown
_POSTGRESQL_OUTAGES = ("08", "53", "55P03", "57")
# Those who are kept out: by what was set, or by rights. Trying again helps nobody.
_SQLITE_SHUT = _SQLITE_OUTAGES | {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_NOTADB,
}
# no such role or wrong password, no such database, not without the right to
_POSTGRESQL_SHUT = (*_POSTGRESQL_OUTAGES, "28", "3D", "42501")
# Their locks or their shared memory do not hold what SQLite's log needs.
_NETWORK_FILESYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afs", "ceph", "fuse.sshfs"}


class Unusable(Exception):
    """A database that is not there, or keeps us out. Says which one, and why."""


class Database:
    """The only truth. Read through `reading` and `fetch`; write through `writer` alone."""

    def __init__(self, url: sa.URL, readers: AsyncEngine, writer: Writer) -> None:
        self.url = url
        self.dialect: Dialect = dialect_of(url)
        self.writer = writer
        self._readers = readers
        if self.dialect == "sqlite":
            # The engine has its level from the start: set for each checkout, SQLAlchemy awaits a
            # PRAGMA while nobody holds the connection yet, and who is cancelled there leaks it.
            self._single = self._snapshot = readers
        else:
            self._single = readers.execution_options(isolation_level="AUTOCOMMIT")
            self._snapshot = readers.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        clock: Clock,
        create: bool = False,
        batch_max: int = 256,
        declared: Sequence[sa.MetaData] = (metadata,),
    ) -> Database:
        """Open a database and start its writer.

        Args:
            url: ``sqlite+aiosqlite:////path/to/file.db`` or ``postgresql+asyncpg://...``.
            create: make the tables that are missing, without migrations. For tests.
            batch_max: how many writes share a commit at most.
            declared: where all tables stand that are written to.
        """
        parsed = checked_url(url)
        if create:
            async with changing_schema(parsed) as connection:
                for one in declared:
                    await connection.run_sync(one.create_all)
        connection_of_writer: WriteConnection
        if dialect_of(parsed) == "sqlite":
            assert parsed.database is not None
            _make_folder_of(parsed)
            connection_of_writer = SqliteWriteConnection(parsed.database, declared)
        else:
            connection_of_writer = PostgresqlWriteConnection(parsed)
        ranks = Ranks(declared)
        writer = Writer(connection_of_writer, ranks=ranks, clock=clock, batch_max=batch_max)
        writer.start()
        return cls(parsed, _readers(parsed), writer)

    async def close(self) -> None:
        """Commit what has been submitted, then close all connections."""
        await self.writer.close()
        await self._readers.dispose()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A read-only view in which everything is of one moment, whatever is written meanwhile.

        Raises:
            Refused: UNAVAILABLE when the database is out of reach.
        """
        with _refusing_outages():
            async with self._snapshot.connect() as connection:
                if self.dialect == "sqlite":
                    await connection.exec_driver_sql("BEGIN")
                try:
                    yield connection
                except BaseException:
                    # A query cut short leaves a connection that refuses to be used again. What it
                    # says must not take the place of why we are here: a cancellation, above all.
                    with suppress(sa.exc.SQLAlchemyError):
                        await self._end_reading(connection)
                    raise
                await self._end_reading(connection)

    async def _end_reading(self, connection: AsyncConnection) -> None:
        if self.dialect == "sqlite":
            await connection.exec_driver_sql("ROLLBACK")

    async def fetch(self, statement: sa.Executable) -> Sequence[sa.RowMapping]:
        """All rows of one SELECT, as of now.

        Raises:
            Refused: UNAVAILABLE when the database is out of reach.
        """
        with _refusing_outages():
            async with self._single.connect() as connection:
                return (await connection.execute(statement)).mappings().all()

    async def fetch_one(self, statement: sa.Executable) -> sa.RowMapping | None:
        """The first row of one SELECT, or None. Raises as `fetch`."""
        with _refusing_outages():
            async with self._single.connect() as connection:
                return (await connection.execute(statement)).mappings().first()


@asynccontextmanager
async def changing_schema(url: sa.URL) -> AsyncIterator[AsyncConnection]:
    """A transaction that changes tables: all of it or nothing, and one process at a time."""
    engine = create_async_engine(url, poolclass=sa.NullPool)
    try:
        if dialect_of(url) == "sqlite":
            _make_folder_of(url)
            autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
            async with autocommit.connect() as connection:
                # The driver's own transactions do not cover CREATE and DROP.
                await connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                await connection.exec_driver_sql("PRAGMA busy_timeout = 10000")
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    await connection.exec_driver_sql("ROLLBACK")
                    raise
                await connection.exec_driver_sql("COMMIT")
        else:
            async with engine.begin() as connection:
                await connection.exec_driver_sql(
                    "SELECT pg_advisory_xact_lock(hashtextextended('livecommerce schema', 0))"
                )
                yield connection
    finally:
        await engine.dispose()


def checked_url(url: str) -> sa.URL:
    """Parse an URL, and refuse what could not keep the promises."""
    parsed = sa.make_url(url)
    if parsed.drivername not in ("sqlite+aiosqlite", "postgresql+asyncpg"):
        raise ValueError(f"not sqlite+aiosqlite or postgresql+asyncpg: {parsed.drivername}")
    if parsed.drivername == "sqlite+aiosqlite":
        if parsed.database in (None, "", ":memory:"):
            raise ValueError("SQLite needs a file: the writer and the readers share it")
        path = Path(parsed.database or "").absolute()
        kind = _filesystem_of(path)
        if kind in _NETWORK_FILESYSTEMS:
            raise ValueError(f"{path} is on a network filesystem ({kind}), which loses commits")
    return parsed


def _make_folder_of(url: sa.URL) -> None:
    Path(url.database or "").absolute().parent.mkdir(parents=True, exist_ok=True)


def dialect_of(url: sa.URL) -> Dialect:
    """Which of the two databases an URL is of."""
    return "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"


def _readers(url: sa.URL) -> AsyncEngine:
    if dialect_of(url) == "postgresql":
        return create_async_engine(
            url,
            pool_size=_READERS_MAX,
            max_overflow=0,
            pool_timeout=_POOL_WAIT_S,
            pool_pre_ping=True,
            connect_args={"server_settings": _READER_SESSION, "timeout": _POOL_WAIT_S},
        )
    engine = create_async_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=_READERS_MAX // 2,
        max_overflow=0,
        pool_timeout=_POOL_WAIT_S,
    )

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _read_only(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = ON")
        cursor.execute("PRAGMA busy_timeout = 5000")
        cursor.execute("PRAGMA cache_size = -1024")
        cursor.close()

    return engine


def named(address: str) -> str:
    """An URL or a file as it is told to people: without name, password and options."""
    try:
        url = sa.make_url(address).set(query={})
    except sa.exc.ArgumentError:
        return address
    return url.render_as_string().rpartition("@")[2]


@contextmanager
def telling_why(address: str) -> Iterator[None]:
    """Turns what a driver says of a database that it cannot have or may not read into Unusable.

    Args:
        address: its URL or file.
    """
    try:
        yield
    except (OSError, sqlite3.Error, asyncpg.PostgresError, sa.exc.DBAPIError) as error:
        cause = getattr(error, "orig", None) or error
        cause = cause.__cause__ or cause  # SQLAlchemy's asyncpg wraps twice
        code, state = getattr(cause, "sqlite_errorcode", None), getattr(cause, "sqlstate", None)
        if not (
            isinstance(cause, OSError)
            or (code is not None and code & 0xFF in _SQLITE_SHUT)
            or (state or "").startswith(_POSTGRESQL_SHUT)
        ):
            raise
        # asyncio words a refused connection as a call of its own that failed.
        number = (cause.errno or 0) if isinstance(cause, OSError) else 0
        why = os.strerror(number) if number > 0 else str(cause) or type(cause).__name__
        raise Unusable(f"{named(address)}: {why}") from error


@contextmanager
def _refusing_outages() -> Iterator[None]:
    try:
        yield
    except (sa.exc.TimeoutError, OSError) as error:
        raise Refused(Code.UNAVAILABLE) from error
    except sa.exc.DBAPIError as error:
        if not _is_outage(error):
            raise
        raise Refused(Code.UNAVAILABLE) from error


def _is_outage(error: sa.exc.DBAPIError) -> bool:
    """Whether a statement failed for want of the database; anything else is a bug of ours."""
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_OUTAGES
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or state.startswith(_POSTGRESQL_OUTAGES)


def _filesystem_of(path: Path) -> str:
    """The kind of filesystem a path is on, where the system tells; otherwise an empty text."""
    mounts = Path("/proc/self/mounts")
    if not mounts.exists():
        return ""
    best, kind = "", ""
    for line in mounts.read_text().splitlines():
        _, point, mounted, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, mounted
    return kind
