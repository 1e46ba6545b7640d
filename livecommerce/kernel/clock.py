"""Time, passed in. Rules never read a clock; services take one of these."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall clock, milliseconds since the epoch: for everything stored or sent."""
        ...

    def mono_s(self) -> float:
        """Monotonic seconds: for waits, limits and deadlines inside one process."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def mono_s(self) -> float:
        return time.monotonic()


class FakeClock:
    """A clock that stands still until it is advanced. Wall and monotonic time move together."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms
        self._start_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def mono_s(self) -> float:
        return (self._now_ms - self._start_ms) / 1000

    def advance(self, ms: int) -> None:
        self._now_ms += ms
