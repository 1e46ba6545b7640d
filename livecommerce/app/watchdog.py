"""Says where the event loop stands when it does not turn."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator

import structlog

log = structlog.get_logger()

PATIENCE_S = 0.3
"""A loop that has not turned for so long holds everybody up who is served by it."""
_STEP_S = 0.1
_STACK_MAX = 30


@contextlib.asynccontextmanager
async def watched_loop() -> AsyncIterator[None]:
    """Watches the loop it runs on, by a thread, until the way out."""
    watchdog = _Watchdog(asyncio.get_running_loop())
    watchdog.start()
    try:
        yield
    finally:
        watchdog.end()


class _Watchdog(threading.Thread):
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._loop = loop
        self._watched = threading.get_ident()
        self._turned_s = time.monotonic()
        self._ended = threading.Event()
        self._turn()

    def end(self) -> None:
        self._ended.set()
        self._timer.cancel()

    def run(self) -> None:
        looked_s, told_s = time.monotonic(), 0.0
        while not self._ended.wait(_STEP_S):
            now_s = time.monotonic()
            # Where this thread did not run either, the machine stood still, not the loop.
            is_awake = now_s - looked_s < PATIENCE_S
            looked_s, turned_s = now_s, self._turned_s
            if is_awake and now_s - turned_s > PATIENCE_S and turned_s != told_s:
                told_s = turned_s
                self._tell(now_s - turned_s)

    def _turn(self) -> None:
        self._turned_s = time.monotonic()
        self._timer = self._loop.call_later(_STEP_S, self._turn)

    def _tell(self, stands_s: float) -> None:
        frame = sys._current_frames().get(self._watched)
        stack = [] if frame is None else traceback.format_stack(frame)[-_STACK_MAX:]
        log.warning("the event loop is held up", seconds=round(stands_s, 2), stack="".join(stack))
