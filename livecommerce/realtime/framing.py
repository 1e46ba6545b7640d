"""WebSocket headers (RFC 6455 §5.2) of whole messages: on all we send, off most that we get.

Fragments, control frames, halves of frames and everything malformed are the library's business.
"""

from __future__ import annotations

import zlib
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.frames import apply_mask as _unmasked  # type: ignore[attr-defined]

from livecommerce.protocol.codec import Codec

PING: Final = Frame(Opcode.PING, b"").serialize(mask=False)

_WHOLE = 0x80
_MASKED = 0x80
_TEXT = _WHOLE | Opcode.TEXT
_BINARY = _WHOLE | Opcode.BINARY
_TWO_BYTES = 126
_EIGHT_BYTES = 127

DEFLATE_FROM: Final = 512
"""Bytes; a smaller message fits into one packet as it is."""
DEFLATE_LEVEL: Final = 3
_RAW = -15


def framed(codec: Codec, payload: bytes) -> bytes:
    """One message as one unmasked frame; the same bytes may go to everyone."""
    return _frame(_TEXT if codec.is_text else _BINARY, payload)


def framed_for_all(codec: Codec, payload: bytes) -> bytes:
    """As `framed`, for a message that many connections are sent."""
    if not codec.deflates or len(payload) < DEFLATE_FROM:
        return framed(codec, payload)
    deflated = zlib.compress(payload, DEFLATE_LEVEL, _RAW)
    return _frame(_BINARY, deflated)


def unframed(data: bytes) -> tuple[bytes, bool] | None:
    """The payload of a read that is one whole masked message below 64 KiB, and whether it is text.

    None for anything else. Nearly every command comes like this, and is read in a tenth of the time
    that a parser takes which may have to wait between any two bytes.
    """
    if len(data) < 6 or data[0] not in (_TEXT, _BINARY):
        return None
    length, start = data[1] - _MASKED, 2
    if length == _TWO_BYTES:
        length, start = int.from_bytes(data[2:4]), 4
    elif not 0 <= length < _TWO_BYTES:
        return None
    if len(data) != start + 4 + length:
        return None
    payload: bytes = _unmasked(data[start + 4 :], data[start : start + 4])
    return payload, data[0] == _TEXT


def _frame(first: int, payload: bytes) -> bytes:
    length = len(payload)
    if length < _TWO_BYTES:
        return b"%c%c%b" % (first, length, payload)
    if length < 1 << 16:
        return b"%c%c%b%b" % (first, _TWO_BYTES, length.to_bytes(2), payload)
    return b"%c%c%b%b" % (first, _EIGHT_BYTES, length.to_bytes(8), payload)
