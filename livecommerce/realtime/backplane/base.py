"""The port between a hub and the other nodes. Its contract is tests/realtime/backplane.

Order holds within a room. A delivery may come twice, late, or not at all: the hub sees that by
offsets and repairs it from `history`. What the port must never do is give one offset of an epoch
to two events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from livecommerce.realtime.publications import Batch, Delivery, Position, Publication


class History(NamedTuple):
    """The tail of a room's log.

    `publications` end at `top` and are contiguous; withdrawn ones stand in place with empty
    bytes. None: the epoch changed or the wanted offset was trimmed, so the answer would have holes.
    """

    epoch: str
    top: int
    publications: tuple[Publication, ...] | None


class Signal(msgspec.Struct, frozen=True, tag=True):
    """A word to the hubs of all nodes about people, outside of any room's order."""


class Tell(Signal, frozen=True, tag="tell"):
    person_id: str
    json: bytes
    event_id: str = ""
    """Told once on a node, however many relays repeat it."""


class Kick(Signal, frozen=True, tag="kick"):
    key: str
    """A person's id or a sign-in's id."""
    code: int
    room_id: str | None = None
    """Only the connections that are in this room; None: all of them."""


class Regrade(Signal, frozen=True, tag="regrade"):
    person_id: str
    room_id: str
    audience_class: str
    capabilities: tuple[str, ...]


AnySignal = Tell | Kick | Regrade


class Receiver(Protocol):
    """The hub, as a backplane sees it. All are called on the loop and never wait."""

    def on_delivery(self, delivery: Delivery) -> None: ...

    def on_signal(self, signal: AnySignal) -> None: ...

    def on_interrupted(self, room_ids: Collection[str]) -> None:
        """Deliveries of these rooms may be missing: the link was away and is back."""
        ...


class Backplane(Protocol):
    def attach(self, receiver: Receiver) -> None:
        """Names the one hub of this node. Call it before anything else."""
        ...

    async def start(self) -> None:
        """Connects, and returns after some seconds at the latest: a node also starts while the
        backplane is away, and serves what needs no backplane."""
        ...

    def is_accepting(self) -> bool:
        """False while what is published would wait for long, or be refused."""
        ...

    def publish(self, room_id: str, batch: Batch, *, floor: int = 0) -> asyncio.Future[Position]:
        """Appends to the room's log and delivers to every subscribed node, this one included.

        Sync so that a tick costs no task; batches of one node keep their order. Idempotent by
        publication id: what is known already is neither given an offset nor delivered again.

        Args:
            floor: the highest offset this node saw. A log that is behind it was rewound (a failover
                lost acknowledged writes) and starts a new epoch above it.

        Raises (in the future):
            ConnectionError: nothing is known about the batch; publishing it again is safe.
        """
        ...

    def signal(self, signal: AnySignal) -> asyncio.Future[None]:
        """Tells the hubs of all nodes: this one before it returns, the others best effort.

        Raises (in the future):
            ConnectionError: nobody else may have heard it; telling it again is safe.
        """
        ...

    async def subscribe(self, room_id: str) -> None:
        """Returns once every later batch of the room will be delivered.

        Raises:
            ConnectionError: the backplane is away; the room is not subscribed.
        """
        ...

    async def unsubscribe(self, room_id: str) -> None: ...

    async def history(self, room_id: str, *, after: int = 0, epoch: str | None = None) -> History:
        """Reads the log behind an offset of an epoch; without an epoch, all that is kept."""
        ...

    async def keyed(self, room_id: str) -> tuple[Publication, ...]:
        """Reads the latest value of every state key and counter that was published lately."""
        ...

    async def positions(self, room_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
        """Reads (epoch, top) of many rooms at once.

        Rooms without a log are missing, and so are those whose log may have been rewound: what is
        missing here and known to a hub needs a new epoch, which `history` begins.
        """
        ...

    async def report_viewers(
        self, node_id: str, counts: Mapping[str, int], *, lease_s: float
    ) -> Mapping[str, int]:
        """Stores this node's counts for `lease_s` and reads the sums over all living nodes."""
        ...

    async def count_visitors(
        self, seen: Mapping[str, Collection[str]], *, keep_s: float
    ) -> Mapping[str, int]:
        """Adds who was seen in rooms, by name, and reads how many different ones each has had on
        all nodes: exact, or an estimate within a few percent. Rooms that nobody reports for
        `keep_s` begin anew.

        Raises:
            ConnectionError: some may have been added; adding them again changes nothing.
        """
        ...

    async def probe(self) -> bool:
        """Tells whether a publication made now comes back through the subscriber's own link."""
        ...

    async def close(self) -> None: ...
