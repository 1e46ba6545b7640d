"""The opening handshake of the live socket: who may upgrade, and in which codec.

HTTP heads are read and 101 is written by the `websockets` package; what it does not know stands
here: the address and pace limits, origins, and that a token has no place in a URL.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

import orjson
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.utils import accept_key

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import CODEC_BY_SUBPROTOCOL, CODECS, Codec
from livecommerce.protocol.codes import TABLE

LIVE_PATH = "/v1/live"
TOKEN_FIELDS = frozenset({"token", "access_token", "jwt", "ticket"})
# The library logs every opening and closing at INFO; a node has thousands of them.
LIBRARY_LOG = logging.getLogger("livecommerce.gateway.websockets")
LIBRARY_LOG.setLevel(logging.WARNING)
_FIELD = re.compile(r"(?m)^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*)\r\n")
_READ_HERE = frozenset(
    {
        "host",
        "origin",
        "connection",
        "upgrade",
        "sec-websocket-key",
        "sec-websocket-version",
        "sec-websocket-protocol",
        "x-forwarded-for",
        "x-forwarded-host",
    }
)
"""Extensions are not among them: none is ever negotiated."""
_DECIDING = frozenset({"connection", "upgrade", "sec-websocket-version", "sec-websocket-protocol"})
_KEY = re.compile(r"[A-Za-z0-9+/]{21}[AQgw]==")
"""Sixteen bytes in base64."""
KINDS_MAX = 64


class Answer(NamedTuple):
    """What is written back. `codec` is there when the connection is a live one now."""

    status: int
    headers: Headers
    body: bytes
    codec: Codec | None
    head: bytes = b""
    """The whole answer as bytes, when the library wrote it."""


class Origins:
    """Which pages may open the socket.

    A browser sends the page's origin and cannot be talked out of it; other clients send none and
    are let in, since what this guards against is a foreign page using a visitor's browser.

    Args:
        allowed: origins such as "https://shop.example", or "*". A page from the host it connects
            to is always allowed.
    """

    def __init__(self, allowed: Iterable[str]) -> None:
        self._allowed = frozenset(origin.rstrip("/").lower() for origin in allowed)

    def allow(self, origin: str | None, host: str | None) -> bool:
        if origin is None or "*" in self._allowed or origin.lower() in self._allowed:
            return True
        if origin == "null" or host is None:
            return False
        parts = urlsplit(origin.lower())
        if parts.scheme not in ("http", "https"):
            return False
        default = ":443" if parts.scheme == "https" else ":80"
        return parts.netloc.removesuffix(default) == host.lower().removesuffix(default)


def parse_head(head: bytes) -> Request | None:
    """Reads a complete request head; None when it is not one.

    Only for requests that stay here: what goes to aiohttp is parsed by aiohttp, from the same
    bytes. The library's own parser takes a line at a time and 28 µs, a quarter of a whole join.
    """
    start, _, rest = head.decode("latin-1").partition("\r\n")
    fields = _FIELD.findall(rest)
    # A line that is no field (folded, a space before the colon, a bare CR) does not match.
    if len(fields) != rest.count("\n") - 1 or start.count(" ") != 2:
        return None
    headers = Headers()
    for name, value in fields:
        if name.lower() in _READ_HERE:
            headers.set_insecure(name, value.rstrip(" \t"))
    method, target, version = start.split(" ")
    return Request(target, headers, method=method, protocol=version)


def is_upgrade(request: Request) -> bool:
    """Tells whether a request asks to become a WebSocket; `accept` checks how it asks."""
    return any("websocket" in value.lower() for value in request.headers.get_all("Upgrade"))


def check(request: Request, origins: Origins, *, host: str | None) -> None:
    """Raises:
    Refused: TOKEN_IN_URL or ORIGIN_NOT_ALLOWED.
    """
    query = request.path.partition("?")[2]
    if query and any(name in TOKEN_FIELDS for name, _ in parse_qsl(query, True)):
        raise Refused(Code.TOKEN_IN_URL)
    sent = request.headers.get_all("Origin")
    if len(sent) > 1 or not origins.allow(sent[0] if sent else None, host):
        raise Refused(Code.ORIGIN_NOT_ALLOWED)


class Handshake:
    """Negotiates the subprotocol, the first of `codecs` that a client offers, and writes the answer
    of a request that may upgrade.

    In a storm thousands of requests a second differ in nothing but their key, so the library's
    answer to the first of a kind is kept for that second, and only the key's hash is put in anew.
    """

    def __init__(self, clock: Clock, codecs: Sequence[Codec] = CODECS) -> None:
        self._clock = clock
        # One for all: `accept` leaves nothing behind but what the next request overwrites.
        self._protocol = ServerProtocol(
            subprotocols=[Subprotocol(codec.subprotocol) for codec in codecs], logger=LIBRARY_LOG
        )
        self._kept: dict[tuple[str, ...], tuple[Answer, bytes]] = {}
        self._kept_second = 0

    def accept(self, request: Request) -> Answer:
        """Makes the answer: 101, or what is wrong with the request."""
        second = self._clock.now_ms() // 1000
        if second != self._kept_second or len(self._kept) > KINDS_MAX:
            # The answer carries a date.
            self._kept.clear()
            self._kept_second = second
        kind, key = _kind_of(request)
        if key is not None and (kept := self._kept.get(kind)) is not None:
            answer, hash_before = kept
            return answer._replace(
                head=answer.head.replace(hash_before, accept_key(key).encode(), 1)
            )
        answer = self._answer(request)
        if key is not None and answer.codec is not None:
            self._kept[kind] = answer, answer.headers["Sec-WebSocket-Accept"].encode()
        return answer

    def _answer(self, request: Request) -> Answer:
        response = self._protocol.accept(request)
        codec = None
        if response.status_code == 101:
            codec = CODEC_BY_SUBPROTOCOL[response.headers["Sec-WebSocket-Protocol"]]
        body, head = bytes(response.body or b""), response.serialize()
        return Answer(response.status_code, response.headers, body, codec, head)


def _kind_of(request: Request) -> tuple[tuple[str, ...], str | None]:
    """All of a request that its answer depends on; and its key, when it is well formed."""
    kind = [request.method, request.protocol]
    keys = []
    for name, value in request.headers.raw_items():
        lower = name.lower()
        if lower == "sec-websocket-key":
            keys.append(value)
        elif lower in _DECIDING:
            kind += (lower, value)
    if len(keys) != 1 or _KEY.fullmatch(keys[0]) is None:
        return tuple(kind), None
    return tuple(kind), keys[0]


def refusal(refused: Refused) -> Answer:
    """A refusal before the upgrade, as the same problem document the HTTP API answers with."""
    rule = TABLE[refused.code]
    document = {
        "type": f"urn:livecommerce:error:{refused.code}",
        "title": refused.code.replace("_", " "),
        "status": rule.status,
        "code": refused.code,
        "retry": rule.retry,
        "request_id": new_id(),
    }
    headers = Headers({"Content-Type": "application/problem+json"})
    if refused.retry_after_ms is not None:
        document["after_ms"] = refused.retry_after_ms
        headers["Retry-After"] = str(max(1, -(-refused.retry_after_ms // 1000)))
    return Answer(rule.status, headers, orjson.dumps(document), None)
