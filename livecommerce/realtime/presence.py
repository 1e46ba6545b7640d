"""How many watch each room: counts with leases, never a word about who came or went."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from livecommerce.kernel.clock import Clock
from livecommerce.protocol.events import VolatileEvent
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.publications import Publication, publication_of
from livecommerce.realtime.settings import HubSettings

ViewersEvent = Callable[[str, int], VolatileEvent]


class Presence:
    """The viewer counts of this node's rooms, and their sums over all nodes.

    Args:
        show: hands a changed count to the viewers on this node. Every node tells its own viewers,
            so that a count costs no message between nodes.
    """

    def __init__(
        self,
        *,
        node_id: str,
        backplane: Backplane,
        clock: Clock,
        settings: HubSettings,
        viewers_event: ViewersEvent | None,
        show: Callable[[str, Publication], None],
    ) -> None:
        self._node_id = node_id
        self._backplane = backplane
        self._clock = clock
        self._settings = settings
        self._viewers_event = viewers_event
        self._show = show
        self._totals: dict[str, int] = {}
        self._reported: dict[str, int] = {}
        self._reported_s = float("-inf")

    def total(self, room_id: str) -> int:
        """Viewers on all nodes as last reported."""
        return self._totals.get(room_id, 0)

    async def report(self, counts: Mapping[str, int]) -> None:
        """Reports this node's counts and tells the rooms whose sum has changed.

        Call it every `presence_s` with the rooms that are loaded. On this node alone nothing
        changed means nothing to do, until a third of the lease is over.
        """
        now_s = self._clock.mono_s()
        # A room that was unloaded is reported once more, as empty.
        all_counts = {**dict.fromkeys(self._reported, 0), **counts}
        if all_counts == self._reported and now_s - self._reported_s < (
            self._settings.presence_lease_s / 3
        ):
            return
        totals = await self._backplane.report_viewers(
            self._node_id, all_counts, lease_s=self._settings.presence_lease_s
        )
        self._reported = dict(counts)
        self._reported_s = now_s
        for room_id in counts:
            total = totals.get(room_id, counts[room_id])
            if self._totals.get(room_id) != total:
                self._totals[room_id] = total
                if self._viewers_event is not None:
                    event = self._viewers_event(room_id, total)
                    self._show(room_id, publication_of(event))
        for room_id in self._totals.keys() - counts.keys():
            del self._totals[room_id]
