"""Our hub and front door, told what to say by lines over a socket like the peers' programs.

Arguments: the port, the intake's port. The tick is the hub's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import msgspec
import uvloop

from benchmarks.support.control import raise_open_files
from benchmarks.support.hub_server import ROOM, Measured, Said


async def main(port: int, intake_port: int) -> None:
    measured = Measured()
    await measured.open(port)
    await measured.hub.open_room(ROOM)
    publisher = measured.hub.publisher

    async def read(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            if not line.startswith(b"tick "):
                publisher.publish(ROOM, msgspec.json.decode(line, type=Said))

    await asyncio.start_server(read, "127.0.0.1", intake_port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    raise_open_files()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
