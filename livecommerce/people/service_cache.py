"""What the database said a moment ago, for questions asked with every message of a room."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from livecommerce.kernel.clock import Clock

V = TypeVar("V")

FRESH_S: Final = 2.0
IDLE_S: Final = 60.0
"""What nobody has asked for so long is forgotten."""


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    loaded_mono_s: float
    asked_mono_s: float


class RecentValues(Generic[V]):
    """A value a key, never older than two seconds when it is given.

    `refresh` is called every second and loads all keys in use by one query, so that `get` finds
    its answer in memory; only the first to ask for a key waits for the database.
    """

    def __init__(
        self, load: Callable[[Collection[str]], Awaitable[Mapping[str, V]]], *, clock: Clock
    ) -> None:
        self._load = load
        self._clock = clock
        self._entries: dict[str, _Entry[V]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        # Counts what was forgotten: a value that was being read meanwhile may be from before.
        self._forgotten = 0

    def peek(self, key: str) -> V | None:
        """Returns the value if it is here and fresh; never waits."""
        entry = self._entries.get(key)
        now_s = self._clock.mono_s()
        if entry is None or now_s - entry.loaded_mono_s > FRESH_S:
            return None
        entry.asked_mono_s = now_s
        return entry.value

    async def get(self, key: str) -> V:
        """Returns the value; many who ask at once cause one query."""
        value = self.peek(key)
        while value is None:
            lock = self._locks.setdefault(key, asyncio.Lock())
            try:
                async with lock:
                    value = self.peek(key)
                    if value is None:
                        value = await self._load_one(key)
            finally:
                if not lock.locked():
                    self._locks.pop(key, None)
        return value

    async def refresh(self) -> None:
        """Loads the keys in use again, and forgets the others."""
        now_s = self._clock.mono_s()
        for key, entry in list(self._entries.items()):
            if now_s - entry.asked_mono_s > IDLE_S:
                del self._entries[key]
        keys = list(self._entries)
        if not keys:
            return
        forgotten = self._forgotten
        values = await self._load(keys)
        if forgotten != self._forgotten:
            return
        for key, value in values.items():
            if (current := self._entries.get(key)) is not None:
                current.value, current.loaded_mono_s = value, now_s

    def forget(self, key: str) -> None:
        """Has the value read anew; called after it was changed."""
        self._forgotten += 1
        self._entries.pop(key, None)

    async def _load_one(self, key: str) -> V:
        while True:
            forgotten, now_s = self._forgotten, self._clock.mono_s()
            value = (await self._load([key]))[key]
            if forgotten == self._forgotten:
                self._entries[key] = _Entry(value, now_s, now_s)
                return value
