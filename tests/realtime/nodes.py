"""Several nodes over one Redis, viewers that keep book, and a shop that stores what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager

from livecommerce.kernel.clock import SystemClock
from livecommerce.protocol.codec import JSON
from livecommerce.realtime.backplane.base import AnySignal
from livecommerce.realtime.backplane.redis.backplane import RedisBackplane
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.publications import Delivery
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings
from tests.realtime.support import Said, Shelf, Viewer, likes, said, shelf

ROOM = "room"
SHELVES = ("a", "b")
HUB = HubSettings(
    tick_min_ms=1,
    presence_s=0.05,
    position_check_s=0.05,
    probe_s=0.1,
    recent_max=1_000,
    snapshot_bytes=1_000_000,
)
_CLOCK = SystemClock()


def redis_settings(*urls: str, **overrides) -> RedisSettings:
    """Settings of a node whose outages last milliseconds."""
    return RedisSettings(
        urls=urls, **{"retry_min_s": 0.01, "retry_max_s": 0.05, "probe_s": 0.5, **overrides}
    )


class Shop:
    """The database and the outbox: what is told is stored first, and told until it was heard."""

    def __init__(self) -> None:
        self.lines: list[Said] = []
        self.shelves: dict[str, Shelf] = {}
        self.loads = 0
        self.repeated = 0
        self._telling: set[asyncio.Task[None]] = set()

    async def load(self, room_id: str) -> RoomSeed:
        self.loads += 1
        await asyncio.sleep(0)
        return RoomSeed(state=list(self.shelves.values()), recent=list(self.lines))

    def say(self, node: Node, count: int = 1) -> None:
        """Stores lines and a counter, and has a node tell them."""
        for _ in range(count):
            line = said(f"{node.hub.node_id} {len(self.lines)}")
            self.lines.append(line)
            self._tell(node, line)
        key = SHELVES[len(self.lines) % len(SHELVES)]
        held = self.shelves.get(key)
        self.shelves[key] = shelf(key, held.version + 1 if held else 1, left=len(self.lines))
        self._tell(node, self.shelves[key])

    def _tell(self, node: Node, event: Said | Shelf) -> None:
        receipt = node.hub.publisher.deliver(ROOM, event)
        task = asyncio.create_task(self._relay(node, event, receipt))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _relay(self, node: Node, event: Said | Shelf, receipt: asyncio.Future[None]) -> None:
        while True:
            try:
                await receipt
            except ConnectionError:
                self.repeated += 1
                await asyncio.sleep(0.05)
                receipt = node.hub.publisher.deliver(ROOM, event)
            else:
                return

    async def told(self) -> None:
        """Waits until everything has a receipt."""
        while self._telling:
            await asyncio.gather(*self._telling)


class FaultyLink:
    """Stands between a backplane and its hub: loses, repeats and reorders deliveries on demand."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.lose = 0
        self.repeat = 0
        self.swap = 0
        self.interruptions = 0
        self._late: Delivery | None = None

    def on_delivery(self, delivery: Delivery) -> None:
        if self.lose > 0:
            self.lose -= 1
            return
        if self.swap > 0 and self._late is None:
            self.swap -= 1
            self._late = delivery
            return
        self._hub.on_delivery(delivery)
        if self.repeat > 0:
            self.repeat -= 1
            self._hub.on_delivery(delivery)
        late, self._late = self._late, None
        if late is not None:
            self._hub.on_delivery(late)

    def on_signal(self, signal: AnySignal) -> None:
        self._hub.on_signal(signal)

    def on_interrupted(self, room_ids: Collection[str]) -> None:
        self.interruptions += 1
        self._hub.on_interrupted(room_ids)


class Witness(Viewer):
    """A viewer that obeys the protocol to the letter: what it knows already it does not take again.

    `log` is what it was told, in order; a snapshot begins it anew.
    """

    def __init__(self) -> None:
        super().__init__(JSON)
        self.log: list[str] = []
        self.snapshots = 0

    def _apply(self, message):
        if message["t"] == "snapshot":
            self.seen.clear()
            self.snapshots += 1
            super()._apply(message)
            self.log = list(self.recent)
            assert len(set(self.log)) == len(self.log), "a snapshot that says a thing twice"
        elif message["t"] == "recovered" or message["t"] == "batch":
            super()._apply(message)

    def _happen(self, event):
        # Offsets are checked by Viewer; between a snapshot and the log behind it ids decide.
        super()._happen(event)
        if event["t"] == "said" and event["id"] not in self.log:
            self.log.append(event["id"])

    def knows(self, shop: Shop) -> bool:
        """Everything, in whatever order it was told, and the newest of every shelf."""
        self.read()
        shelves = {key: version for key, (version, _) in self.state.items()}
        return set(self.log) == {line.id for line in shop.lines} and shelves == {
            key: event.version for key, event in shop.shelves.items()
        }


class Node:
    """One node: a hub, its backplane, and the faulty link between them."""

    def __init__(self, node_id: str, shop: Shop, settings: RedisSettings, hub: HubSettings) -> None:
        self.backplane = RedisBackplane(node_id=node_id, clock=_CLOCK, settings=settings)
        self.hub = Hub(
            node_id=node_id,
            clock=_CLOCK,
            backplane=self.backplane,
            load_room=shop.load,
            viewers_event=lambda room_id, count: likes(count),
            settings=hub,
        )
        self.link = FaultyLink(self.hub)
        self.backplane.attach(self.link)

    async def enter(self, viewer: Witness | None = None, room_id: str = ROOM) -> Witness:
        """Joins a newcomer, or somebody who comes back with a position."""
        room = await self.hub.open_room(room_id)
        comes_back = viewer is not None
        viewer = viewer or Witness()
        self.hub.add(viewer)
        viewer.written.write(
            self.hub.join(
                viewer,
                room,
                "viewer",
                epoch=viewer.epoch if comes_back else None,
                offset=viewer.position if comes_back else None,
            )
        )
        viewer.read()
        return viewer

    def leave(self, viewer: Witness) -> None:
        viewer.read()
        self.hub.remove(viewer, ())


@asynccontextmanager
async def open_nodes(
    shop: Shop, settings: RedisSettings, *, count: int = 2, hub: HubSettings = HUB
) -> AsyncIterator[Sequence[Node]]:
    nodes = [Node(f"n{number}", shop, settings, hub) for number in range(1, count + 1)]
    for node in nodes:
        await node.hub.start()
    try:
        yield nodes
    finally:
        for node in nodes:
            await node.hub.stop()


def all_begun_anew(viewers: Sequence[Witness], epoch: str) -> bool:
    for viewer in viewers:
        viewer.read()
    return all(viewer.epoch != epoch for viewer in viewers)


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
