"""One room over one socket that comes back by itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Coroutine
from types import TracebackType
from typing import Any, TypeVar

import msgspec
import structlog

from livecommerce.client.failures import CallRefused, Closed
from livecommerce.client.link import Link
from livecommerce.client.position import RoomMirror
from livecommerce.gateway.wire import REPLIES, AnyEvent
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command, Hello, Join, Ping, Renew
from livecommerce.protocol.events import Event

log = structlog.get_logger()
T = TypeVar("T")

BACKOFF_BASE_S = 0.3
BACKOFF_MAX_S = 20.0
STABLE_AFTER_S = 30.0
CALLS_S = 2.0
"""How long a link that was handed over waits for the answers to commands under way."""
_STAY_AWAY_FROM = 4500


class RoomClient:
    """A viewer, host or bot in one room.

    Args:
        url: ws:// or wss:// address of the live socket.
        room: id of the room (`GET /v1/rooms/{slug}` tells it).
        token: access token; without one the client only watches.
        codec: "json", "msgpack", or "json.deflate" (deflated where the server does that).
        reconnect: come back after a lost connection, with full jitter, from where it was.
        light: hear what changes and what the staff says, but not all that viewers say.
    """

    def __init__(
        self,
        url: str,
        *,
        room: str | None = None,
        token: str | None = None,
        codec: str = "json",
        reconnect: bool = True,
        light: bool = False,
        queue_max: int = 10_000,
    ) -> None:
        self.url = url
        self.room = room
        self.token = token
        self.mirror = RoomMirror()
        self.welcome: dict[str, Any] = {}
        self.reconnects = 0
        self.hand_overs = 0
        """How often a node that was closing was left for another, without a break."""
        self.recoveries = 0
        self.snapshots = 0
        self.clock_offset_ms = 0
        self._codec = codec
        self._light = light
        self._heavy_at: tuple[str | None, int | None] = (None, None)
        """Where we were when we began to be light."""
        self._reconnect = reconnect
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(queue_max)
        self._link: Link | None = None
        """The one whose word about the room counts."""
        self._tasks: set[asyncio.Task[Any]] = set()
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
            if self._link is not None:
                await self._link.close()
        finally:
            if self._reader is not None:
                self._reader.cancel()
            self._end(Closed(1000))
        if self._reader is not None:
            # Not `await reader`: to catch its cancellation would catch one that is meant for us.
            await asyncio.wait({self._reader})

    async def drop(self) -> None:
        """Loses the connection as a dead network would, without a close frame (for tests)."""
        if self._link is not None:
            self._link.abort()

    async def events(self) -> AsyncIterator[Event]:
        """Gives every new event once and in order, over any number of reconnects."""
        while (event := await self._events.get()) is not None:
            yield event

    async def call(self, command: Command, *, timeout_s: float = 10.0) -> Any:
        """Sends a command and returns its reply Struct.

        Raises CallRefused with the server's code. After a lost connection the same command is sent
        again under its id, so that it has one effect.
        """
        async with asyncio.timeout(timeout_s):
            while (answer := await self._attempt(command)) is None:
                pass
        if answer["t"] == "err":
            raise CallRefused(answer)
        return msgspec.convert(answer["d"], REPLIES[type(command)])

    async def _attempt(self, command: Command) -> dict[str, Any] | None:
        """Sends a command once. None: the connection went away, and nobody knows its effect."""
        await self._ready.wait()
        if self._closed is not None:
            raise self._closed
        link = self._link
        answer = await link.ask(command) if link is not None else None
        if answer is None and link is self._link:
            # The reader has not noticed yet. It says when it is back in the room.
            self._ready.clear()
        return answer

    async def renew(self, token: str) -> None:
        """Uses another access token from now on."""
        self.token = token
        await self.call(Renew(id=new_id(), token=token))

    # ---- the connection ----------------------------------------------------------------------

    async def _run(self) -> None:
        attempt = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                started_s = loop.time()
                code, wait_s = await self._stay()
                self._link = None
                self._ready.clear()
                if not self._reconnect or (code is not None and code >= _STAY_AWAY_FROM):
                    self._end(Closed(code))
                    return
                attempt = 0 if loop.time() - started_s > STABLE_AFTER_S else attempt + 1
                await asyncio.sleep(wait_s + _backoff_s(attempt))
                self.reconnects += 1
        except Exception as problem:
            # Not a network's fault but a frame we cannot read; whoever waits has to know.
            log.exception("room client failed")
            self._closed = Closed()
            self._closed.__cause__ = problem
            self._end(self._closed)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _stay(self) -> tuple[int | None, float]:
        """Is connected, over as many hand-overs as the nodes ask for.

        Returns the last close code, if there was one, and how many seconds to stay away.
        """
        link = self._link = self._open()
        while True:
            code = await link.task
            successor = await link.next if link.next is not None else None
            if successor is None:
                return code, link.wait_s
            link = successor

    async def _hand_over(self, old: Link, in_ms: int) -> Link | None:
        """Make before break: opens the next link while the old one goes on.

        Returns the link that took over (at its welcome), once the old one is closed. None: the old
        one ended, and there was no other to be had.
        """
        attempt = 0
        await asyncio.wait({old.task}, timeout=random.uniform(0, in_ms / 1000))
        while True:
            link = self._open()
            welcome = self._spawn(link.is_welcome.wait())
            await asyncio.wait({welcome, link.task}, return_when=asyncio.FIRST_COMPLETED)
            welcome.cancel()
            if self._link is link:
                self.hand_overs += 1
                await old.leave(CALLS_S)
                return link
            attempt += 1
            if not old.is_over:
                await asyncio.wait({old.task}, timeout=link.wait_s + _backoff_s(attempt))
            if old.is_over or link.task.cancelled() or link.task.exception() is not None:
                return None

    def _open(self) -> Link:
        link = Link(self.url, self._codec, hello=self._hello, receive=self._receive)
        self._keep(link.task)
        return link

    def _hello(self, id: str) -> Hello:
        return Hello(
            id=id,
            token=self.token,
            room=self.room,
            epoch=self.mirror.epoch,
            offset=self.mirror.offset,
            light=self._light,
        )

    def _spawn(self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(coroutine, name="room client")
        self._keep(task)
        return task

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _receive(self, link: Link, message: dict[str, Any]) -> None:
        match message["t"]:
            case "ok" | "err":
                link.settle(message)
                if message["id"] == link.hello_id:
                    self._refused(link, message)
            case "told":
                # What one of two links is told the other may have been told too late.
                self._emit(self.mirror.apply(_events([message["event"]])))
            case "welcome":
                self._link, self.welcome = link, message
                if self.room is None:
                    self._ready.set()
            case "moved":
                if link.next is None and self._reconnect:
                    link.next = self._spawn(self._hand_over(link, message["in_ms"]))
            case _ if link is self._link and message.get("room", self.room) == self.room:
                # Not of the room we were in before `join`, nor a beat to those who are in none; and
                # what an old link still says is told by its successor.
                self._receive_of_room(message)

    def _receive_of_room(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "batch":
                events = _events(message.get("events", ()))
                self._emit(
                    self.mirror.batch(
                        message.get("epoch", ""), message.get("first"), message.get("last"), events
                    )
                )
                self._emit(self.mirror.count(_events(message.get("volatile", ()))))
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
            case "regraded":
                self.welcome["capabilities"] = message["capabilities"]
            case "beat":
                self.mirror.beat(message["epoch"], message["last"])

    def _refused(self, link: Link, err: dict[str, Any]) -> None:
        """Our hello was refused, and the server closes now; do we come back?"""
        if err["retry"] == "after":
            link.wait_s = (err.get("after_ms") or 0) / 1000
        elif link is self._link:
            self._reconnect = False
            self._closed = Closed()
            self._closed.__cause__ = CallRefused(err)

    def _emit(self, events: list[Event]) -> None:
        for event in events:
            if self._events.full():
                # A reader that does not read must not hold memory without bound.
                self._events.get_nowait()
            self._events.put_nowait(event)

    def _end(self, closed: Closed) -> None:
        if self._closed is None:
            self._closed = closed
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
            await self.call(Join(id=new_id(), room=room, light=self._light))
        except CallRefused:
            # We are where we were. What we did not look at meanwhile is found to be missing.
            self.room, self.mirror = before
            raise

    async def look(self, *, light: bool) -> None:
        """Begins to be light, or ends it: then what was left out meanwhile comes, or the room anew
        when it is more than the server keeps."""
        if light == self._light or self.room is None:
            return
        before = self._light, self._heavy_at
        here = self.mirror.epoch, self.mirror.offset
        epoch, offset = here if light else self._heavy_at
        self._light, self._heavy_at = light, here
        join = Join(id=new_id(), room=self.room, epoch=epoch, offset=offset, light=light)
        try:
            await self.call(join)
        except CallRefused:
            self._light, self._heavy_at = before
            raise

    async def ping(self) -> int:
        """Asks for the server's clock; corrects `clock_offset_ms`. Returns the round trip in ms."""
        loop = asyncio.get_running_loop()
        sent_s = loop.time()
        reply = await self.call(Ping(id=new_id()))
        trip_ms = round((loop.time() - sent_s) * 1000)
        self.clock_offset_ms = reply.now + trip_ms // 2 - time.time_ns() // 1_000_000
        return trip_ms


def _backoff_s(attempt: int) -> float:
    """Full jitter: a crowd that was cut off together does not come back together."""
    return random.uniform(0, min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2**attempt))


def _events(plain: Any) -> list[Any]:
    return [msgspec.convert(event, AnyEvent) for event in plain]
