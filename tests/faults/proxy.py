"""A TCP proxy between a node and its Redis that understands RESP, and so can lose, repeat, reorder
and delay single messages, lose single answers, and fall silent without closing a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum

from hiredis import Reader

from tests.support.ports import LOOPBACK, lasting_port

_CHUNK = 1 << 16
_PUSHES = (b"*3\r\n$7\r\nmessage\r\n", b"*3\r\n$8\r\nsmessage\r\n")


class Fault(StrEnum):
    """What may happen to one push message."""

    DROP = "drop"
    REPEAT = "repeat"
    SWAP = "swap"
    """Comes after the one that follows it."""
    DELAY = "delay"
    """Comes `delay_s` late; what follows overtakes it."""


def end_of(data: bytes, at: int = 0) -> int | None:
    """Where the RESP2 value that begins at `at` ends; None when the rest of it is still to come."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    after = line_end + 2
    kind = data[at : at + 1]
    if kind == b"$":
        size = int(data[at + 1 : line_end])
        end = after if size < 0 else after + size + 2
        return end if end <= len(data) else None
    if kind == b"*":
        for _ in range(int(data[at + 1 : line_end])):
            found = end_of(data, after)
            if found is None:
                return None
            after = found
    return after


def parsed(raw: bytes) -> list[bytes]:
    """The parts of one whole RESP array of strings."""
    reader = Reader()
    reader.feed(raw)
    parts: list[bytes] = reader.gets()
    return parts


class _Stream:
    """Cuts what arrives into whole values."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        data = self._rest + data
        at, values = 0, []
        while (end := end_of(data, at)) is not None:
            values.append(data[at:end])
            at = end
        self._rest = data[at:]
        return values


class _Link:
    """One connection of the node's, and ours to Redis on its behalf."""

    def __init__(self, node: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
        self.from_node, self.to_node = node
        self.to_redis: asyncio.StreamWriter | None = None
        self.is_open = asyncio.Event()
        self.unanswered: deque[bytes] = deque()
        """Commands under way, the digest of those that run a script."""
        self.late: bytes | None = None

    def cut(self) -> None:
        for writer in (self.to_node, self.to_redis):
            if writer is not None:
                writer.transport.abort()


class RedisProxy:
    """Stands before one Redis for one node. `async with` listens on `port`.

    Args:
        target: port of the Redis; may be changed, for connections made later.
        is_meant: (channel) -> whether its messages are those that faults happen to.
    """

    def __init__(
        self, target: int, *, is_meant: Callable[[bytes], bool] = lambda channel: True
    ) -> None:
        self.target = target
        self.port = lasting_port()
        self.is_meant = is_meant
        self.delay_s = 0.2
        self.pushes = 0
        """Messages that were meant, so far."""
        self.injected = 0
        """Faults that have happened."""
        self.connections = 0
        self._plan: dict[int, Fault] = {}
        self._answers_to_lose: deque[bytes] = deque()
        self._links: set[_Link] = set()
        self._is_silent = False
        self._is_stalled = False
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> RedisProxy:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, self.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    # Faults

    def plan(self, *faults: Fault, after: int = 0) -> None:
        """Has faults happen to the messages after the next `after`, one each."""
        for number, fault in enumerate(faults, self.pushes + 1 + after):
            self._plan[number] = fault

    @property
    def planned(self) -> int:
        """Faults that are still to happen."""
        return len(self._plan) + len(self._answers_to_lose)

    def lose_answers(self, digest: str, count: int = 1) -> None:
        """Cuts the connection, so many times, when Redis has carried out a script and before the
        node hears so."""
        self._answers_to_lose.extend([digest.encode()] * count)

    def fall_silent(self) -> None:
        """Nothing passes any more, and nobody is told: packets are dropped."""
        self.injected += 1
        self._is_silent = True
        for link in self._links:
            link.is_open.clear()

    def heal(self, *, forget: bool = False) -> None:
        """Lets everything pass again, what was sent meanwhile included.

        Args:
            forget: only for new connections; the old ones stay silent for ever, as behind a
                firewall that has forgotten them.
        """
        self._is_silent = False
        if not forget:
            for link in self._links:
                link.is_open.set()

    def stall_pushes(self) -> None:
        """Reads nothing from Redis any more on connections that only listen."""
        self._flowing.clear()

    def resume_pushes(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        """Resets every connection."""
        self.injected += 1
        for link in list(self._links):
            link.cut()

    # Passing on

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(_Link((reader, writer))))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, link: _Link) -> None:
        self._links.add(link)
        self.connections += 1
        if not self._is_silent:
            link.is_open.set()
        try:
            await link.is_open.wait()
            with suppress(OSError):
                from_redis, link.to_redis = await asyncio.open_connection(LOOPBACK, self.target)
                up = asyncio.create_task(self._up(link, link.to_redis))
                down = asyncio.create_task(self._down(link, from_redis))
                try:
                    await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (up, down):
                        task.cancel()
                    await asyncio.gather(up, down, return_exceptions=True)
        finally:
            self._links.discard(link)
            link.cut()

    async def _up(self, link: _Link, to_redis: asyncio.StreamWriter) -> None:
        stream = _Stream()
        while data := await link.from_node.read(_CHUNK):
            for command in stream.feed(data):
                parts = parsed(command)
                link.unanswered.append(parts[1] if parts[0] == b"EVALSHA" else b"")
            await link.is_open.wait()
            to_redis.write(data)
            await to_redis.drain()

    async def _down(self, link: _Link, from_redis: asyncio.StreamReader) -> None:
        stream = _Stream()
        while data := await from_redis.read(_CHUNK):
            await link.is_open.wait()
            for value in stream.feed(data):
                if value.startswith(_PUSHES):
                    self._push(link, value)
                    await self._flowing.wait()
                elif self._is_lost(link):
                    link.cut()
                    return
                else:
                    link.to_node.write(value)
            await link.to_node.drain()

    def _is_lost(self, link: _Link) -> bool:
        answered = link.unanswered.popleft() if link.unanswered else b""
        if not self._answers_to_lose or answered != self._answers_to_lose[0]:
            return False
        self._answers_to_lose.popleft()
        self.injected += 1
        return True

    def _push(self, link: _Link, push: bytes) -> None:
        fault = None
        if self.is_meant(parsed(push)[1]):
            self.pushes += 1
            fault = self._plan.pop(self.pushes, None)
        late, link.late = link.late, None
        self.injected += fault is not None
        match fault:
            case Fault.DROP:
                link.late = late
                return
            case Fault.SWAP if late is None:
                link.late = push
                return
            case Fault.DELAY:
                loop = asyncio.get_running_loop()
                loop.call_later(self.delay_s, link.to_node.write, push)
            case Fault.REPEAT:
                link.to_node.write(push + push)
            case _:
                link.to_node.write(push)
        if late is not None:
            link.to_node.write(late)
