"""Sends a case and gives what came back."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
from yarl import URL

from tests.bad_input.case import NOBODY, Frame, Request, Wire
from tests.bad_input.scene import Scene
from tests.support.http import Connector
from tests.support.ports import LOOPBACK
from tests.support.sockets import LiveSocket, frame, new_command_id

ANSWER_S = 10.0


@dataclass(slots=True)
class Heard:
    """What a socket was answered: the error, if any, and the code it was closed with, if it was."""

    error: dict[str, Any] | None = None
    close: int | None = None


async def send_frame(scene: Scene, case: Frame) -> Heard:
    """Sends it on a fresh socket, and finds out whether that socket still lives afterwards."""
    token = None if case.who == NOBODY else scene.tokens[case.who]
    socket = await LiveSocket.open(scene.server.port, token=token, room=scene.fill(case.room))
    heard = Heard()
    errors: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    socket.on_message = lambda message: (
        errors.put_nowait(message) if message["t"] in ("err", "ok") else None
    )
    payload = case.raw
    if payload is None:
        # By the standard library: it writes integers of any size.
        payload = json.dumps({"id": new_command_id(), **scene.fill(case.command)}).encode()
    socket.write(frame(payload, opcode=case.opcode))
    if case.code is not None:
        heard.error = await asyncio.wait_for(errors.get(), ANSWER_S)
    if case.close is None:
        pong = await asyncio.wait_for(socket.ask({"t": "ping", "id": new_command_id()}), ANSWER_S)
        heard.close = pong.get("close") if pong["t"] == "lost" else None
    else:
        async with asyncio.timeout(ANSWER_S):
            while not socket.is_lost:
                await asyncio.sleep(0.01)
        heard.close = socket.close_code
    socket.abort()
    return heard


async def send_request(scene: Scene, case: Request) -> tuple[int, dict[str, Any], Any]:
    """Gives status, the problem document, and the headers."""
    headers: list[tuple[str, str]] = [(name, scene.fill(value)) for name, value in case.headers]
    if case.who != NOBODY:
        headers.append(("Authorization", f"Bearer {scene.tokens[case.who]}"))
    data: bytes | io.BytesIO | None = None if case.raw is None else io.BytesIO(case.raw)
    if case.body is not None:
        headers.append(("Content-Type", "application/json"))
        data = orjson.dumps(scene.fill(case.body))
    url = URL(f"{scene.server.url}{scene.fill(case.path)}", encoded=True)
    timeout = aiohttp.ClientTimeout(total=30)
    async with (
        aiohttp.ClientSession(connector=Connector(), timeout=timeout) as session,
        session.request(
            case.method, url, data=data, headers=headers, skip_auto_headers=("Content-Type",)
        ) as answer,
    ):
        body = await answer.read()
        problem = orjson.loads(body) if body.startswith(b"{") else {}
        return answer.status, problem, answer.headers


async def send_bytes(scene: Scene, case: Wire) -> tuple[int, bytes]:
    """Gives the status, and everything up to the end of the connection."""
    reader, writer = await asyncio.open_connection(LOOPBACK, scene.server.port)
    try:
        writer.write(case.sent)
        async with asyncio.timeout(ANSWER_S):
            head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.") else 0
        return status, head
    finally:
        writer.transport.abort()
