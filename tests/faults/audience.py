"""Viewers who come back and talkers, at any doors, who keep the ledger of a room; and sockets that
only fill the seats, for rows that need many."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from tests.faults.ledger import Ledger
from tests.faults.playing import SETTLED_S, ClientViewer, Talker
from tests.support.ports import LOOPBACK
from tests.support.shop import Shop
from tests.support.sockets import HandshakeRefused, LiveSocket

OPEN_AT_ONCE = 100
SLOTS = 3


class Audience:
    """Made by `audience`."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.viewers: list[ClientViewer] = []
        self.talkers: list[Talker] = []
        self.settled_s = 0.0
        """How long the viewers took to know everything after the last word."""

    @property
    def everybody(self) -> list[ClientViewer | Talker]:
        return [*self.viewers, *self.talkers]

    def count_shown(self) -> set[int]:
        """What the counter of viewers shows, at all of them."""
        found = [viewer.client.mirror.volatile.get("viewers") for viewer in self.viewers]
        return {0 if each is None else int(each.count) for each in found}  # type: ignore[attr-defined]


def live_url(port: int) -> str:
    return f"ws://{LOOPBACK}:{port}/v1/live"


@asynccontextmanager
async def audience(
    shop: Shop, *, viewers: Sequence[int], talkers: Sequence[int]
) -> AsyncIterator[Audience]:
    """A viewer at each port of `viewers`, a talker at each of `talkers`.

    On the way out the talkers say their last word, and the viewers get time to know it.
    """
    found = Audience()
    speaking, over = asyncio.Event(), asyncio.Event()
    speaking.set()
    async with AsyncExitStack() as stack:
        for number, port in enumerate(viewers, 1):
            codec = ("json", "msgpack")[number % 2]
            view = found.ledger.view(f"viewer {number}")
            viewer = ClientViewer(live_url(port), shop.room_id, codec, view)
            await stack.enter_async_context(viewer.client)
            found.viewers.append(viewer)
        for number, port in enumerate(talkers, 1):
            name = f"talker{number}"
            # The first slot is left to rows that pin goods, where there are enough.
            slot = SLOTS - len(talkers) + number
            talker = Talker(name, live_url(port), shop, slot, found.ledger)
            await stack.enter_async_context(talker.client)
            found.talkers.append(talker)
        watching = [asyncio.create_task(viewer.watch()) for viewer in found.viewers]
        talking = [asyncio.create_task(talker.talk(speaking, over)) for talker in found.talkers]
        try:
            yield found
            over.set()
            await asyncio.gather(*talking)
            started_s = time.monotonic()
            # Who does not know everything by then is found by the audit.
            while not found.ledger.everybody_knows() and time.monotonic() < started_s + SETTLED_S:
                await asyncio.sleep(0.05)
            found.settled_s = time.monotonic() - started_s
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
            for viewer in found.viewers:
                await viewer.client.close()
            await asyncio.gather(*watching, return_exceptions=True)


class Follower:
    """A bare socket that goes where it is asked to, as the protocol says: it opens the new
    connection before it closes the old one; who is dropped comes back after a pause."""

    def __init__(self, port: int, room_id: str) -> None:
        self.position: tuple[str, int] | None = None
        self.opened_s: list[float] = []
        self.took_s: list[float] = []
        """From each reason to open a connection to being in the room again."""
        self.recovered = 0
        self.snapshots = 0
        self._port = port
        self._room_id = room_id
        self._socket: LiveSocket | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_in(self) -> bool:
        return self._socket is not None and not self._socket.is_lost

    async def open(self) -> None:
        """Comes in, however often it is told to come later."""
        since_s = time.monotonic()
        while True:
            try:
                await self._open_once()
            except (OSError, TimeoutError, HandshakeRefused):
                await asyncio.sleep(0.1 + random.random() * 0.4)
            else:
                self.opened_s.append(time.monotonic())
                self.took_s.append(time.monotonic() - since_s)
                return

    def drop(self) -> None:
        """Loses the connection as a dead network would."""
        if self._socket is not None:
            self._socket.abort()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.drop()

    async def _open_once(self) -> None:
        socket = await LiveSocket.connect(self._port, timeout_s=10)
        socket.on_message = self._read
        said: dict[str, Any] = {"room": self._room_id}
        welcome = await socket.hello(**said, position=self.position, timeout_s=10)
        if welcome["t"] != "welcome":
            socket.abort()
            raise ConnectionRefusedError(str(welcome))
        before, self._socket = self._socket, socket
        if before is not None:
            before.abort()

    def _read(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "snapshot":
                self.snapshots += 1
                self.position = message["epoch"], message["offset"]
            case "recovered":
                self.recovered += 1
                self.position = message["epoch"], message["offset"]
            case "batch" if "last" in message:
                self.position = message["epoch"], message["last"]
            case "moved":
                task = asyncio.create_task(self._move(message["in_ms"] / 1000))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _move(self, in_s: float) -> None:
        await asyncio.sleep(in_s)
        await self.open()


async def seat(followers: Sequence[Follower]) -> None:
    """Opens them all, some at a time."""
    doors = asyncio.Semaphore(OPEN_AT_ONCE)

    async def one(follower: Follower) -> None:
        async with doors:
            await follower.open()

    await asyncio.gather(*(one(follower) for follower in followers))


def worst_window(moments_s: Sequence[float], window_s: float = 1.0) -> int:
    """The most of these moments that fall into any window."""
    ordered, worst, start = sorted(moments_s), 0, 0
    for end, moment_s in enumerate(ordered):
        while moment_s - ordered[start] > window_s:
            start += 1
        worst = max(worst, end - start + 1)
    return worst
