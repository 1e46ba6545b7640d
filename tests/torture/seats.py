"""Where a buyer sits: a live socket that is opened again, at another door if need be."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tests.support.shop import platform_token
from tests.support.sockets import HandshakeRefused, LiveSocket, Reply

RETRIES_MAX = 40
AWAY_S = 120.0
"""The longest a buyer looks for an open door before it gives up for good."""


class Seat:
    """One buyer's place in the room.

    Args:
        number: of the buyer, who has a token `buyer-<number>` of the platform.
        ports: doors of the nodes; it begins at one of them by its number.
        comes_back: a lost connection is made anew and the command under way sent again; otherwise
            its reply is `lost`.
        codes: where it counts what happened on the way.
    """

    def __init__(
        self,
        number: int,
        ports: Sequence[int],
        room_id: str,
        *,
        comes_back: bool,
        codes: Counter[str],
    ) -> None:
        self.number = number
        self.token = platform_token(f"buyer-{number}")
        self.returns = 0
        """How often it has come back after a loss."""
        self._ports = ports
        self._door = number
        self._room_id = room_id
        self._comes_back = comes_back
        self._codes = codes
        self._socket: LiveSocket | None = None
        self._frames = 0
        self._coming_back = asyncio.Lock()

    @property
    def frames(self) -> int:
        """Frames received over all of its connections."""
        return self._frames + (self._socket.frames if self._socket is not None else 0)

    async def take(self) -> None:
        """Opens the connection. The doors are paced; whoever comes too quickly comes again."""
        for _ in range(RETRIES_MAX):
            try:
                self._socket = await self._open()
            except HandshakeRefused as refused:
                if refused.status not in (429, 503):
                    raise
                self._codes["(at the door)"] += 1
                await asyncio.sleep(0.5 + random.random())
            else:
                return
        raise ConnectionRefusedError(f"buyer {self.number}: the doors stay closed")

    async def ask(self, command: dict[str, Any]) -> Reply:
        """Ask, and when the server is busy ask again with the same id, as it says."""
        for _ in range(RETRIES_MAX):
            socket = self._socket
            assert socket is not None, "take the seat first"
            reply = await socket.ask(command)
            if reply["t"] == "lost" and self._comes_back:
                self._codes["(lost)"] += 1
                async with self._coming_back:
                    if self._socket is socket:
                        await self._come_back()
                continue
            if reply["t"] != "err" or reply["retry"] != "after" or reply["code"] == "muted":
                return reply
            self._codes[f"({reply['code']})"] += 1
            await asyncio.sleep((reply.get("after_ms") or 500) / 1000 * (1 + random.random()))
        return {"t": "err", "code": "busy for too long"}

    def leave(self) -> None:
        if self._socket is not None:
            self._socket.abort()

    async def _come_back(self) -> None:
        """Tries one door after the other. Raises ConnectionRefusedError."""
        until_s = asyncio.get_running_loop().time() + AWAY_S
        while asyncio.get_running_loop().time() < until_s:
            await asyncio.sleep(random.random() * 0.3)
            self._door += 1
            try:
                found = await self._open(timeout_s=5)
            except (OSError, TimeoutError, HandshakeRefused):
                # A dead node, one whose room is not loaded yet, or a paced door.
                self._codes["(at the door)"] += 1
            else:
                self._frames = self.frames
                self._socket = found
                self.returns += 1
                return
        raise ConnectionRefusedError(f"buyer {self.number}: no way back in {AWAY_S:.0f} s")

    async def _open(self, *, timeout_s: float = 60) -> LiveSocket:
        port = self._ports[self._door % len(self._ports)]
        return await LiveSocket.open(
            port, token=self.token, room=self._room_id, timeout_s=timeout_s
        )
