"""What the database said a moment ago, for questions asked with every message of a room."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from math import inf
from typing import Final, Generic, TypeVar

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Refused

V = TypeVar("V")

FRESH_S: Final = 2.0
IDLE_S: Final = 60.0
"""What nobody has asked for so long is not kept up to date any more."""
ENTRIES_MAX: Final = 100_000
BATCH_MAX: Final = 500
FAILURE_S: Final = 0.5


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    loaded_mono_s: float
    asked_mono_s: float


class RecentValues(Generic[V]):
    """A value a key, no older than asked for when it is given.

    All who wait for the database share its next answer: ten thousand buyers who come at once cost
    twenty queries. Where `refresh` is called every second, nobody waits but the first to ask.
    """

    def __init__(
        self, load: Callable[[Collection[str]], Awaitable[Mapping[str, V]]], *, clock: Clock
    ) -> None:
        self._load = load
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._wanted: dict[str, None] = {}
        self._loading = asyncio.Lock()
        # What is forgotten while it is being read may have been read from before the change.
        self._forgotten: set[str] = set()
        self._failed: tuple[float, Refused] | None = None

    def peek(self, key: str, *, age_s: float = FRESH_S) -> V | None:
        """Returns the value if it is here and no older than `age_s`; never waits."""
        entry = self._entries.get(key)
        now_s = self._clock.mono_s()
        if entry is None or now_s - entry.loaded_mono_s > age_s:
            return None
        entry.asked_mono_s = now_s
        return entry.value

    async def get(self, key: str, *, age_s: float = FRESH_S) -> V:
        """Returns the value, reading it if it must be. Raises Refused(UNAVAILABLE)."""
        value = self.peek(key, age_s=age_s)
        while value is None:
            self._wanted[key] = None
            async with self._loading:
                value = self.peek(key, age_s=age_s)
                if value is None:
                    self._refuse_after_failure()
                    keys = {key: None, **dict.fromkeys(islice(self._wanted, BATCH_MAX))}
                    await self._read(keys)
                    # Taken however long the reading took: asked again, a slow database would
                    # only be slower. None when it was forgotten meanwhile.
                    value = self.peek(key, age_s=inf)
        return value

    async def get_many(self, keys: Collection[str], *, age_s: float = FRESH_S) -> dict[str, V]:
        """Returns the values of several keys, reading those that must be together."""
        for key in keys:
            if self.peek(key, age_s=age_s) is None:
                self._wanted[key] = None
        return {key: await self.get(key, age_s=age_s) for key in keys}

    async def refresh(self) -> None:
        """Reads the keys in use again."""
        now_s = self._clock.mono_s()
        hot = [key for key, entry in self._entries.items() if now_s - entry.asked_mono_s <= IDLE_S]
        for first in range(0, len(hot), BATCH_MAX):
            async with self._loading:
                await self._read(hot[first : first + BATCH_MAX])

    def forget(self, key: str) -> None:
        """Has the value read anew; called after it was changed."""
        self._forgotten.add(key)
        self._entries.pop(key, None)

    def _refuse_after_failure(self) -> None:
        # A thousand who wait must not each find out for themselves that the database is away.
        if self._failed is not None and self._clock.mono_s() - self._failed[0] < FAILURE_S:
            raise self._failed[1]

    async def _read(self, keys: Iterable[str]) -> None:
        self._forgotten.clear()
        started_s = self._clock.mono_s()
        wanted = list(keys)
        for key in wanted:
            self._wanted.pop(key, None)
        try:
            values = await self._load(wanted)
        except Refused as refused:
            self._failed = started_s, refused
            raise
        for key, value in values.items():
            if key in self._forgotten:
                continue
            before = self._entries.get(key)
            asked_s = started_s if before is None else before.asked_mono_s
            self._entries[key] = _Entry(value, started_s, asked_s)
        while len(self._entries) > ENTRIES_MAX:
            self._entries.popitem(last=False)
