"""When a room is written to: at once after quiet, then once a tick, urgent events sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.settings import HubSettings

SHORTER = 0.8
"""A room's tick by that of a node that publishes there. Were it as long, what was late once would
be late for good while that node speaks on."""


def tick_s(viewers: int, write_s: float, settings: HubSettings) -> float:
    """How long a room waits between two batches: long enough that writing them takes at most
    `flush_share` of a core, and never so long that a person would notice."""
    wanted_s = viewers * write_s / settings.flush_share
    return min(max(wanted_s, settings.tick_min_ms / 1000), settings.tick_max_ms / 1000)


def next_due_s(due_s: float, tick_s: float, now_s: float) -> float:
    """When a room is due again that was due at `due_s` and is written to now.

    It may be one tick ahead: what a single node publishes once a tick is passed on at once, however
    unevenly the network brings it. Urgent events run no debts up that others would wait for.
    """
    return min(max(due_s + SHORTER * tick_s, now_s), now_s + SHORTER * tick_s)


class Pace:
    """Gathers what many nodes tell a room, as each of them gathers what it publishes itself.

    Args:
        write: writes all that waits; called when it is time to.
    """

    __slots__ = ("_clock", "_due_s", "_loop", "_timer", "_timer_s", "_urgent_s", "_write")

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        settings: HubSettings,
        write: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._urgent_s = settings.urgent_ms / 1000
        self._write = write
        self._due_s = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = float("inf")

    @property
    def is_waiting(self) -> bool:
        """What waits will be written by itself."""
        return self._timer is not None

    def ask(self, *, is_urgent: bool) -> None:
        """Has the room written to when that is due: now, or later."""
        now_s = self._clock.mono_s()
        due_s = self._due_s
        if is_urgent:
            due_s = min(due_s, now_s + self._urgent_s)
        if due_s <= now_s:
            self._act()
        elif due_s < self._timer_s:
            self.cancel()
            self._timer_s = due_s
            self._timer = self._loop.call_later(due_s - now_s, self._act)

    def spend(self, tick_s: float) -> None:
        """What is written now takes this tick of those to come."""
        self._due_s = next_due_s(self._due_s, tick_s, self._clock.mono_s())

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._timer_s = float("inf")

    def _act(self) -> None:
        self.cancel()
        self._write()
