"""When a room's pending events leave this node, and the outgoing side of the Publisher port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.protocol.events import EVERYONE, Event, Lane, StateEvent
from livecommerce.realtime.backplane.base import Backplane, Tell
from livecommerce.realtime.publications import Batch, Position, Publication, publication_of
from livecommerce.realtime.settings import HubSettings

log = structlog.get_logger()

FORGET_S = 60.0


def tick_s(viewers: int, write_s: float, settings: HubSettings) -> float:
    """How long a room waits between two batches: long enough that writing them takes at most
    `flush_share` of a core, and never so long that a person would notice."""
    wanted_s = viewers * write_s / settings.flush_share
    return min(max(wanted_s, settings.tick_min_ms / 1000), settings.tick_max_ms / 1000)


class Pending:
    """What one room is going to be told with the next batch."""

    __slots__ = (
        "_held_back",
        "_ids",
        "_logged",
        "_loose",
        "_slots",
        "_told_s",
        "due_s",
        "flushed_s",
        "timer",
    )

    def __init__(self) -> None:
        self.flushed_s = float("-inf")
        self.due_s = float("inf")
        self.timer: asyncio.Handle | None = None
        self._logged: list[Publication | None] = []
        self._ids: set[str] = set()
        self._slots: dict[tuple[str, str], int] = {}
        self._loose: dict[tuple[str, str, str], Publication] = {}
        self._told_s: dict[tuple[str, str], float] = {}
        """When each paced key was last let through."""
        self._held_back: dict[tuple[str, str], Publication] = {}

    def __len__(self) -> int:
        return len(self._logged) + len(self._loose)

    def add(self, publication: Publication) -> bool:
        """Returns False for what is pending already."""
        if not publication.is_logged:
            # A counter replaces its earlier value; ephemeral events stand under their own id.
            unkeyed = "" if publication.key else publication.id
            self._loose[(*publication.slot, unkeyed)] = publication
            return True
        if publication.id in self._ids:
            return False
        self._ids.add(publication.id)
        if publication.lane is Lane.STATE:
            held = self._slots.get(publication.slot)
            if held is not None:
                earlier = self._logged[held]
                assert earlier is not None
                if earlier.version > publication.version:
                    return True
                self._logged[held] = None
            self._slots[publication.slot] = len(self._logged)
        self._logged.append(publication)
        return True

    def hold_back(self, publication: Publication, pace_s: float, now_s: float) -> float | None:
        """Keeps a value whose key was told too short a while ago, the latest only.

        Returns None for what may be added now; otherwise how long until `let_through` is due, or
        0.0 when it is waited for already.
        """
        slot = publication.slot
        held = self._held_back.get(slot)
        if held is not None and held.version > publication.version:
            return 0.0
        wait_s = self._told_s.get(slot, float("-inf")) + pace_s - now_s
        if pace_s <= 0.0 or wait_s <= 0.0:
            self._held_back.pop(slot, None)
            if pace_s > 0.0:
                self._told_s[slot] = now_s
            return None
        self._held_back[slot] = publication
        return wait_s if held is None else 0.0

    def let_through(self, slot: tuple[str, str], now_s: float) -> bool:
        """Adds the value of a key that was held back. False: something newer has overtaken it."""
        publication = self._held_back.pop(slot, None)
        if publication is None:
            return False
        self._told_s[slot] = now_s
        return self.add(publication)

    @property
    def held_back(self) -> tuple[tuple[str, str], ...]:
        """The keys whose latest values wait."""
        return tuple(self._held_back)

    def take(self) -> Batch:
        batch = Batch(
            tuple(each for each in self._logged if each is not None), tuple(self._loose.values())
        )
        self._logged.clear()
        self._ids.clear()
        self._slots.clear()
        self._loose.clear()
        return batch


class TickingPublisher:
    """The Publisher of a node: gathers a room's events for a tick and gives them to the backplane.

    The first event of a quiet room leaves with the same turn of the loop; what follows waits for
    the tick, urgent events at most `urgent_ms`.

    Args:
        pace: (room_id) -> seconds between two batches of that room.
        floor: (room_id) -> the highest offset this node has seen there.
    """

    def __init__(
        self,
        *,
        backplane: Backplane,
        clock: Clock,
        settings: HubSettings,
        pace: Callable[[str], float],
        floor: Callable[[str], int],
    ) -> None:
        self._backplane = backplane
        self._clock = clock
        self._settings = settings
        self._pace = pace
        self._floor = floor
        self._pending: dict[str, Pending] = {}
        self.published = 0
        self.batches = 0
        self.failures = 0

    def publish(self, room_id: str, event: Event, *, audience: str = EVERYONE) -> None:
        """See `Publisher.publish`. Call it on the loop's thread."""
        pending = self._pending.get(room_id)
        if pending is None:
            pending = self._pending[room_id] = Pending()
        publication = publication_of(event, audience)
        if isinstance(event, StateEvent):
            now_s = self._clock.mono_s()
            wait_s = pending.hold_back(publication, event.pace_ms / 1000, now_s)
            if wait_s is not None:
                if wait_s > 0.0:
                    loop = asyncio.get_running_loop()
                    loop.call_later(wait_s, self._let_through, room_id, pending, publication.slot)
                return
        if not pending.add(publication):
            return
        self.published += 1
        self._schedule(room_id, pending, is_urgent=event.urgent)

    def _let_through(self, room_id: str, pending: Pending, slot: tuple[str, str]) -> None:
        if pending.let_through(slot, self._clock.mono_s()):
            self.published += 1
            self._schedule(room_id, pending, is_urgent=False)

    def tell(self, person_id: str, event: Event) -> None:
        """See `Publisher.tell`."""
        self._backplane.signal(Tell(person_id, publication_of(event).json))

    def flush_all(self) -> None:
        """Publishes what is pending everywhere, now: before the node goes away."""
        for room_id, pending in list(self._pending.items()):
            for slot in pending.held_back:
                self._let_through(room_id, pending, slot)
            self._flush(room_id, pending)

    def forget_quiet(self) -> None:
        """Lets go of rooms nobody has told anything for a while. Call it now and then."""
        before_s = self._clock.mono_s() - FORGET_S
        for room_id, pending in list(self._pending.items()):
            if not len(pending) and pending.flushed_s < before_s:
                del self._pending[room_id]

    def _schedule(self, room_id: str, pending: Pending, *, is_urgent: bool) -> None:
        now_s = self._clock.mono_s()
        due_s = pending.flushed_s + self._pace(room_id)
        if is_urgent:
            due_s = min(due_s, now_s + self._settings.urgent_ms / 1000)
        if len(pending) >= self._settings.batch_events_max:
            due_s = now_s
        due_s = max(due_s, now_s)
        if pending.timer is not None:
            if pending.due_s <= due_s:
                return
            pending.timer.cancel()
        pending.due_s = due_s
        loop = asyncio.get_running_loop()
        if due_s <= now_s:
            # Not at once: a committed batch publishes many events in one go.
            pending.timer = loop.call_soon(self._flush, room_id, pending)
        else:
            pending.timer = loop.call_later(due_s - now_s, self._flush, room_id, pending)

    def _flush(self, room_id: str, pending: Pending) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
            pending.timer = None
        pending.due_s = float("inf")
        if not len(pending):
            return
        pending.flushed_s = self._clock.mono_s()
        self.batches += 1
        batch = pending.take()
        published = self._backplane.publish(room_id, batch, floor=self._floor(room_id))
        published.add_done_callback(self._note_failure)

    def _note_failure(self, published: asyncio.Future[Position]) -> None:
        if not published.cancelled() and (error := published.exception()) is not None:
            # What must not be lost has an outbox row and is published again by its relay.
            self.failures += 1
            log.error("batch not published", exc_info=error)
