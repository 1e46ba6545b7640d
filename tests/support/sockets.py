"""A live socket as thin as a socket can be, so that ten thousand buyers fit into one process.

It speaks JSON only, answers pings, and looks into replies alone: what the room is told is counted,
not read (`livecommerce.client` is the client that reads everything).
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import resource
from collections.abc import Callable
from typing import Any, cast

import orjson
from websockets.speedups import apply_mask

from tests.support.ports import LOOPBACK

Reply = dict[str, Any]
Told = Callable[[dict[str, Any]], None]

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_LONG_PAYLOAD, _LONGER_PAYLOAD = 126, 127
_ids = itertools.count()
_RUN = os.urandom(6).hex()


class HandshakeRefused(Exception):
    """The server answered the upgrade with something else than 101."""

    def __init__(self, head: bytes) -> None:
        # The one argument it is made of: it travels between processes.
        super().__init__(head)
        self.status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0

    def __str__(self) -> str:
        return str(self.args[0][:200], "latin-1")


def new_command_id() -> str:
    """An id no other command of this run has."""
    return f"{_RUN}-{next(_ids):012d}"


def frame(payload: bytes, *, opcode: int = _TEXT) -> bytes:
    """One whole client frame, masked as clients must."""
    length = len(payload)
    if length < _LONG_PAYLOAD:
        head = bytes((0x80 | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((0x80 | opcode, 0x80 | _LONG_PAYLOAD)) + length.to_bytes(2)
    else:
        head = bytes((0x80 | opcode, 0x80 | _LONGER_PAYLOAD)) + length.to_bytes(8)
    mask = os.urandom(4)
    return head + mask + apply_mask(payload, mask)


def handshake(port: int, *, origin: str | None = None) -> bytes:
    """The request that opens a live socket."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /v1/live HTTP/1.1",
        f"Host: {LOOPBACK}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: livecommerce.v1.json",
        *([] if origin is None else [f"Origin: {origin}"]),
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def allow_many_sockets(count: int) -> None:
    """Raise this process's limit of open files; children started later inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 512
    if soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


class LiveSocket(asyncio.Protocol):
    """One connection. `ask` gives a future of the reply; nothing ever raises out of it.

    A reply is the `ok`, `err` or `welcome` message; `{"t": "lost", "close": code}` when the
    connection ended first, by a close frame with that code or (None) without one.
    """

    __slots__ = (
        "_opened",
        "_rest",
        "_transport",
        "_waiting",
        "close_code",
        "frames",
        "is_lost",
        "on_message",
        "on_told",
    )

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._rest = b""
        self._opened: asyncio.Future[None] | None = asyncio.get_running_loop().create_future()
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self.close_code: int | None = None
        self.is_lost = False
        self.frames = 0
        """Frames received: what the server had to write to this viewer."""
        self.on_told: Told | None = None
        """Called with the event of every `told`."""
        self.on_message: Told | None = None
        """Called with every other message; without it they are only counted."""

    @classmethod
    async def open(
        cls, port: int, *, token: str | None = None, room: str | None = None, timeout_s: float = 60
    ) -> LiveSocket:
        """Connect and say hello. Raises ConnectionError (refused, or lost in between)."""
        socket = await cls.connect(port, timeout_s=timeout_s)
        reply = await socket.hello(token=token, room=room, timeout_s=timeout_s)
        if reply["t"] != "welcome":
            socket.abort()
            raise ConnectionRefusedError(str(reply))
        return socket

    @classmethod
    async def connect(cls, port: int, *, timeout_s: float = 60) -> LiveSocket:
        """Connect and upgrade. Raises HandshakeRefused, ConnectionError."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            _, socket = await loop.create_connection(cls, LOOPBACK, port)
            assert socket._transport is not None
            assert socket._opened is not None
            socket._transport.write(handshake(port))
            try:
                await socket._opened
            except HandshakeRefused:
                socket.abort()
                raise
            socket._opened = None
        return socket

    async def hello(
        self,
        *,
        token: str | None = None,
        room: str | None = None,
        position: tuple[str, int] | None = None,
        timeout_s: float = 60,
    ) -> Reply:
        """Open the session; gives `welcome`, or the `err` it was refused with.

        Args:
            position: epoch and offset of somebody who comes back.
        """
        said: dict[str, Any] = {"t": "hello", "id": new_command_id()}
        if token is not None:
            said["token"] = token
        if room is not None:
            said["room"] = room
        if position is not None:
            said["epoch"], said["offset"] = position
        async with asyncio.timeout(timeout_s):
            return await self.ask(said)

    def ask(self, command: dict[str, Any]) -> asyncio.Future[Reply]:
        """Send a command (with its `t` and `id`)."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        if self.is_lost or self._transport is None:
            future.set_result({"t": "lost", "close": self.close_code})
            return future
        self._waiting[command["id"]] = future
        self._transport.write(frame(orjson.dumps(command)))
        return future

    def write(self, data: bytes) -> None:
        """Write raw bytes, whatever they are."""
        if self._transport is not None and not self.is_lost:
            self._transport.write(data)

    def abort(self) -> None:
        """Leave without a word."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol ---------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(ConnectionResetError("lost while connecting"))
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_result({"t": "lost", "close": self.close_code})

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
            self._rest = b""
        if self._opened is not None and not self._opened.done():
            head, found, data = data.partition(b"\r\n\r\n")
            if not found:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self._opened.set_exception(HandshakeRefused(head))
                return
            self._opened.set_result(None)
        self._read_frames(data)

    def _read_frames(self, data: bytes) -> None:
        at, end = 0, len(data)
        while end - at >= 2:
            opcode, length, start = data[at] & 15, data[at + 1], at + 2
            if length == _LONG_PAYLOAD:
                start += 2
                length = int.from_bytes(data[at + 2 : start])
            elif length == _LONGER_PAYLOAD:
                start += 8
                length = int.from_bytes(data[at + 2 : start])
            if start + length > end:
                break
            self._take(opcode, data[start : start + length])
            at = start + length
        self._rest = data[at:]

    def _take(self, opcode: int, payload: bytes) -> None:
        self.frames += 1
        if opcode == _TEXT:
            kind = payload[5:9]
            if kind in (b'"ok"', b'"err', b'"wel'):
                self._settle(orjson.loads(payload))
            elif kind == b'"tol':
                if self.on_told is not None:
                    self.on_told(orjson.loads(payload)["event"])
            elif self.on_message is not None:
                self.on_message(orjson.loads(payload))
        elif opcode == _PING:
            self.write(frame(payload, opcode=_PONG))
        elif opcode == _CLOSE:
            self.close_code = int.from_bytes(payload[:2]) if len(payload) >= 2 else 1005
            self.write(frame(payload[:2], opcode=_CLOSE))
            if self._transport is not None:
                self._transport.close()

    def _settle(self, message: Reply) -> None:
        future = self._waiting.pop(message["id"] or "", None)
        if future is not None and not future.done():
            future.set_result(message)
        elif self.on_message is not None:
            self.on_message(message)
