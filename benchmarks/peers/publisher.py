"""The one who speaks: events of one shape at a steady pace, over a line or by POST."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

OUTSTANDING_S = 0.5
"""A server that cannot keep up is offered as much as it takes: it has at most this much of the
offered load, and never less than a few events, to deliver at any time."""
OUTSTANDING_MIN = 10
TEXT = "so beautiful, which sizes are left in blue? " * 2


def event(number: int) -> str:
    """A chat line of about 200 bytes, stamped with the moment it is spoken."""
    return (
        f'{{"t":"said","id":"{number:026d}","at":{time.time_ns() // 1_000_000},'
        f'"number":{number},"sent_ns":{time.monotonic_ns()},"text":"{TEXT}"}}'
    )


class Publisher(asyncio.Protocol):
    """Args:
    path: where to POST, or "" for lines (see `servers/intake.py`).
    template: the POST's body, with %s for an event or an array of them.
    """

    def __init__(self, *, path: str, template: str) -> None:
        self.path = path
        self.template = template
        self.number = 0
        self.wanted = 0
        """Events there should have been by the pace."""
        self.refusal = b""
        self._tick_s = 0.0
        self._pending: list[str] = []
        self._flushed_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def connect(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 2"):
            self.refusal = data[:200]

    def close(self) -> None:
        self.transport.close()

    def set_tick(self, tick_ms: float) -> None:
        """Has events gathered: by the server's program, or here where they are POSTed."""
        if self.path:
            self._tick_s = tick_ms / 1000
        else:
            self.transport.write(f"tick {tick_ms}\n".encode())

    def publish(self) -> int:
        """Speaks; returns the event's number."""
        self.number += 1
        said = event(self.number)
        if not self.path:
            self.transport.write(said.encode() + b"\n")
        elif not self._tick_s:
            self._post(said)
        else:
            self._pending.append(said)
            if self._timer is None:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_at(self._flushed_s + self._tick_s, self._flush)
        return self.number

    async def speak(self, rate: float, heard: Callable[[], int]) -> None:
        """Speaks `rate` times a second until cancelled.

        Args:
            heard: the number of the last event that was heard.
        """
        loop = asyncio.get_running_loop()
        most = max(OUTSTANDING_MIN, int(rate * OUTSTANDING_S))
        started_s, self.wanted = loop.time(), 0
        while True:
            await asyncio.sleep(started_s + self.wanted / rate - loop.time())
            self.wanted += 1
            if self.number - heard() < most:
                self.publish()

    def _flush(self) -> None:
        self._timer = None
        self._flushed_s = asyncio.get_running_loop().time()
        events, self._pending = self._pending, []
        self._post(f"[{','.join(events)}]")

    def _post(self, said: str) -> None:
        body = (self.template % said).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
