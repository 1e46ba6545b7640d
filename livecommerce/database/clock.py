"""The time of a shop: that of its database, so that all its processes have the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import sqlalchemy as sa
import structlog

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused

log = structlog.get_logger()

LOOK_EVERY_S = 10.0
TOLERATED_MS = 100
"""Differences below this are the network's, or an NTP's at work; they are left alone."""
_NOW = sa.text("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now")


class DatabaseClock:
    """This machine's clock, set right by what PostgreSQL says.

    Sales begin and end, holds expire and tokens are valid by the wall clock of the process that
    decides. A machine whose clock is wrong would sell before the others do. With SQLite there is
    one process, and this is its machine's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = 0

    def now_ms(self) -> int:
        return self._clock.now_ms() + self._ahead_ms

    def mono_s(self) -> float:
        return self._clock.mono_s()

    @contextlib.asynccontextmanager
    async def kept(self, database: Database) -> AsyncIterator[None]:
        """Right from here on, and looked after until the way out."""
        if database.dialect == "sqlite":
            yield
            return
        await self.look(database)
        looking = asyncio.create_task(self._keep_looking(database), name="clock")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait([looking])

    async def look(self, database: Database) -> None:
        """Compares once. A database that is away is asked again next time."""
        asked_ms, asked_s = self._clock.now_ms(), self._clock.mono_s()
        try:
            row = await database.fetch_one(_NOW)
        except Refused:
            return
        assert row is not None
        took_ms = (self._clock.mono_s() - asked_s) * 1000
        ahead_ms = round(row["now"] - asked_ms - took_ms / 2)
        if abs(ahead_ms - self._ahead_ms) > TOLERATED_MS + took_ms / 2:
            log.warning("this clock is not the database's", difference_ms=ahead_ms)
            self._ahead_ms = ahead_ms

    async def _keep_looking(self, database: Database) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look(database)
