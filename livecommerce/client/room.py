"""One room over one socket that comes back by itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any

import msgpack
import msgspec
import orjson
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from livecommerce.client.failures import CallRefused, Closed
from livecommerce.client.position import GapFound, RoomMirror
from livecommerce.gateway.wire import REPLIES, AnyEvent
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command, Hello, Join, Ping, Renew
from livecommerce.protocol.events import Event

log = structlog.get_logger()

BACKOFF_BASE_S = 0.3
BACKOFF_MAX_S = 20.0
STABLE_AFTER_S = 30.0
CLOSE_S = 2.0
"""How long a peer may take to answer our close frame."""
_STAY_AWAY_FROM = 4500
_WELCOME_S = 30.0
_SILENCE_BEATS = 1.5


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
        self._waiting: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        """The answer to each command by its id; None when the connection was lost before."""
        self._hello_id = ""
        self._wait_s = 0.0
        self._socket: ClientConnection | None = None
        self._ready = asyncio.Event()
        self._closed: Closed | None = None
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> RoomClient:
        self._reader = asyncio.create_task(self._run(), name="room client")
        try:
            await self._ready.wait()
            if self._closed is not None:
                raise self._closed
        except BaseException:
            await self.close()
            raise
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
        try:
            if self._socket is not None:
                await self._socket.close()
        finally:
            if self._reader is not None:
                self._reader.cancel()
            self._end(Closed(1000))
        if self._reader is not None:
            # Not `await reader`: to catch its cancellation would catch one that is meant for us.
            await asyncio.wait({self._reader})

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
        try:
            async with asyncio.timeout(timeout_s):
                while (answer := await self._attempt(command)) is None:
                    pass
        finally:
            self._waiting.pop(command.id, None)
        if answer["t"] == "err":
            raise CallRefused(answer)
        return msgspec.convert(answer["d"], REPLIES[type(command)])

    async def _attempt(self, command: Command) -> dict[str, Any] | None:
        """Sends a command once. None: the connection went away, and nobody knows its effect."""
        await self._ready.wait()
        if self._closed is not None:
            raise self._closed
        answer = self._waiting[command.id] = asyncio.get_running_loop().create_future()
        return await answer if await self._write(command) else None

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
            except ConnectionClosed as lost:
                code = lost.rcvd.code if lost.rcvd is not None else None
            except (OSError, TimeoutError, InvalidHandshake):
                pass
            except Exception as problem:
                # Not a network's fault but a frame we cannot read; whoever waits has to know.
                log.exception("room client failed")
                self._reconnect = False
                self._closed = Closed()
                self._closed.__cause__ = problem
            self._socket = None
            self._ready.clear()
            self._lose()
            if not self._reconnect or (code is not None and code >= _STAY_AWAY_FROM):
                self._end(Closed(code))
                return
            attempt = 0 if loop.time() - started_s > STABLE_AFTER_S else attempt + 1
            ceiling_s = min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2**attempt)
            await asyncio.sleep(self._wait_s + random.uniform(0, ceiling_s))
            self._wait_s = 0.0
            self.reconnects += 1

    async def _connection(self) -> int | None:
        protocol = Subprotocol(f"livecommerce.v1.{self._codec}")
        async with connect(
            self.url,
            subprotocols=[protocol],
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=CLOSE_S,
        ) as socket:
            self._socket = socket
            self._hello_id = new_id()
            await self._write(
                Hello(
                    id=self._hello_id,
                    token=self.token,
                    room=self.room,
                    epoch=self.mirror.epoch,
                    offset=self.mirror.offset,
                )
            )
            loop = asyncio.get_running_loop()
            silence_s = _WELCOME_S
            # The server beats; a network that died says nothing at all.
            async with asyncio.timeout(silence_s) as silence:
                try:
                    async for frame in socket:
                        self._receive(_decode(frame))
                        if self.welcome:
                            silence_s = _SILENCE_BEATS * self.welcome["beat_s"]
                        silence.reschedule(loop.time() + silence_s)
                except GapFound:
                    await socket.close()
            return socket.close_code

    def _receive(self, message: dict[str, Any]) -> None:
        if message.get("room", self.room) != self.room:
            # Of the room we were in before `join`, or a beat to those who are in none.
            return
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
                self.mirror.beat(message["epoch"], message["last"])

    def _settle(self, message: dict[str, Any]) -> None:
        answer = self._waiting.get(message["id"] or "")
        if answer is not None and not answer.done():
            answer.set_result(message)
        elif message["id"] == self._hello_id:
            # Only an error comes under this id. The server closes now; do we come back?
            if message["retry"] == "after":
                self._wait_s = (message.get("after_ms") or 0) / 1000
            else:
                self._reconnect = False
                self._closed = Closed()
                self._closed.__cause__ = CallRefused(message)

    def _emit(self, events: list[Event]) -> None:
        for event in events:
            if self._events.full():
                # A reader that does not read must not hold memory without bound.
                self._events.get_nowait()
            self._events.put_nowait(event)

    async def _write(self, command: Command) -> bool:
        """Sends a command; False when the connection is lost."""
        socket = self._socket
        if socket is None:
            return False
        plain = msgspec.to_builtins(command)
        try:
            if self._codec == "msgpack":
                await socket.send(msgpack.packb(plain))
            else:
                await socket.send(orjson.dumps(plain), text=True)
        except ConnectionClosed:
            if socket is self._socket:
                # The reader has not noticed yet. It says when it is back in the room.
                self._ready.clear()
            return False
        return True

    def _lose(self) -> None:
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)

    def _end(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
        self._lose()
        self._ready.set()
        self._emit_end()

    def _emit_end(self) -> None:
        if self._events.full():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def join(self, room: str) -> None:
        """Moves to another room."""
        before = self.room, self.mirror
        self.room, self.mirror = room, RoomMirror()
        try:
            await self.call(Join(id=new_id(), room=room))
        except CallRefused:
            # We are where we were. What we did not look at meanwhile is found to be missing.
            self.room, self.mirror = before
            raise

    async def ping(self) -> int:
        """Asks for the server's clock; corrects `clock_offset_ms`. Returns the round trip in ms."""
        loop = asyncio.get_running_loop()
        sent_s = loop.time()
        reply = await self.call(Ping(id=new_id()))
        trip_ms = round((loop.time() - sent_s) * 1000)
        self.clock_offset_ms = reply.now + trip_ms // 2 - time.time_ns() // 1_000_000
        return trip_ms


def _decode(frame: str | bytes) -> dict[str, Any]:
    message: dict[str, Any] = (
        orjson.loads(frame) if isinstance(frame, str) else msgpack.unpackb(frame)
    )
    return message


def _events(plain: Any) -> list[Any]:
    return [msgspec.convert(event, AnyEvent) for event in plain]
