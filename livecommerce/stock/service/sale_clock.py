"""Moves flash sales along when their moments come, to the millisecond, on the server's clock."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
import structlog

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused
from livecommerce.stock import flash_sales, store
from livecommerce.stock.service.holding import Holding
from livecommerce.stock.service.sales import Tick

# Sales planned by another process are noticed this late at most; a warm-up is longer.
POLL_S = 1.0

_log = structlog.get_logger(__name__)


class SaleClock:
    """A timer over all sales. Every process may run one; whoever comes second stores nothing."""

    def __init__(self, *, database: Database, clock: Clock, holding: Holding) -> None:
        self._database = database
        self._clock = clock
        self._holding = holding
        self._news = asyncio.Event()

    def look(self) -> None:
        """A sale was planned, started or ended here: its moments may be near."""
        self._news.set()

    async def run(self) -> None:
        """Runs until cancelled. An outage of the database delays it, nothing else."""
        while True:
            wait_s = POLL_S
            self._news.clear()
            try:
                wait_s = min(POLL_S, await self.tick())
            except Refused as refused:
                _log.warning("sale_clock_waits", code=refused.code.value)
            try:
                async with asyncio.timeout(wait_s):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def tick(self) -> float:
        """Moves all sales whose moment has come; returns the seconds until the next one."""
        sales = await self._database.fetch(store.clocked_sales())
        now = self._clock.now_ms()
        due = [row for row in sales if _moment(row) <= now]
        moved = await asyncio.gather(*(self._move(row) for row in due))
        if due:
            # One sale that cannot be moved must not hold up the others, nor be tried in a spin.
            return 0.0 if all(moved) else POLL_S
        return max(0.001, (min(map(_moment, sales), default=now + 60_000) - now) / 1000)

    async def _move(self, row: sa.RowMapping) -> bool:
        """Moves one sale; False when it could not be."""
        write = Tick(sale_id=row["id"], level_id=row["level_id"], holding=self._holding)
        try:
            if await self._database.writer.submit(write):
                _log.info("sale_moved_by_clock", sale_id=row["id"], was=row["phase"])
        except Refused:
            raise
        except Exception:  # noqa: BLE001 - logged, and tried again
            _log.exception("sale_not_moved", sale_id=row["id"])
            return False
        return True


def _moment(row: sa.RowMapping) -> int:
    moment = flash_sales.next_moment(store.sale_of(row))
    assert moment is not None
    return moment
