"""The WebSocket side of a live connection: bytes to messages, and every way it can end."""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Protocol

from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from livecommerce.gateway.admission import Admission
from livecommerce.gateway.deadlines import Deadlines
from livecommerce.gateway.websocket.parsing import Fragments, Parsers
from livecommerce.kernel.clock import Clock
from livecommerce.protocol.codec import Codec
from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.hub import Hub

RESET_AT_ONCE = struct.pack("ii", 1, 0)


class WireContext(Protocol):
    """What the wire side of all connections shares."""

    hub: Hub
    clock: Clock
    admission: Admission
    parsers: Parsers
    closing: Deadlines[WireSocket]


class WireSocket(Connection, asyncio.Protocol):
    """The asyncio protocol of an upgraded connection, without what its messages mean."""

    __slots__ = ("_fragments", "_ip", "_parser", "_wire")

    def __init__(
        self, transport: asyncio.Transport, codec: Codec, wire: WireContext, ip: str
    ) -> None:
        super().__init__(transport, codec)
        self._wire = wire
        self._ip = ip
        self._parser: ServerProtocol | None = None
        self._fragments: Fragments | None = None
        wire.hub.add(self)

    def on_message(self, payload: bytes, *, is_text: bool) -> None:
        """A whole message came; text is valid UTF-8."""
        raise AssertionError("the live socket does this")

    def keys(self) -> tuple[str, ...]:
        """The names under which the hub knows this connection's person."""
        raise AssertionError("the live socket does this")

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        self.is_heard = True
        parsers = self._wire.parsers
        if self._parser is None and (message := parsers.whole(data)) is not None:
            payload, is_text = message
            self._on_whole(payload, is_text=is_text)
            return
        parser = self._parser or parsers.take()
        parser.receive_data(data)
        frames, writes = parser.events_received(), parser.data_to_send()
        self._parser = None if parsers.give_back(parser) else parser
        for frame in frames:
            if self.is_closing:
                break
            assert isinstance(frame, Frame)
            self._on_frame(frame)
        if writes:
            self._write_control(writes)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.let_go()
        self._wire.closing.remove(self)
        self._wire.admission.leave(self._ip)

    def pause_writing(self) -> None:
        self.is_paused = True
        # Who does not read replies gets to send no more commands.
        self.transport.pause_reading()
        self._wire.hub.pause(self)

    def resume_writing(self) -> None:
        self.is_paused = False
        self.is_heard = True
        self.transport.resume_reading()
        self._wire.hub.resume(self)

    # Endings

    def close(self, code: int, reason: str = "") -> None:
        """See `Connection.close`."""
        if self.is_closing:
            return
        self.let_go()
        parser = self._parser
        if parser is None:
            parser = self._parser = self._wire.parsers.take()
        if parser.state is State.OPEN:
            parser.send_close(code, reason)
            self._write_control(parser.data_to_send())
        self._wire.closing.add(self, self._wire.clock.mono_s())

    def close_overdue(self) -> None:
        """The peer did not answer our close frame."""
        raw = self.transport.get_extra_info("socket")
        if raw is not None and self.transport.get_write_buffer_size():
            # Else the kernel keeps what a stalled peer did not read, for minutes, for nobody.
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
        self.transport.abort()

    def let_go(self) -> None:
        """Takes the connection out of the hub: it is written no room frames from here on."""
        if not self.is_closing:
            self._wire.hub.remove(self, self.keys())

    def _write_control(self, writes: list[bytes]) -> None:
        """Writes pongs and the closing handshake; an empty piece is the library's word for EOF."""
        if frames := b"".join(writes):
            self.transport.write(frames)
        if b"" in writes:
            self.let_go()
            self.transport.close()

    # Frames

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            if frame.fin:
                self._on_whole(bytes(frame.data), is_text=frame.opcode is Opcode.TEXT)
            else:
                self._fragments = Fragments(frame)
        elif frame.opcode is Opcode.CONT:
            # The parser checked that a message is open.
            assert self._fragments is not None
            if not self._fragments.add(frame):
                self.close(CloseCode.TOO_BIG)
            elif frame.fin:
                fragments, self._fragments = self._fragments, None
                self._on_whole(bytes(fragments.data), is_text=fragments.is_text)

    def _on_whole(self, payload: bytes, *, is_text: bool) -> None:
        if is_text:
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.close(CloseCode.INVALID_UTF8)
                return
        self.on_message(payload, is_text=is_text)
