"""A link between browsers and the server that can be slow, and that can be cut."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.support.ports import LOOPBACK

_CHUNK = 16_384


class Link:
    """Forwards TCP connections to a port of this machine.

    Args:
        one_way_s: how long bytes travel, each way.
        bytes_per_s: what all connections share in the direction of the browser; None: no limit.
    """

    def __init__(
        self, to_port: int, *, one_way_s: float = 0.0, bytes_per_s: float | None = None
    ) -> None:
        self.port = 0
        self._to_port = to_port
        self._one_way_s = one_way_s
        self._bytes_per_s = bytes_per_s
        self._free_at_s = 0.0
        self._is_cut = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """The server's address by way of this link."""
        return f"http://{LOOPBACK}:{self.port}"

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Every connection dies without a goodbye, and new ones come to nothing."""
        self._is_cut = True
        for writer in tuple(self._writers):
            writer.transport.abort()

    def mend(self) -> None:
        self._is_cut = False

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self._is_cut:
                return
            # the handshake of TCP takes a journey there and back
            await asyncio.sleep(2 * self._one_way_s)
            there, back = await asyncio.open_connection(LOOPBACK, self._to_port)
            self._writers.add(back)
            try:
                if self._is_cut:
                    return
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._carry(reader, back, is_limited=False))
                    group.create_task(self._carry(there, writer, is_limited=True))
            finally:
                self._writers.discard(back)
                back.transport.abort()
        except* (OSError, asyncio.IncompleteReadError):
            pass  # cut, or closed by one of the ends
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_limited: bool
    ) -> None:
        loop = asyncio.get_running_loop()
        travelling: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(64)

        async def arrive() -> None:
            while True:
                due_s, chunk = await travelling.get()
                await asyncio.sleep(max(0.0, due_s - loop.time()))
                if not chunk:
                    writer.write_eof()
                    return
                writer.write(chunk)
                await writer.drain()

        arriving = asyncio.create_task(arrive())
        try:
            while not arriving.done():
                chunk = await reader.read(_CHUNK)
                sent_s = loop.time()
                if is_limited and self._bytes_per_s is not None and chunk:
                    # one wire for all connections: each chunk waits for those before it
                    begin_s = max(sent_s, self._free_at_s)
                    self._free_at_s = sent_s = begin_s + len(chunk) / self._bytes_per_s
                await travelling.put((sent_s + self._one_way_s, chunk))
                if not chunk:
                    break
                # nothing is read ahead of the wire, as a socket buffer would refuse it
                await asyncio.sleep(max(0.0, sent_s - loop.time() - 0.05))
            await arriving
        finally:
            arriving.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await arriving


@asynccontextmanager
async def running_link(
    to_port: int, *, one_way_s: float = 0.0, bytes_per_s: float | None = None
) -> AsyncIterator[Link]:
    """An open link, closed at the end."""
    link = Link(to_port, one_way_s=one_way_s, bytes_per_s=bytes_per_s)
    await link.open()
    try:
        yield link
    finally:
        await link.close()
