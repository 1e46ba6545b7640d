"""One socket, as the hub sees it. The gateway's WebSocket protocol is one of these."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from livecommerce.protocol.codec import Codec
from livecommerce.realtime.framing import framed

if TYPE_CHECKING:
    from livecommerce.realtime.groups import Group


class Connection:
    """A slotted object and nothing else: no task, no coroutine, no queue.

    While it keeps up it carries no position: it stands where its room stands.
    """

    __slots__ = (
        "codec",
        "cursor",
        "group",
        "index",
        "is_heard",
        "is_paused",
        "transport",
        "wheel_slot",
    )

    def __init__(self, transport: asyncio.Transport, codec: Codec) -> None:
        self.transport = transport
        self.codec = codec
        self.group: Group | None = None
        self.index = -1
        """Place in the group's lists; -1 when not live."""
        self.cursor = -1
        """A laggard's last offset; -1 asks for a snapshot."""
        self.is_heard = True
        """Any byte came since the last ping."""
        self.is_paused = False
        """The transport's buffer is over its high-water mark."""
        self.wheel_slot = -1
        """Place in the heartbeat; -1 before `Hub.add` and from `Hub.remove` on."""

    @property
    def is_closing(self) -> bool:
        """The hub has let go of it: nothing is written any more."""
        return self.wheel_slot < 0

    def close(self, code: int, reason: str = "") -> None:
        """Leaves the hub at once (`Hub.remove`) and begins the closing handshake."""
        raise AssertionError("the gateway's socket does this")

    def visit(self, now_ms: int) -> None:
        """Called once in a ping interval, for checks that need no precision."""

    def send(self, message: msgspec.Struct) -> None:
        """Writes one message of this connection's own."""
        self.transport.write(framed(self.codec, self.codec.encode(message)))
