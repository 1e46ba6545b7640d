"""WebSocket headers on outgoing messages, by the `websockets` package."""

from __future__ import annotations

from websockets.frames import Frame, Opcode

from livecommerce.protocol.codec import Codec

PING = Frame(Opcode.PING, b"").serialize(mask=False)


def framed(codec: Codec, payload: bytes) -> bytes:
    """One message as one unmasked frame; the same bytes may go to everyone."""
    opcode = Opcode.TEXT if codec.is_text else Opcode.BINARY
    return Frame(opcode, payload).serialize(mask=False)
