"""The library's parser, shared while it is idle, and messages that come in fragments.

Sans-I/O `websockets` neither reassembles nor bounds fragments, nor checks UTF-8: that is ours. A
frame that is not a whole message by itself is parsed by nobody but the library.
"""

from __future__ import annotations

from typing import Any

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from livecommerce.gateway.handshake import LIBRARY_LOG
from livecommerce.realtime.framing import unframed

FRAGMENTS_MAX = 256
"""Empty fragments count no bytes, so they are counted themselves."""
_AT_BOUNDARY = StreamReader.at_eof.__code__


class Parsers:
    """Lends parsers of open connections.

    Most reads end between two messages: then one parser serves all connections in turn. One of
    its own costs a connection 4 KiB for as long as it keeps it, and 9 µs to make.

    Args:
        message_bytes_max: larger messages, in however many fragments, close with TOO_BIG.
    """

    def __init__(self, message_bytes_max: int) -> None:
        self._message_bytes_max = message_bytes_max
        self._idle: ServerProtocol | None = None

    def whole(self, data: bytes) -> tuple[bytes, bool] | None:
        """The message that a read is, and whether it is text; None: a parser has to read it."""
        message = unframed(data)
        if message is None or len(message[0]) > self._message_bytes_max:
            return None
        return message

    def take(self) -> ServerProtocol:
        """A parser that holds nothing."""
        parser, self._idle = self._idle, None
        return parser or ServerProtocol(
            state=State.OPEN, max_size=self._message_bytes_max, logger=LIBRARY_LOG
        )

    def give_back(self, parser: ServerProtocol) -> bool:
        """Takes a parser back if it stands between two messages: whose they were leaves no trace.

        False for one that holds bytes, half a message or the closing handshake: it belongs to its
        connection from then on.
        """
        if not is_idle(parser):
            return False
        self._idle = parser
        return True


class Fragments:
    """A message that comes in pieces. Its bytes are bounded by the parser."""

    __slots__ = ("count", "data", "is_text")

    def __init__(self, first: Frame) -> None:
        self.is_text = first.opcode is Opcode.TEXT
        self.data = bytearray(first.data)
        self.count = 1

    def add(self, frame: Frame) -> bool:
        self.data += frame.data
        self.count += 1
        return self.count <= FRAGMENTS_MAX


def is_idle(parser: ServerProtocol) -> bool:
    """Tells whether a parser is between two messages and holds nothing.

    The parser is a generator; where it waits tells whether half a frame was consumed. The contract
    test feeds every split of a message to the library's version that is installed.
    """
    if parser.state is not State.OPEN or parser.current_size is not None:
        return False
    waiting: Any = parser.parser
    while (deeper := waiting.gi_yieldfrom) is not None:
        waiting = deeper
    return not parser.reader.buffer and waiting.gi_code is _AT_BOUNDARY
