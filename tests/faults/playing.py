"""A room in which publishers talk and viewers watch, on every node of a stage, while a row breaks
something. Both keep the room's ledger."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import orjson

from livecommerce.client import CallRefused, RoomClient, RoomMirror
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command
from livecommerce.protocol.events import Event, Lane
from livecommerce.shows.wire import ChatPosted, PinChanged, PinText, SendChat, SendLikes
from tests.faults.ledger import Fate, Ledger, Published, View
from tests.support.ports import LOOPBACK
from tests.support.shop import Shop
from tests.support.sockets import LiveSocket

LINE_EVERY_S = 0.05
PIN_EVERY_S = 0.25
SETTLED_S = 30.0
"""How long viewers may take, after the last word, until they know everything."""
ANSWER_S = 60.0
FULL_BYTES = 5 * 1024
"""A snapshot has 8 KiB for state and lines together; with fewer lines it lacks none."""
REFUSALS = frozenset({"unavailable", "server_busy"})
WITH_EVERY_NODE = 2
"""Clients on each node, one for either codec; and as many bare sockets."""


class Talker:
    """Says numbered lines and pins numbered texts through one node, and writes both down."""

    def __init__(self, name: str, url: str, shop: Shop, slot: int, ledger: Ledger) -> None:
        self.name = name
        self.client = RoomClient(url, room=shop.room_id, token=shop.host.token, queue_max=1)
        self.refused_s: list[float] = []
        """When lines were refused, by time.monotonic()."""
        self.accepted_s: list[float] = []
        self.slowest_answer_s = 0.0
        self.likes = 0
        self._lines = 0
        self._values = 0
        self._slot = slot
        self._ledger = ledger

    async def talk(self, speaking: asyncio.Event, over: asyncio.Event) -> None:
        """Until it is over, and only while somebody wants to hear it."""

        async def repeat(act: Callable[[], Awaitable[None]], every_s: float) -> None:
            while not over.is_set():
                if speaking.is_set():
                    await act()
                await asyncio.sleep(every_s)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(repeat(self.say, LINE_EVERY_S))
            tasks.create_task(repeat(self.pin, PIN_EVERY_S))

    async def say(self) -> None:
        """One line more."""
        self._lines += 1
        text = f"{self.name} {self._lines}"
        fate = await self._ask(SendChat(id=new_id(), text=text))
        (self.refused_s if fate is Fate.REFUSED else self.accepted_s).append(time.monotonic())
        self._ledger.write(Published(self.name, Lane.LOG, text, fate=fate))

    async def pin(self) -> None:
        """Another value of this talker's slot."""
        self._values = number = self._values + 1
        fate = await self._ask(PinText(id=new_id(), slot=self._slot, text=f"value {number}"))
        key = f"pin:{self._slot}"
        self._ledger.write(Published(self.name, Lane.STATE, "", key, number, fate))

    async def like(self) -> None:
        """One like, counted by the volatile lane."""
        if await self._ask(SendLikes(id=new_id(), count=1)) is Fate.TOLD:
            self.likes += 1

    async def _ask(self, command: Command) -> Fate:
        asked_s = time.monotonic()
        try:
            await self.client.call(command, timeout_s=ANSWER_S)
        except CallRefused as refused:
            if refused.code not in REFUSALS:
                raise
            fate = Fate.REFUSED
        except TimeoutError:
            fate = Fate.UNKNOWN
        else:
            fate = Fate.TOLD
        self.slowest_answer_s = max(self.slowest_answer_s, time.monotonic() - asked_s)
        return fate


class _Mirror(RoomMirror):
    """Says among the events where a full snapshot has begun."""

    def snapshot(self, epoch: str, offset: int, state: Any, recent: Any, volatile: Any) -> Any:
        has_joined = self.epoch is not None
        events = super().snapshot(epoch, offset, state, recent, volatile)
        is_full = sum(len(msgspec.json.encode(each)) for each in recent) > FULL_BYTES
        return [_CUT, *events] if has_joined and is_full else events


_CUT = Event(id="", at=0)


class ClientViewer:
    """Watches by the product's Python client: what a person is shown."""

    def __init__(self, url: str, room_id: str, codec: str, view: View) -> None:
        self.client = RoomClient(url, room=room_id, codec=codec)
        self.client.mirror = _Mirror()
        self._view = view

    async def watch(self) -> None:
        async for event in self.client.events():
            self._note(event)

    def _note(self, event: Event) -> None:
        if event is _CUT:
            self._view.cut()
        elif isinstance(event, ChatPosted):
            self._view.log(event.text)
        elif isinstance(event, PinChanged) and event.pin is not None and event.pin.text:
            self._view.state(event.key, value_of(event.pin.text))

    @property
    def snapshots(self) -> int:
        return self.client.snapshots

    @property
    def losses(self) -> int:
        """How often the connection was lost."""
        return self.client.reconnects

    def likes(self) -> int:
        """What the counter of likes shows."""
        counted = self.client.mirror.volatile.get("likes")
        return 0 if counted is None else int(counted.total)  # type: ignore[attr-defined]


class SocketViewer:
    """Watches a bare socket: what a node writes, before a client sets anything right."""

    def __init__(self, view: View) -> None:
        self.snapshots = 0
        self.socket: LiveSocket | None = None
        self._view = view
        self._epoch = ""
        self._offset = 0

    async def open(self, port: int, room_id: str) -> None:
        self.socket = await LiveSocket.connect(port)
        self.socket.on_message = self._read
        welcome = await self.socket.hello(room=room_id)
        if welcome["t"] != "welcome":
            raise ConnectionRefusedError(str(welcome))

    @property
    def losses(self) -> int:
        return int(self.socket is not None and self.socket.is_lost)

    def _read(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "snapshot":
                is_full = len(orjson.dumps(message["recent"])) > FULL_BYTES
                if self.snapshots and is_full:
                    self._view.cut()
                self.snapshots += 1
                self._epoch, self._offset = message["epoch"], message["offset"]
                self._note([*message["state"], *message["recent"]], is_snapshot=True)
            case "recovered":
                self._epoch, self._offset = message["epoch"], message["offset"]
                self._note(message["events"])
            case "batch" if "first" in message:
                at = f"{message['epoch']}:{message['first']}"
                if (message["epoch"], message["first"]) != (self._epoch, self._offset + 1):
                    self._view.holes.append(f"{at} after {self._epoch}:{self._offset}")
                self._offset = message["last"]
                self._note(message["events"])
            # One that names no room says only that the node lives.
            case "beat" if message["room"] and (message["epoch"], message["last"]) != (
                self._epoch,
                self._offset,
            ):
                at = f"{message['epoch']}:{message['last']}"
                self._view.holes.append(f"a beat at {at} after {self._epoch}:{self._offset}")

    def _note(self, events: Sequence[dict[str, Any]], *, is_snapshot: bool = False) -> None:
        for event in events:
            if event["t"] == "chat_posted":
                self._view.log(event["text"], epoch=self._epoch, is_snapshot=is_snapshot)
            elif event["t"] == "pin_changed" and event["pin"] is not None:
                version = value_of(event["pin"]["text"])
                self._view.state(event["key"], version, epoch=self._epoch, is_snapshot=is_snapshot)


def value_of(text: str | None) -> int:
    """The number in the text a talker has pinned."""
    assert text is not None
    return int(text.removeprefix("value "))


class NotKnown(Exception):
    """Somebody was not shown something in time."""


class Playing:
    """The room of one row. Made by `playing`."""

    def __init__(self, shop: Shop, ledger: Ledger) -> None:
        self.shop = shop
        self.ledger = ledger
        self.talkers: list[Talker] = []
        """One on each node, in the nodes' order."""
        self.clients: list[ClientViewer] = []
        self.sockets: list[SocketViewer] = []
        self.over = asyncio.Event()
        self.speaking = asyncio.Event()
        self.speaking.set()
        self.silent_s = 0.0
        """How long the viewers took to know everything after the last word."""
        self.losses = 0
        """Connections that were lost before the end."""

    @property
    def room_id(self) -> str:
        return self.shop.room_id

    @property
    def viewers(self) -> list[ClientViewer | SocketViewer]:
        return [*self.clients, *self.sockets]

    @property
    def snapshots(self) -> int:
        """The most that any viewer was shown, the one it joined with not counted."""
        return max(each.snapshots for each in self.viewers) - 1

    async def hush(self) -> None:
        """Has the talkers be quiet, and waits until everybody knows what they have said."""
        self.speaking.clear()
        # A word under way is answered within a moment while nothing is broken.
        await asyncio.sleep(2 * PIN_EVERY_S)
        await self.everybody_knows()

    def speak(self) -> None:
        self.speaking.set()

    async def everybody_knows(self, within_s: float = SETTLED_S) -> float:
        """Waits until every viewer was shown all that is written so far; gives how long it took.

        Raises:
            NotKnown: naming what is missing where.
        """
        told = self.ledger.told()
        started_s = time.monotonic()
        while not self.ledger.everybody_knows(told):
            if time.monotonic() - started_s > within_s:
                raise NotKnown("; ".join(self.ledger.audit().complaints))
            await asyncio.sleep(0.1)
        return time.monotonic() - started_s


@asynccontextmanager
async def playing(shop: Shop, ports: Sequence[int]) -> AsyncIterator[Playing]:
    """A room with a talker and four viewers on each of the nodes at these ports.

    On the way out the talkers say their last word and the viewers get `SETTLED_S` to know it; who
    does not is found by the audit.
    """
    play = Playing(shop, Ledger())
    urls = [f"ws://{LOOPBACK}:{port}/v1/live" for port in ports]
    async with AsyncExitStack() as stack:
        for number, (url, port) in enumerate(zip(urls, ports, strict=True), 1):
            for index in range(WITH_EVERY_NODE):
                codec = ("json", "msgpack")[index % 2]
                view = play.ledger.view(f"client {number}.{index + 1}")
                viewer = ClientViewer(url, shop.room_id, codec, view)
                await stack.enter_async_context(viewer.client)
                play.clients.append(viewer)
            for index in range(WITH_EVERY_NODE):
                socket = SocketViewer(play.ledger.view(f"socket {number}.{index + 1}"))
                await socket.open(port, shop.room_id)
                assert socket.socket is not None
                stack.callback(socket.socket.abort)
                play.sockets.append(socket)
            # The first slot is left to rows that pin goods.
            talker = Talker(f"talker{number}", url, shop, 1 + number, play.ledger)
            await stack.enter_async_context(talker.client)
            play.talkers.append(talker)
        watching = [asyncio.create_task(viewer.watch()) for viewer in play.clients]
        talking = [
            asyncio.create_task(talker.talk(play.speaking, play.over)) for talker in play.talkers
        ]
        try:
            yield play
            play.over.set()
            await asyncio.gather(*talking)
            try:
                play.silent_s = await play.everybody_knows()
            except NotKnown:
                # The audit says what.
                play.silent_s = SETTLED_S
            play.losses = sum(each.losses for each in play.viewers)
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)
            for viewer in play.clients:
                await viewer.client.close()
            await asyncio.gather(*watching, return_exceptions=True)
