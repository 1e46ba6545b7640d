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
    """What PostgreSQL says, carried on by this machine's monotonic clock.

    Sales begin and end, holds expire and tokens are valid by the wall clock of the process that
    decides. A machine whose clock is wrong would sell before the others do, and one whose clock is
    set while it serves would let go of everything on hold. With SQLite there is one process, and
    this is its machine's clock.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._zero_ms: float | None = None
        """The wall clock when the monotonic one said zero; None before the database was asked."""

    def now_ms(self) -> int:
        if self._zero_ms is None:
            return self._clock.now_ms()
        return round(self._zero_ms + self._clock.mono_s() * 1000)

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
        asked_ms = self._clock.mono_s() * 1000
        here_ms = self._clock.now_ms() - asked_ms if self._zero_ms is None else self._zero_ms
        try:
            row = await database.fetch_one(_NOW)
        except Refused:
            return
        assert row is not None
        took_ms = self._clock.mono_s() * 1000 - asked_ms
        ahead_ms = row["now"] - asked_ms - took_ms / 2 - here_ms
        if abs(ahead_ms) > TOLERATED_MS + took_ms / 2:
            log.warning("this clock is not the database's", difference_ms=round(ahead_ms))
            here_ms += ahead_ms
        self._zero_ms = here_ms

    async def _keep_looking(self, database: Database) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look(database)
            except Exception:
                log.exception("the database's clock was not read")
