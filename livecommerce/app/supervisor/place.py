"""What a node of `serve --workers` is given by its supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

_READY = b"\x01"


@dataclass(frozen=True, slots=True)
class Place:
    """One of the places a supervisor keeps filled.

    `sockets` are bound and the node listens on them. `link` is one end of a pair whose other end
    only the supervisor holds: a byte from here says that the node is ready, its end from there that
    the supervisor is gone, however it died.
    """

    number: int
    sockets: tuple[socket.socket, ...]
    link: socket.socket

    @classmethod
    def inherited(cls, number: int, *, sockets: Sequence[int], link: int) -> Place:
        """Makes the place of this process of inherited file descriptors.

        Every line this process logs carries the number from now on.
        """
        structlog.contextvars.bind_contextvars(node=number)
        return cls(
            number,
            tuple(socket.socket(fileno=each) for each in sockets),
            socket.socket(fileno=link),
        )

    def take(self, asked_to_end: asyncio.Event) -> None:
        """Says that the node is ready; has it end when the supervisor is gone."""
        self.link.setblocking(False)
        loop = asyncio.get_running_loop()

        def hear() -> None:
            # Nothing is ever sent this way, so what can be read is the end.
            loop.remove_reader(self.link)
            asked_to_end.set()

        loop.add_reader(self.link, hear)
        with contextlib.suppress(OSError):
            self.link.send(_READY)


async def told_ready(link: socket.socket) -> bool:
    """The supervisor's side of `take`: True once the node is ready, False when it ended before."""
    link.setblocking(False)
    try:
        return await asyncio.get_running_loop().sock_recv(link, 1) == _READY
    except OSError:
        return False
