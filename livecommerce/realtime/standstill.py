"""Notices that this process was stopped for a while, as a paused machine is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from livecommerce.kernel.clock import Clock

log = structlog.get_logger()

CATCH_UP_S = 5.0


class Standstill:
    """Has newcomers wait until what the process knows has been compared with what is true.

    A process that goes on finds newcomers and what it missed in its buffers, and takes them in any
    order.

    Args:
        limit_s: a process that has not turned for so long was stopped.
        catch_up: compares everything and returns when it is repaired; may take `CATCH_UP_S`.
    """

    def __init__(
        self, *, clock: Clock, limit_s: float, catch_up: Callable[[], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._limit_s = limit_s
        self._catch_up = catch_up
        # Nothing is missed before the first turn.
        self._turned_s = float("inf")
        self._catching_up: asyncio.Task[None] | None = None

    def turn(self) -> None:
        """Call it all the time."""
        if not self.is_behind():
            self._turned_s = self._clock.mono_s()

    def is_behind(self) -> bool:
        """True from the first question after a stop until everything has been compared."""
        now_s = self._clock.mono_s()
        if self._catching_up is None and now_s - self._turned_s > self._limit_s:
            log.warning("this node stood still", seconds=round(now_s - self._turned_s, 1))
            self._catching_up = asyncio.create_task(self._run())
        return self._catching_up is not None

    async def over(self) -> None:
        """Returns when the process is not behind."""
        if self._catching_up is not None:
            # Others wait for it too.
            await asyncio.shield(self._catching_up)

    async def close(self) -> None:
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.wait([self._catching_up])

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(CATCH_UP_S):
                await self._catch_up()
        except TimeoutError:
            log.warning("newcomers are let in before everything is repaired")
        except Exception:
            log.exception("catching up failed")
        finally:
            self._turned_s = self._clock.mono_s()
            self._catching_up = None
