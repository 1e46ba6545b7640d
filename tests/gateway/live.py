"""A front door with a small house behind it, and a client that speaks to it over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import msgspec
from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from livecommerce.gateway.front_door import FrontDoor, FrontDoorSettings
from livecommerce.gateway.websocket import Entry, Visitor
from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import JSON, Codec, CommandDecoder
from livecommerce.protocol.commands import Command, Done
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings
from tests.realtime.support import likes, said, shelf


class SendChat(Command, frozen=True, kw_only=True, tag="send_chat"):
    text: str


class Slow(Command, frozen=True, kw_only=True, tag="slow"):
    """Waits until the house opens its gate."""


class Fail(Command, frozen=True, kw_only=True, tag="fail"):
    pass


class Like(Command, frozen=True, kw_only=True, tag="like"):
    concurrent: ClassVar[bool] = True


class House:
    """Knows its visitors by tokens that say who they are: "name" or "name:expires_at"."""

    def __init__(self) -> None:
        self.hub: Hub | None = None
        self.gate = asyncio.Event()
        self.executed: list[tuple[str | None, str | None, Command]] = []
        self.admitted = 0
        self.banned: set[str] = set()
        self.staff: set[str] = set()

    async def admit(self, token: str | None) -> Visitor:
        self.admitted += 1
        if token is None:
            return Visitor(None, None, "visitor")
        await asyncio.sleep(0)
        name, _, expires_at = token.partition(":")
        if name == "forged":
            raise Refused(Code.UNAUTHENTICATED)
        kind = "guest" if name.startswith("guest") else "account"
        expires = int(expires_at) if expires_at else None
        return Visitor(name, name.title(), kind, expires, f"sign-in of {name}")

    async def enter(self, visitor: Visitor, room_id: str) -> Entry:
        if visitor.person_id in self.banned:
            raise Refused(Code.BANNED)
        if visitor.person_id in self.staff:
            return Entry("staff", ("pin",))
        return Entry()

    async def execute(
        self, visitor: Visitor, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        self.executed.append((visitor.person_id, room_id, command))
        if visitor.person_id is None:
            raise Refused(Code.UNAUTHENTICATED)
        match command:
            case SendChat(text=text):
                await asyncio.sleep(0.001 if text.startswith("think") else 0)
                assert self.hub is not None
                if room_id is None:
                    raise Refused(Code.NOT_JOINED)
                line = said(text)
                self.hub.publisher.publish(room_id, line)
                return line
            case Slow() | Like():
                await self.gate.wait()
                return Done()
        raise RuntimeError("a bug")


async def load_room(room_id: str) -> RoomSeed:
    if room_id == "missing":
        raise Refused(Code.NOT_FOUND)
    return RoomSeed(state=[shelf("a", 1, left=5)], recent=[said("before")])


class Live:
    """What a test may touch."""

    def __init__(self, hub: Hub, house: House, door: FrontDoor, runner: web.AppRunner) -> None:
        self.hub = hub
        self.house = house
        self.door = door
        self.runner = runner

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.door.port}/v1/live"

    def client(self, codec: Codec = JSON, **options: Any) -> connect:
        common = {"compression": None, "ping_interval": None, "open_timeout": 20}
        offers = [Subprotocol(codec.subprotocol)]
        return connect(self.url, **{"subprotocols": offers, **common, **options})

    @asynccontextmanager
    async def guest(
        self, token: str | None = "amal", room: str | None = "room", codec: Codec = JSON
    ) -> AsyncIterator[Guest]:
        """Somebody who said hello and was welcomed."""
        async with self.client(codec) as socket:
            guest = Guest(socket, codec)
            await guest.send(t="hello", token=token, room=room)
            assert (await guest.receive())["t"] == "welcome"
            if room is not None:
                assert (await guest.receive())["t"] == "snapshot"
            yield guest

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.door.port)


class Guest:
    """The four verbs of a socket test: send, receive, until, closed."""

    def __init__(self, socket: ClientConnection, codec: Codec) -> None:
        self.socket = socket
        self.codec = codec

    async def send(self, **message: Any) -> str:
        """Sends a command; returns its id."""
        command = {"id": new_id()} | {k: v for k, v in message.items() if v is not None}
        payload = self.codec.encode_value(command)
        await self.socket.send(payload, text=self.codec.is_text)
        return str(command["id"])

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(10):
            frame = await self.socket.recv()
        payload = frame.encode() if isinstance(frame, str) else frame
        if self.codec.deflates and isinstance(frame, bytes):
            payload = zlib.decompress(payload, -15)
        message: dict[str, Any] = self.codec.parse(payload)
        return message

    async def until(self, tag: str) -> dict[str, Any]:
        """The next message of this kind; others before it are passed over."""
        while (message := await self.receive())["t"] != tag:
            pass
        return message

    async def ask(self, **message: Any) -> dict[str, Any]:
        """Sends a command and returns its reply."""
        command_id = await self.send(**message)
        while (reply := await self.receive()).get("id") != command_id or "t" not in reply:
            pass
        return reply

    async def closed(self) -> int | None:
        """The code the server closes with; what comes before it is passed over."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.receive()
        return self.socket.close_code


@asynccontextmanager
async def opened(
    settings: FrontDoorSettings | None = None, hub_settings: HubSettings | None = None
) -> AsyncIterator[Live]:
    clock = SystemClock()
    house = House()
    hub = Hub(
        node_id="n1",
        clock=clock,
        backplane=MemoryBackplane(clock=clock),
        load_room=load_room,
        viewers_event=lambda room_id, count: likes(count),
        visitors_event=lambda room_id, count: likes(count, "visitors"),
        settings=hub_settings or HubSettings(close_grace_s=0.5),
    )
    house.hub = hub
    await hub.start()
    door = FrontDoor(
        hub=hub,
        gatekeeper=house,
        commands=CommandDecoder([SendChat, Slow, Fail, Like]),
        clock=clock,
        # Every codec there is.
        settings=settings or FrontDoorSettings(deflates=True),
    )
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get("/v1/live", door.upgrade)
    app.router.add_get("/", _hello)
    app.router.add_post("/upload", _upload)
    runner = web.AppRunner(app, keepalive_timeout=75, access_log=None)
    await runner.setup()
    assert runner.server is not None
    await door.listen(web_server=runner.server)
    try:
        yield Live(hub, house, door, runner)
    finally:
        house.gate.set()
        await door.close()
        await runner.cleanup()
        await hub.stop()


async def _hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello {request.query.get('n', '')}")


async def _upload(request: web.Request) -> web.Response:
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
    return web.Response(text=str(size))
