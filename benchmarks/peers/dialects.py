"""What viewers say to each server to be let in, and how its frames carry events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from benchmarks.support.crowd import PONG, upgrade_request

Event = dict[str, Any]

UPGRADED = b"\r\n\r\n"


def text_frame(payload: str) -> bytes:
    """A short text frame, masked with zeros."""
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload.encode()


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking to a server over a WebSocket."""

    path: str
    events: Callable[[bytes], list[Event]]
    """Reads a text frame; a frame without events gives none."""
    hello: str = ""
    """What a viewer says first, if anything."""
    welcome: bytes = UPGRADED
    """What stands in the answer when the viewer is in the room."""
    alive: bytes = PONG
    """A frame that counts as an answer to the server's pings."""
    pinged: Callable[[bytes], str | None] = lambda _data: None
    """Answers a ping that comes as a text frame."""
    subprotocol: str | None = None
    before: str = ""
    """A path that is asked for over the same connection first, whose answer has no body."""


def _some(value: Any) -> list[Event]:
    return value if isinstance(value, list) else [value]


def plain_events(data: bytes) -> list[Event]:
    """An event, or an array of them."""
    return _some(orjson.loads(data))


def socket_io_events(data: bytes) -> list[Event]:
    """`42["said",event]`, or an array in place of the event."""
    return _some(orjson.loads(data[2:])[1]) if data.startswith(b"42") else []


def centrifugo_events(data: bytes) -> list[Event]:
    """JSON lines, of which publications carry an event or an array of them."""
    found: list[Event] = []
    for line in data.splitlines():
        publication = orjson.loads(line).get("push", {}).get("pub")
        if publication is not None:
            found += _some(publication["data"])
    return found


def our_events(data: bytes) -> list[Event]:
    """The events of a batch."""
    message = orjson.loads(data)
    return list(message["events"]) if message["t"] == "batch" and "events" in message else []


ROOM = "room-of-the-benchmark"

OUR_DIALECT = Dialect(
    path="/v1/live",
    events=our_events,
    hello=f'{{"t":"hello","id":"hello-of-the-crowd","room":"{ROOM}"}}',
    welcome=b'"t":"snapshot"',
    subprotocol="livecommerce.v1.json",
)
PLAIN = Dialect(path="/viewer", events=plain_events)
# nginx sets TCP_NODELAY on what is kept after a request, on TLS and on what it proxies, and so on
# about every WebSocket of a real site; not on a bare connection that begins with the upgrade.
KEPT = replace(PLAIN, before="/first")
SOCKET_IO = Dialect(
    path="/socket.io/?EIO=4&transport=websocket",
    events=socket_io_events,
    hello="40",
    welcome=b'40{"sid"',
    alive=text_frame("3"),
    pinged=lambda data: "3" if data == b"2" else None,
)
CENTRIFUGO = Dialect(
    path="/connection/websocket",
    events=centrifugo_events,
    hello='{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"room"}}',
    welcome=b'"subscribe":{',
    alive=text_frame("{}"),
    pinged=lambda data: "{}" if data == b"{}" else None,
)
DIALECTS = {
    "ours": OUR_DIALECT,
    "plain": PLAIN,
    "kept": KEPT,
    "socket.io": SOCKET_IO,
    "centrifugo": CENTRIFUGO,
}
"""By the name that goes over the pipe to the audience."""


def opening(dialect: Dialect, port: int) -> bytes:
    """The request that opens a socket. Compression is not offered: nobody uses it here."""
    return upgrade_request(port, dialect.path, dialect.subprotocol or "", offers_deflate=False)


def first_request(dialect: Dialect) -> bytes:
    """What is asked for before the upgrade, if anything."""
    if not dialect.before:
        return b""
    return f"GET {dialect.before} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
