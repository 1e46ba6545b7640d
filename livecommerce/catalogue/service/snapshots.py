"""Values read a moment ago: a stampede for one thing reads it once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from livecommerce.kernel.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

LIFE_S = 1.0
_KEPT_MAX = 20_000


class Snapshots(Generic[K, V]):
    """Keeps what `read` gave for a second; those who ask meanwhile share it, waiting or not.

    A refusal is told to all who waited for it and not kept.
    """

    def __init__(
        self, read: Callable[[K], Awaitable[V]], *, clock: Clock, life_s: float = LIFE_S
    ) -> None:
        self._read = read
        self._clock = clock
        self._life_s = life_s
        self._kept: dict[K, tuple[float, V]] = {}
        self._reading: dict[K, asyncio.Future[V]] = {}

    async def get(self, key: K, *, fresh: bool = False, other_than: V | None = None) -> V:
        """The value, at most a second old.

        Args:
            fresh: one that is read after this call.
            other_than: a value that has turned out to be outdated.
        """
        kept = self._kept.get(key)
        if kept is not None and not fresh and self._clock.mono_s() <= kept[0]:
            if kept[1] is not other_than:
                return kept[1]
            self.forget(key)
        reading = self._reading.get(key)
        if reading is None or fresh:
            reading = asyncio.ensure_future(self._read_now(key))
            self._reading[key] = reading
            reading.add_done_callback(lambda done: self._end(key, done))
        # One who gives up waiting does not take the value away from the others.
        return await asyncio.shield(reading)

    def forget(self, key: K) -> None:
        """The value has just changed."""
        self._kept.pop(key, None)
        self._reading.pop(key, None)

    async def _read_now(self, key: K) -> V:
        return await self._read(key)

    def _end(self, key: K, done: asyncio.Future[V]) -> None:
        if self._reading.get(key) is not done:
            return
        del self._reading[key]
        if not done.cancelled() and done.exception() is None:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            self._kept[key] = (self._clock.mono_s() + self._life_s, done.result())
