"""WebSocket headers on outgoing messages, by the `websockets` package."""

from __future__ import annotations

import zlib

from websockets.frames import Frame, Opcode

from livecommerce.protocol.codec import Codec

PING = Frame(Opcode.PING, b"").serialize(mask=False)


DEFLATE_FROM = 512
"""Bytes; a smaller message fits into one packet as it is."""
DEFLATE_LEVEL = 3
_RAW = -15


def framed_for_all(codec: Codec, payload: bytes) -> bytes:
    """As `framed`, for a message that many connections are sent."""
    if not codec.deflates or len(payload) < DEFLATE_FROM:
        return framed(codec, payload)
    deflated = zlib.compress(payload, DEFLATE_LEVEL, _RAW)
    return Frame(Opcode.BINARY, deflated).serialize(mask=False)


def framed(codec: Codec, payload: bytes) -> bytes:
    """One message as one unmasked frame; the same bytes may go to everyone."""
    opcode = Opcode.TEXT if codec.is_text else Opcode.BINARY
    return Frame(opcode, payload).serialize(mask=False)
