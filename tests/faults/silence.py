"""A line between viewers and a node on which, from a moment on, nothing arrives any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.ports import LOOPBACK


class SilentLine:
    """Forwards to a port. What runs over it when it falls silent stays open and hears nothing;
    who connects afterwards is served."""

    def __init__(self, port: int) -> None:
        self.port = 0
        self._to = port
        self._lines: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    def fall_silent(self) -> None:
        """Forwards nothing more on what is open now, and closes nothing."""
        for line in self._lines:
            line.cancel()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self._to)
        self._writers |= {writer, far_writer}
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            line = asyncio.create_task(_forward(source, sink))
            self._lines.add(line)
            line.add_done_callback(self._lines.discard)

    async def close(self) -> None:
        lines = list(self._lines)
        self.fall_silent()
        await asyncio.gather(*lines, return_exceptions=True)
        for writer in self._writers:
            writer.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while received := await reader.read(65536):
            writer.write(received)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def silent_line(port: int) -> AsyncIterator[SilentLine]:
    """A line to a port on loopback; its own port is `port`."""
    line = SilentLine(port)
    server = await asyncio.start_server(line.connect, LOOPBACK, 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()
        await server.wait_closed()
