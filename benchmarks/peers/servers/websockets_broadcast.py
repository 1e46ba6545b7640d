"""`websockets.broadcast`: the broadcast of its documentation, under uvloop."""

import sys

import uvloop
from intake import Intake
from websockets.asyncio.server import ServerConnection, broadcast, serve

CONNECTIONS: set[ServerConnection] = set()


async def watch(websocket: ServerConnection) -> None:
    CONNECTIONS.add(websocket)
    try:
        await websocket.wait_closed()
    finally:
        CONNECTIONS.discard(websocket)


async def say(text: str) -> None:
    broadcast(CONNECTIONS, text)


async def main(port: int, intake_port: int) -> None:
    async with serve(watch, "127.0.0.1", port, compression=None):
        await Intake(say).run(intake_port)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
