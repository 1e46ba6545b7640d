"""Answers a stampede on sold-out units from memory, for half a second at a time.

The latch is advice, never truth: it only says no, and only for as long as it takes a released unit
to be worth a look. Whoever has taken units of the same level lately is let through to the writer,
because they may be repeating a purchase whose answer got lost.
"""

from __future__ import annotations

from livecommerce.kernel.clock import Clock

LIFE_S = 0.5
_LATCHES_MAX = 10_000


class SoldOutLatch:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._shut: dict[str, tuple[float, frozenset[str]]] = {}

    def is_shut(self, key: str, person_id: str) -> bool:
        """Tells whether this person can be told `sold_out` without asking the database."""
        shut = self._shut.get(key)
        if shut is None:
            return False
        until_s, holders = shut
        if self._clock.mono_s() >= until_s:
            del self._shut[key]
            return False
        return person_id not in holders

    def is_known(self, key: str) -> bool:
        """Tells whether the latch is shut now, for anybody."""
        shut = self._shut.get(key)
        return shut is not None and self._clock.mono_s() < shut[0]

    def shut(self, key: str, holders: frozenset[str]) -> None:
        """Shuts it for all but those who hold or bought units."""
        if len(self._shut) >= _LATCHES_MAX:
            self._shut.clear()
        self._shut[key] = (self._clock.mono_s() + LIFE_S, holders)

    def open(self, key: str) -> None:
        """A unit came back."""
        self._shut.pop(key, None)
