"""A proxy between us and PostgreSQL that loses connections at the worst moment: around COMMIT."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"


class Fault(Enum):
    """What becomes of a COMMIT."""

    NONE = "none"
    COMMIT_LOST = "it never reaches the server"
    REPLY_LOST = "it is carried out, and the reply is lost"
    CUT = "it is passed on, and the line is cut at once, whatever the server is doing"


class FaultyNetwork:
    """Forwards everything; for a share of the COMMITs something else happens."""

    def __init__(self, seed: int, share: float) -> None:
        self.faults: list[Fault] = []
        self._random = random.Random(seed)
        self.share = share

    def _fault(self) -> Fault:
        if self._random.random() >= self.share:
            return Fault.NONE
        fault = self._random.choice([Fault.COMMIT_LOST, Fault.REPLY_LOST, Fault.CUT])
        self.faults.append(fault)
        return fault

    async def connect(
        self, server: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        far_reader, far_writer = await asyncio.open_unix_connection(server)
        back = asyncio.create_task(_forward(far_reader, writer))
        try:
            while sent := await reader.read(65536):
                fault = self._fault() if sent.endswith(COMMIT) else Fault.NONE
                if fault is Fault.COMMIT_LOST:
                    break
                if fault is Fault.REPLY_LOST:
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                far_writer.write(sent)
                await far_writer.drain()
                if fault is Fault.REPLY_LOST:
                    await far_reader.read(65536)
                if fault is not Fault.NONE:
                    break
        except ConnectionError:
            pass
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            far_writer.close()
            writer.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    # A server that dies with something unread resets the connection; that is an end like another.
    with suppress(ConnectionError):
        while received := await reader.read(65536):
            writer.write(received)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def faulty_network(
    server_folder: Path, folder: Path, *, seed: int, share: float
) -> AsyncIterator[FaultyNetwork]:
    """Listen on a socket in `folder` and forward to the server whose socket is in another."""
    network = FaultyNetwork(seed, share)
    open_lines: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = asyncio.create_task(network.connect(str(server_folder / SOCKET), reader, writer))
        open_lines.add(line)
        line.add_done_callback(open_lines.discard)

    listener = await asyncio.start_unix_server(connected, str(folder / SOCKET))
    try:
        yield network
    finally:
        listener.close()
        await listener.wait_closed()
        for line in open_lines:
            line.cancel()
        await asyncio.gather(*open_lines, return_exceptions=True)
