"""How soon a node that died is started again, and when that is no use any more."""

from __future__ import annotations

from typing import Final

STEADY_S: Final = 10.0
"""A node that served for so long did not die of what it met when it started."""
EARLY_MAX: Final = 5
WAIT_MIN_S: Final = 0.5
WAIT_MAX_S: Final = 8.0


class Patience:
    """Counts how often in a row a node died early."""

    def __init__(self) -> None:
        self._early = 0

    def after(self, served_s: float) -> float | None:
        """How long to wait before the next start, in seconds; None: the next one would die too.

        Args:
            served_s: seconds since the node was ready; 0 for one that never was.
        """
        if served_s >= STEADY_S:
            self._early = 0
            return 0.0
        self._early += 1
        if self._early >= EARLY_MAX:
            return None
        # Once is chance: somebody killed it, or it met something rare.
        return 0.0 if self._early == 1 else min(WAIT_MAX_S, WAIT_MIN_S * 2 ** (self._early - 2))
