"""How many different ones each room has had: an estimate over all nodes, for its staff."""

from __future__ import annotations

from collections.abc import Callable, Collection

from livecommerce.protocol.events import STAFF, VolatileEvent
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.publications import Publication, publication_of
from livecommerce.realtime.settings import HubSettings

PENDING_MAX = 20_000
"""New ones of one room between two reports; more than that only while the backplane is away."""

VisitorsEvent = Callable[[str, int], VolatileEvent]


class Visitors:
    """Who came since the last report, and the counts of all nodes as last reported.

    Names leave this node for the backplane only, which counts them and keeps none that could be
    read back.

    Args:
        show: hands a changed count to the staff on this node.
    """

    def __init__(
        self,
        *,
        backplane: Backplane,
        settings: HubSettings,
        visitors_event: VisitorsEvent | None,
        show: Callable[[str, Publication], None],
    ) -> None:
        self._backplane = backplane
        self._settings = settings
        self._visitors_event = visitors_event
        self._show = show
        self._pending: dict[str, set[str]] = {}
        self._totals: dict[str, int] = {}

    def saw(self, room_id: str, name: str) -> None:
        """Somebody came. `name` is the same whenever the same one comes."""
        pending = self._pending.setdefault(room_id, set())
        if len(pending) < PENDING_MAX:
            pending.add(name)

    def total(self, room_id: str) -> int:
        """Different ones on all nodes, as last reported."""
        return self._totals.get(room_id, 0)

    async def report(self, room_ids: Collection[str]) -> None:
        """Reports who came and tells the staff of the rooms whose count has changed.

        Args:
            room_ids: the rooms that somebody is in.
        """
        seen = {room_id: self._pending.get(room_id, set()) for room_id in room_ids}
        # Who came and has left already counts, too.
        seen.update(self._pending)
        self._pending = {}
        try:
            totals = await self._backplane.count_visitors(
                seen, keep_s=self._settings.visitors_keep_s
            )
        except BaseException:
            for room_id, names in seen.items():
                for name in names:
                    self.saw(room_id, name)
            raise
        for room_id, total in totals.items():
            if self._totals.get(room_id) != total and self._visitors_event is not None:
                event = self._visitors_event(room_id, total)
                self._show(room_id, publication_of(event, STAFF))
        self._totals = dict(totals)
