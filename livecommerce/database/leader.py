"""Which of several processes does the periodic jobs."""

from __future__ import annotations

from typing import Any

import asyncpg

from livecommerce.database.engine import Database
from livecommerce.database.group_commit.postgresql import connect_arguments

_SESSION = {"application_name": "livecommerce leader", "idle_session_timeout": "0"}
_ANSWER_S = 2.0


class Leadership:
    """A named part that at most one process plays at a time.

    PostgreSQL: a session's advisory lock, so it passes on when the process or its connection dies.
    SQLite has one process, which always leads. The old leader may still be finishing a round when
    the next one begins: jobs change rows only through the writer, whose guards make that harmless.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._connection: Any = None

    async def held(self) -> bool:
        """Whether this process leads now; takes a free lead. Ask before each round."""
        if self._database.dialect == "sqlite":
            return True
        try:
            if self._connection is not None and not self._connection.is_closed():
                await self._connection.fetchval("SELECT 1")
                return True
            return await self._take()
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            self._drop()
            return False

    async def close(self) -> None:
        """Give up the lead. A database that does not answer takes it back by itself."""
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=_ANSWER_S)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            connection.terminate()

    async def _take(self) -> bool:
        connection = await asyncpg.connect(
            **connect_arguments(self._database.url),
            server_settings=_SESSION,
            timeout=_ANSWER_S,
            command_timeout=_ANSWER_S,
        )
        taken: bool = await connection.fetchval(
            "SELECT pg_try_advisory_lock(hashtextextended($1, 0))", f"livecommerce {self._name}"
        )
        if taken:
            self._connection = connection
        else:
            await connection.close(timeout=_ANSWER_S)
        return taken

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
