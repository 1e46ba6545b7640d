"""The backplane of a single node, and the reference every other one is tested against."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Mapping
from itertools import islice

import msgspec

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import Lane
from livecommerce.realtime.backplane.base import AnySignal, History, Receiver
from livecommerce.realtime.publications import Batch, Delivery, Position, Publication

IDS_MAX = 20_000
"""Ids remembered per room, at most."""
IDS_S = 300.0
"""How long at least: far beyond what a relay of this process repeats."""
_MARK_S = 30.0
KEYED_MAX = 10_000
VISITORS_MAX = 500_000
"""Visitors remembered in all rooms together, as hashes: more than one process serves in hours."""


class _Log:
    """One room's log. Offsets of `ring` run from `top - len(ring) + 1` to `top`."""

    __slots__ = ("bytes_kept", "epoch", "ids", "keyed", "marks", "ring", "top", "touched_s")

    def __init__(self, epoch: str, top: int, now_s: float) -> None:
        self.epoch = epoch
        self.top = top
        self.ring: deque[tuple[float, Publication]] = deque()
        self.bytes_kept = 0
        self.ids: OrderedDict[str, int] = OrderedDict()
        self.marks: deque[tuple[float, int]] = deque()
        """What `top` was, every half a minute."""
        self.keyed: OrderedDict[tuple[str, str], Publication] = OrderedDict()
        self.touched_s = now_s

    def append(self, publication: Publication, now_s: float) -> None:
        self.top += 1
        self.ring.append((now_s, publication))
        self.bytes_kept += len(publication.json)
        self.ids[publication.id] = self.top
        if len(self.ids) > IDS_MAX:
            self.ids.popitem(last=False)
        for redacted in publication.redacts:
            self.withdraw(redacted)

    def withdraw(self, publication_id: str) -> None:
        offset = self.ids.get(publication_id)
        if offset is None:
            return
        index = offset - (self.top - len(self.ring) + 1)
        if 0 <= index < len(self.ring):
            at_s, publication = self.ring[index]
            self.bytes_kept -= len(publication.json)
            self.ring[index] = at_s, msgspec.structs.replace(publication, json=b"")

    def keep_value(self, publication: Publication) -> None:
        held = self.keyed.get(publication.slot)
        if held is None or publication.version >= held.version:
            self.keyed[publication.slot] = publication
            if len(self.keyed) > KEYED_MAX:
                self.keyed.popitem(last=False)

    def trim(self, now_s: float, keep_s: float, keep_bytes: int) -> None:
        ring = self.ring
        while ring and (ring[0][0] < now_s - keep_s or self.bytes_kept > keep_bytes):
            self.bytes_kept -= len(ring.popleft()[1].json)
        self._forget_ids(now_s)

    def _forget_ids(self, now_s: float) -> None:
        marks, ids = self.marks, self.ids
        if not marks or now_s - marks[-1][0] >= _MARK_S:
            marks.append((now_s, self.top))
        while marks and now_s - marks[0][0] > IDS_S:
            _, top = marks.popleft()
            while ids and next(iter(ids.values())) <= top:
                ids.popitem(last=False)


class MemoryBackplane:
    """Everything in this process; delivery is a call. A restart begins new epochs."""

    def __init__(
        self,
        *,
        clock: Clock,
        keep_s: float = 120.0,
        keep_bytes: int = 4 * 1024 * 1024,
        forget_s: float = 900.0,
    ) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._forget_s = forget_s
        self._receiver: Receiver | None = None
        self._subscribed: set[str] = set()
        self._logs: dict[str, _Log] = {}
        self._leases: dict[str, dict[str, tuple[int, float]]] = {}
        self._visitors: dict[str, tuple[set[int], float]] = {}
        self._swept_s = clock.mono_s()

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def start(self) -> None:
        pass

    def is_accepting(self) -> bool:
        return True

    def publish(self, room_id: str, batch: Batch, *, floor: int = 0) -> asyncio.Future[Position]:
        now_s = self._clock.mono_s()
        log = self._log(room_id, now_s, floor)
        fresh = []
        for publication in batch.logged:
            if publication.id not in log.ids:
                log.append(publication, now_s)
                fresh.append(publication)
                if publication.lane is Lane.STATE:
                    log.keep_value(publication)
        for publication in batch.loose:
            if publication.lane is Lane.VOLATILE:
                log.keep_value(publication)
        log.trim(now_s, self._keep_s, self._keep_bytes)
        position = Position(log.epoch, log.top - len(fresh) + 1, log.top)
        if (fresh or batch.loose) and room_id in self._subscribed and self._receiver is not None:
            delivery = Delivery(room_id, log.epoch, position.first, tuple(fresh), batch.loose)
            self._receiver.on_delivery(delivery)
        self._sweep(now_s)
        done: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
        done.set_result(position)
        return done

    def signal(self, signal: AnySignal) -> asyncio.Future[None]:
        if self._receiver is not None:
            self._receiver.on_signal(signal)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def subscribe(self, room_id: str) -> None:
        self._subscribed.add(room_id)

    async def unsubscribe(self, room_id: str) -> None:
        self._subscribed.discard(room_id)

    async def history(self, room_id: str, *, after: int = 0, epoch: str | None = None) -> History:
        log = self._log(room_id, self._clock.mono_s(), 0)
        kept = tuple(publication for _, publication in log.ring)
        if epoch is None:
            return History(log.epoch, log.top, kept)
        first = log.top - len(kept) + 1
        if epoch != log.epoch or after > log.top or after < first - 1:
            return History(log.epoch, log.top, None)
        return History(log.epoch, log.top, kept[after - first + 1 :])

    async def keyed(self, room_id: str) -> tuple[Publication, ...]:
        log = self._logs.get(room_id)
        return tuple(log.keyed.values()) if log is not None else ()

    async def positions(self, room_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
        logs = {room_id: self._logs[room_id] for room_id in room_ids if room_id in self._logs}
        return {room_id: (log.epoch, log.top) for room_id, log in logs.items()}

    async def report_viewers(
        self, node_id: str, counts: Mapping[str, int], *, lease_s: float
    ) -> Mapping[str, int]:
        now_s = self._clock.mono_s()
        totals = {}
        for room_id, count in counts.items():
            leases = self._leases.setdefault(room_id, {})
            leases[node_id] = (count, now_s + lease_s)
            living = {node: lease for node, lease in leases.items() if lease[1] > now_s}
            totals[room_id] = sum(lease[0] for lease in living.values())
            if totals[room_id]:
                self._leases[room_id] = living
            else:
                del self._leases[room_id]
        return totals

    async def count_visitors(
        self, seen: Mapping[str, Collection[str]], *, keep_s: float
    ) -> Mapping[str, int]:
        now_s = self._clock.mono_s()
        for room_id, (_, until_s) in list(self._visitors.items()):
            if until_s <= now_s:
                del self._visitors[room_id]
        totals = {}
        room_left = VISITORS_MAX - sum(len(known) for known, _ in self._visitors.values())
        for room_id, names in seen.items():
            known, _ = self._visitors.get(room_id, (set(), 0.0))
            before = len(known)
            known.update(map(hash, islice(names, max(0, room_left))))
            room_left -= len(known) - before
            self._visitors[room_id] = known, now_s + keep_s
            totals[room_id] = len(known)
        return totals

    async def probe(self) -> bool:
        return self._receiver is not None

    async def close(self) -> None:
        self._receiver = None
        self._subscribed.clear()

    def _log(self, room_id: str, now_s: float, floor: int) -> _Log:
        log = self._logs.get(room_id)
        if log is None:
            log = self._logs[room_id] = _Log(new_id(), floor, now_s)
        elif log.top < floor:
            # Offsets only grow; the new epoch alone makes old positions invalid.
            log = self._logs[room_id] = _Log(new_id(), floor, now_s)
        log.touched_s = now_s
        return log

    def _sweep(self, now_s: float) -> None:
        if now_s - self._swept_s < 60.0:
            return
        self._swept_s = now_s
        for room_id, log in list(self._logs.items()):
            if room_id not in self._subscribed and now_s - log.touched_s > self._forget_s:
                del self._logs[room_id]
