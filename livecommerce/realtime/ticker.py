"""When a room's pending events leave this node, and the outgoing side of the Publisher port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.events import EVERYONE, Event, StateEvent
from livecommerce.realtime.backplane.base import AnySignal, Backplane, Tell
from livecommerce.realtime.pending import Pending, Receipt, parts_of, settle_when_done
from livecommerce.realtime.publications import Position, Publication, publication_of
from livecommerce.realtime.settings import HubSettings

log = structlog.get_logger()

FORGET_S = 60.0
COMPLAIN_EVERY_S = 5.0
RETRY_AFTER_MS = 2_000
"""What somebody is told to wait whose line cannot be published now."""


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
        self._complained_s = float("-inf")

    def publish(
        self,
        room_id: str,
        event: Event,
        *,
        audience: str = EVERYONE,
        concerns: tuple[str, ...] = (),
    ) -> None:
        """See `Publisher.publish`. Call it on the loop's thread."""
        self._add(room_id, event, publication_of(event, audience, concerns))

    def deliver(self, room_id: str, event: Event, *, audience: str = EVERYONE) -> Receipt:
        """Publishes what is stored, and says when that need not be done again.

        A value that a later one replaced on its way counts as published with that one.

        Raises (in the future):
            ConnectionError: the backplane may not have it.
        """
        publication = publication_of(event, audience)
        pending = self._add(room_id, event, publication)
        return pending.receipt_of(publication.slot)

    def deliver_to(self, person_id: str, event: Event) -> Receipt:
        """Tells a person what is stored. Raises (in the future) as `deliver` does."""
        return self.signal(Tell(person_id, publication_of(event).json, event.id))

    def signal(self, signal: AnySignal) -> Receipt:
        """Tells the hubs of all nodes; a failure is counted here. See `Backplane.signal`."""
        receipt = self._backplane.signal(signal)
        receipt.add_done_callback(self._note_failure)
        return receipt

    def is_accepting(self) -> bool:
        """False while what is published would wait for long, or be refused."""
        return self._backplane.is_accepting()

    def check_accepting(self) -> None:
        """See `Publisher.check_accepting`."""
        if not self.is_accepting():
            raise Refused(Code.UNAVAILABLE, retry_after_ms=RETRY_AFTER_MS)

    def _add(self, room_id: str, event: Event, publication: Publication) -> Pending:
        pending = self._pending.get(room_id)
        if pending is None:
            pending = self._pending[room_id] = Pending()
        if isinstance(event, StateEvent):
            now_s = self._clock.mono_s()
            wait_s = pending.hold_back(publication, event.pace_ms / 1000, now_s)
            if wait_s is not None:
                if wait_s > 0.0:
                    loop = asyncio.get_running_loop()
                    loop.call_later(wait_s, self._let_through, room_id, pending, publication.slot)
                return pending
        if pending.add(publication):
            self.published += 1
            self._schedule(room_id, pending, is_urgent=event.urgent)
        return pending

    def _let_through(self, room_id: str, pending: Pending, slot: tuple[str, str]) -> None:
        if pending.let_through(slot, self._clock.mono_s()):
            self.published += 1
            self._schedule(room_id, pending, is_urgent=False)

    def tell(self, person_id: str, event: Event) -> None:
        """See `Publisher.tell`."""
        _ = self.deliver_to(person_id, event)

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
        batch, receipt = pending.take()
        settings = self._settings
        published: list[asyncio.Future[Position]] = []
        for part in parts_of(batch, settings.batch_events_max, settings.batch_bytes_max):
            self.batches += 1
            at = self._backplane.publish(room_id, part, floor=self._floor(room_id))
            at.add_done_callback(self._note_failure)
            published.append(at)
        if receipt is not None:
            settle_when_done(published, receipt)

    def _note_failure(self, published: asyncio.Future[Any]) -> None:
        """Counts what the backplane refused. What must not be lost has an outbox row; without its
        receipt it stays unmarked there and is published again by the relay."""
        if published.cancelled() or (error := published.exception()) is None:
            return
        self.failures += 1
        now_s = self._clock.mono_s()
        if now_s - self._complained_s >= COMPLAIN_EVERY_S:
            self._complained_s = now_s
            log.error("not published", error=str(error), failures=self.failures)
