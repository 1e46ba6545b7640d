"""One room over one socket that comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import msgpack
import msgspec
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from livecommerce.client.position import GapFound, RoomMirror
from livecommerce.gateway.wire import REPLIES, AnyEvent
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command, Hello, Join, Ping, Renew
from livecommerce.protocol.events import Event

BACKOFF_BASE_S = 0.3
BACKOFF_MAX_S = 20.0
STABLE_AFTER_S = 30.0
_STAY_AWAY_FROM = 4500


class CallRefused(Exception):
    """The server answered a command with an error."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["code"])
        self.code: str = error["code"]
        self.retry: str = error["retry"]
        self.after_ms: int | None = error.get("after_ms")
        self.field: str | None = error.get("field")
        self.data: dict[str, Any] = error.get("data", {})


class Closed(Exception):
    """The client is closed for good: by us, or by a close code that says to stay away."""

    def __init__(self, code: int | None = None) -> None:
        super().__init__(f"closed ({code})")
        self.code = code


class RoomClient:
    """A viewer, host or bot in one room.

    Args:
        url: ws:// or wss:// address of the live socket.
        room: id of the room (`GET /v1/rooms/{slug}` tells it).
        token: access token; without one the client only watches.
        codec: "json" or "msgpack".
        reconnect: come back after a lost connection, with full jitter, from where it was.
    """

    def __init__(
        self,
        url: str,
        *,
        room: str | None = None,
        token: str | None = None,
        codec: str = "json",
        reconnect: bool = True,
        queue_max: int = 10_000,
    ) -> None:
        self.url = url
        self.room = room
        self.token = token
        self.mirror = RoomMirror()
        self.welcome: dict[str, Any] = {}
        self.reconnects = 0
        self.recoveries = 0
        self.snapshots = 0
        self.clock_offset_ms = 0
        self._codec = codec
        self._reconnect = reconnect
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(queue_max)
        self._waiting: dict[str, tuple[type[Command], asyncio.Future[Any]]] = {}
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._closed: Closed | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> RoomClient:
        self._reader = asyncio.create_task(self._run(), name="room client")
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._reader}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if self._closed is not None:
            raise self._closed
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the socket and ends `events()`."""
        self._reconnect = False
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, Closed):
                await self._reader
        self._end(Closed(1000))

    async def drop(self) -> None:
        """Loses the connection as a dead network would, without a close frame (for tests)."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def events(self) -> AsyncIterator[Event]:
        """Gives every new event once and in order, over any number of reconnects."""
        while (event := await self._events.get()) is not None:
            yield event

    async def call(self, command: Command, *, timeout_s: float = 10.0) -> Any:
        """Sends a command and returns its reply Struct.

        Raises CallRefused with the server's code. After a lost connection the same command is sent
        again under its id, so that it has one effect.
        """
        if self._closed is not None:
            raise self._closed
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[command.id] = (type(command), future)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await self._ready.wait()
                    if self._closed is not None:
                        raise self._closed
                    try:
                        await self._write(command)
                        return await future
                    except _Lost:
                        # Set again when the reader is back in the room, or has given up.
                        self._ready.clear()
                        future = asyncio.get_running_loop().create_future()
                        self._waiting[command.id] = (type(command), future)
        finally:
            self._waiting.pop(command.id, None)

    async def renew(self, token: str) -> None:
        """Uses another access token from now on."""
        self.token = token
        await self.call(Renew(id=new_id(), token=token))

    # ---- the connection ----------------------------------------------------------------------

    async def _run(self) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            started_s = loop.time()
            code: int | None = None
            try:
                code = await self._connection()
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed):
                pass
            self._socket = None
            self._ready.clear()
            self._lose()
            if not self._reconnect or (code is not None and code >= _STAY_AWAY_FROM):
                self._end(Closed(code))
                return
            attempt = 0 if loop.time() - started_s > STABLE_AFTER_S else attempt + 1
            ceiling_s = min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2**attempt)
            await asyncio.sleep(random.uniform(0, ceiling_s))
            self.reconnects += 1

    async def _connection(self) -> int | None:
        protocol = Subprotocol(f"livecommerce.v1.{self._codec}")
        async with connect(
            self.url, subprotocols=[protocol], compression=None, max_size=None, ping_interval=None
        ) as socket:
            self._socket = socket
            await self._write(
                Hello(
                    id=new_id(),
                    token=self.token,
                    room=self.room,
                    epoch=self.mirror.epoch,
                    offset=self.mirror.offset,
                )
            )
            try:
                async for frame in socket:
                    self._receive(_decode(frame))
            except GapFound:
                await socket.close()
            return socket.close_code

    def _receive(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "batch":
                events = _events(message.get("events", ()))
                self._emit(
                    self.mirror.batch(
                        message.get("epoch", ""), message.get("first"), message.get("last"), events
                    )
                )
                self._emit(self.mirror.count(_events(message.get("volatile", ()))))
            case "ok" | "err":
                self._settle(message)
            case "snapshot":
                self.snapshots += 1
                self._emit(
                    self.mirror.snapshot(
                        message["epoch"],
                        message["offset"],
                        _events(message["state"]),
                        _events(message["recent"]),
                        _events(message["volatile"]),
                    )
                )
                self._ready.set()
            case "recovered":
                self.recoveries += 1
                events = _events(message["events"])
                self._emit(self.mirror.recovered(message["epoch"], message["offset"], events))
                self._emit(self.mirror.count(_events(message["volatile"])))
                self._ready.set()
            case "welcome":
                self.welcome = message
                if self.room is None:
                    self._ready.set()
            case "regraded":
                self.welcome["capabilities"] = message["capabilities"]
            case "told":
                self._emit(_events([message["event"]]))
            case "beat":
                if message["epoch"] != self.mirror.epoch or message["last"] > (
                    self.mirror.offset or 0
                ):
                    raise GapFound

    def _settle(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.get(message["id"] or "")
        if waiting is None:
            if message["t"] == "err" and not self._ready.is_set():
                # The hello was refused: nothing to wait for.
                self._reconnect = False
                self._closed = Closed()
                self._closed.__cause__ = CallRefused(message)
            return
        command, future = waiting
        if future.done():
            return
        if message["t"] == "err":
            future.set_exception(CallRefused(message))
        else:
            future.set_result(msgspec.convert(message["d"], REPLIES[command]))

    def _emit(self, events: list[Event]) -> None:
        for event in events:
            if self._events.full():
                # A reader that does not read must not hold memory without bound.
                self._events.get_nowait()
            self._events.put_nowait(event)

    async def _write(self, command: Command) -> None:
        socket = self._socket
        if socket is None:
            raise _Lost
        plain = msgspec.to_builtins(command)
        try:
            if self._codec == "msgpack":
                await socket.send(msgpack.packb(plain))
            else:
                await socket.send(orjson.dumps(plain), text=True)
        except ConnectionClosed as problem:
            raise _Lost from problem

    def _lose(self) -> None:
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(_Lost())

    def _end(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
        for _, future in self._waiting.values():
            if not future.done():
                future.set_exception(self._closed)
        self._ready.set()
        self._emit_end()

    def _emit_end(self) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def join(self, room: str) -> None:
        """Moves to another room."""
        self.room = room
        self.mirror = RoomMirror()
        await self.call(Join(id=new_id(), room=room))

    async def ping(self) -> int:
        """Asks for the server's clock; corrects `clock_offset_ms`. Returns the round trip in ms."""
        loop = asyncio.get_running_loop()
        sent_s = loop.time()
        reply = await self.call(Ping(id=new_id()))
        trip_ms = round((loop.time() - sent_s) * 1000)
        self.clock_offset_ms = reply.now + trip_ms // 2 - time.time_ns() // 1_000_000
        return trip_ms


class _Lost(Exception):
    """The connection went away while a command was on its way."""


def _decode(frame: str | bytes) -> dict[str, Any]:
    message: dict[str, Any] = (
        orjson.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)
    )
    return message


def _events(plain: Any) -> list[Any]:
    return [msgspec.convert(event, AnyEvent) for event in plain]
