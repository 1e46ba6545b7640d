"""One socket of a room client, from its opening to its end."""

from __future__ import annotations

import asyncio
import random
import re
import zlib
from collections.abc import Callable
from typing import Any

import msgpack
import msgspec
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from livecommerce.client.position import GapFound
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Command, Hello

CLOSE_S = 2.0
"""How long a peer may take to answer our close frame."""
WELCOME_S = 30.0
SILENCE_BEATS = 1.5
_OFFERS = {
    "msgpack": [Subprotocol("livecommerce.v1.msgpack")],
    "json": [Subprotocol("livecommerce.v1.json")],
    # A server that does not deflate has the other one.
    "json.deflate": [
        Subprotocol("livecommerce.v1.json.deflate"),
        Subprotocol("livecommerce.v1.json"),
    ],
}
_WITHIN = re.compile(r"within_ms=(\d{1,5})")


class Link:
    """A socket that says hello, and the commands that wait for their answers on it.

    Args:
        hello: makes the greeting, under the id it is given, when the socket is open.
        receive: takes every message; may raise GapFound, which closes the link.
    """

    def __init__(
        self,
        url: str,
        codec: str,
        *,
        hello: Callable[[str], Hello],
        receive: Callable[[Link, dict[str, Any]], None],
    ) -> None:
        self.hello_id = new_id()
        self.is_welcome = asyncio.Event()
        self.is_over = False
        self.wait_s = 0.0
        """How long to stay away before the next one is opened: what the server asked for."""
        self.next: asyncio.Task[Link | None] | None = None
        """The way to the link that takes over from this one, when the server asked for that."""
        self._url = url
        self._codec = codec
        self._hello = hello
        self._receive = receive
        self._socket: ClientConnection | None = None
        self._waiting: dict[str, asyncio.Future[dict[str, Any] | None]] = {}
        """The answer to each command by its id; None when the socket was lost before."""
        self.task = asyncio.create_task(self._run(), name="room client")
        """Gives the close code when the socket has ended, if there was one."""

    async def ask(self, command: Command) -> dict[str, Any] | None:
        """Sends a command once. None: the socket went away, and nobody knows its effect."""
        if self._socket is None or self.is_over:
            return None
        answer: asyncio.Future[dict[str, Any] | None]
        answer = self._waiting[command.id] = asyncio.get_running_loop().create_future()
        try:
            await self._write(command)
            return await answer
        except ConnectionClosed:
            return None
        finally:
            self._waiting.pop(command.id, None)

    def settle(self, message: dict[str, Any]) -> None:
        """Takes the answer to a command."""
        answer = self._waiting.get(message["id"] or "")
        if answer is not None and not answer.done():
            answer.set_result(message)

    async def leave(self, within_s: float) -> None:
        """Closes the socket when the commands under way are answered, or have had their time."""
        if waiting := list(self._waiting.values()):
            await asyncio.wait(waiting, timeout=within_s)
        await self.close()

    async def close(self) -> None:
        """Closes the socket, by the handshake."""
        if self._socket is not None:
            await self._socket.close()

    def abort(self) -> None:
        """Loses the socket as a dead network would."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def _run(self) -> int | None:
        try:
            await self._listen()
        except ConnectionClosed:
            pass
        except InvalidStatus as refused:
            self.wait_s = _retry_after_s(refused)
        except (GapFound, OSError, TimeoutError, InvalidHandshake):
            pass
        finally:
            self.is_over = True
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_result(None)
        if self._socket is None or self._socket.close_code is None:
            return None
        if told := _WITHIN.fullmatch(self._socket.close_reason or ""):
            self.wait_s = random.uniform(0, int(told[1]) / 1000)
        return self._socket.close_code

    async def _listen(self) -> None:
        async with connect(
            self._url,
            subprotocols=_OFFERS[self._codec],
            compression=None,
            max_size=None,
            ping_interval=None,
            close_timeout=CLOSE_S,
        ) as socket:
            self._socket = socket
            await self._write(self._hello(self.hello_id))
            loop = asyncio.get_running_loop()
            silence_s = WELCOME_S
            # The server beats; a network that died says nothing at all.
            async with asyncio.timeout(silence_s) as silence:
                async for frame in socket:
                    message = self._decode(frame)
                    if message["t"] == "welcome":
                        silence_s = SILENCE_BEATS * message["beat_s"]
                        self.is_welcome.set()
                    self._receive(self, message)
                    silence.reschedule(loop.time() + silence_s)

    async def _write(self, command: Command) -> None:
        assert self._socket is not None
        plain = msgspec.to_builtins(command)
        if self._codec == "msgpack":
            await self._socket.send(msgpack.packb(plain))
        else:
            await self._socket.send(orjson.dumps(plain), text=True)

    def _decode(self, frame: str | bytes) -> dict[str, Any]:
        message: dict[str, Any]
        if self._codec == "msgpack":
            message = msgpack.unpackb(frame)
        else:
            json = zlib.decompress(frame, -15) if isinstance(frame, bytes) else frame
            message = orjson.loads(json)
        return message


def _retry_after_s(refused: InvalidStatus) -> float:
    """What a refusal before the upgrade tells; a date instead of seconds is not ours."""
    told = refused.response.headers.get("Retry-After", "")
    return float(told) if told.isdecimal() else 0.0
