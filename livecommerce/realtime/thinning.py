"""Which lines of a giant room its viewers are not shown: more than anybody can read."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from livecommerce.realtime.publications import Publication
from livecommerce.realtime.settings import HubSettings

NONE: frozenset[str] = frozenset()


class Thinner:
    """The budget of one room on one node, in spare lines a second.

    Nothing else is ever left out. Each node decides for its own viewers, so that neither the
    publisher nor the wire between nodes has to know how many watch.

    Args:
        viewers: how many are in the room, on all nodes.
    """

    def __init__(self, settings: HubSettings, *, viewers: Callable[[], int]) -> None:
        self._settings = settings
        self._viewers = viewers
        self._left = settings.spare_per_s
        self._left_s = float("-inf")

    def left_out(self, publications: Sequence[Publication], now_s: float) -> frozenset[str]:
        """Ids of those of a batch that viewers are not shown.

        Of more than fit every line has the same chance, whenever in the batch it was said.
        """
        spare = [each.id for each in publications if each.is_spare]
        if not spare or self._viewers() < self._settings.thin_from_viewers:
            return NONE
        rate_per_s = self._settings.spare_per_s
        elapsed_s = max(0.0, now_s - self._left_s)
        self._left_s = now_s
        # At most a second's worth at once: a burst of more is no easier to read.
        self._left = min(rate_per_s, self._left + elapsed_s * rate_per_s)
        fitting = min(int(self._left), len(spare))
        self._left -= fitting
        if fitting == len(spare):
            return NONE
        return frozenset(spare).difference(random.sample(spare, fitting))
