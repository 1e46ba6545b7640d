"""python-socketio: `emit` to a room, on the server named as the third argument.

Arguments: the port, the intake's port, `uvicorn` or `aiohttp`.
"""

import asyncio
import json
import sys
from typing import Any

import socketio
import uvicorn
import uvloop
from aiohttp import web
from intake import Intake

ROOM = "room"


def server(async_mode: str) -> Any:
    sio = socketio.AsyncServer(
        async_mode=async_mode,
        transports=["websocket"],
        http_compression=False,
        cors_allowed_origins="*",
    )

    @sio.event
    async def connect(sid: str, _environ: Any) -> None:
        await sio.enter_room(sid, ROOM)

    return sio


async def main(port: int, intake_port: int, kind: str) -> None:
    sio = server("asgi" if kind == "uvicorn" else "aiohttp")

    async def say(text: str) -> None:
        await sio.emit("said", json.loads(text), room=ROOM)

    intake = Intake(say).run(intake_port)
    if kind == "uvicorn":
        config = uvicorn.Config(
            socketio.ASGIApp(sio),
            port=port,
            ws_per_message_deflate=False,
            log_level="warning",
            access_log=False,
        )
        await asyncio.gather(uvicorn.Server(config).serve(), intake)
    else:
        app = web.Application()
        sio.attach(app)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        await intake


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
