"""The protocol state of one connection: sans-I/O, one decision for every message received.

Sees complete messages (the socket reassembles frames and checks UTF-8), reads no clock and writes
nothing. Its state is bounded whatever arrives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import msgspec

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Bucket, take
from livecommerce.protocol.codec import Codec, CommandDecoder, Decoded
from livecommerce.protocol.codes import TABLE, CloseCode, wait_ms
from livecommerce.protocol.commands import PROTOCOL_VERSION, Command, Hello
from livecommerce.protocol.messages import Err

MALFORMED_WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """What one connection may do. Durations in seconds, sizes in bytes."""

    hello_deadline_s: float = 5.0
    message_bytes_max: int = 16 * 1024
    commands_per_s: float = 20.0
    commands_burst: float = 40.0
    refusals_per_s: float = 2.0
    """Commands over the rate are refused; refusals over this rate close the connection."""
    refusals_burst: float = 40.0
    in_flight_max: int = 32
    malformed_max: int = 5
    """This many messages within a minute that cannot be parsed close the connection."""


class State(IntEnum):
    AWAITING_HELLO = 0
    OPEN = 1
    CLOSED = 2


class Accept(msgspec.Struct, frozen=True):
    """Execute this command, then call `Session.finished`."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer with this; nothing else happens."""

    err: Err


@dataclass(frozen=True, slots=True)
class Close:
    """Answer with `err` if there is one, then close."""

    code: CloseCode
    err: Err | None = None


@dataclass(frozen=True, slots=True)
class Ignore:
    """The session is over; what still arrives means nothing."""


Decision = Accept | Refuse | Close | Ignore
_IGNORE = Ignore()


def err_of(command_id: str | None, refused: Refused) -> Err:
    """Writes a refusal as the reply to a command."""
    return Err(
        id=command_id,
        code=refused.code.value,
        retry=TABLE[refused.code].retry.value,
        after_ms=wait_ms(refused),
        field=refused.field,
        data=refused.data,
    )


class Session:
    """One connection's conversation: AWAITING_HELLO, then OPEN, then CLOSED."""

    __slots__ = (
        "_bucket",
        "_codec",
        "_decoder",
        "_limits",
        "_malformed",
        "_malformed_since_s",
        "_opened_at_s",
        "_refusals",
        "in_flight",
        "state",
    )

    def __init__(
        self, *, codec: Codec, decoder: CommandDecoder, limits: SessionLimits, now_s: float
    ) -> None:
        self.state = State.AWAITING_HELLO
        self.in_flight = 0
        self._codec = codec
        self._decoder = decoder
        self._limits = limits
        self._opened_at_s = now_s
        # Made when first needed: most viewers say hello and then listen.
        self._bucket: Bucket | None = None
        self._refusals: Bucket | None = None
        self._malformed = 0
        self._malformed_since_s = 0.0

    def receive(self, payload: bytes, *, is_text: bool, now_s: float) -> Decision:
        """Takes one whole message and decides what happens with it."""
        if self.state is State.CLOSED:
            return _IGNORE
        if is_text is not self._codec.is_text:
            return self._close(CloseCode.UNSUPPORTED_DATA, None, Refused(Code.BAD_FRAME))
        if len(payload) > self._limits.message_bytes_max:
            return self._close(CloseCode.TOO_BIG, None, Refused(Code.TOO_LARGE))
        if limited := self._limit_rate(payload, now_s):
            return limited
        decoded = self._decoder.decode(self._codec, payload)
        if decoded.refused is not None and decoded.refused.code is Code.BAD_JSON:
            return self._count_malformed(decoded.refused, now_s)
        if self.state is State.AWAITING_HELLO:
            return self._greet(decoded)
        if decoded.command is None:
            assert decoded.refused is not None
            return Refuse(err_of(decoded.command_id, decoded.refused))
        if isinstance(decoded.command, Hello):
            return Refuse(err_of(decoded.command_id, Refused(Code.BAD_TRANSITION)))
        return self._accept(decoded.command)

    def tick(self, now_s: float) -> Close | None:
        """Closes a session whose hello is late. Call it now and then until OPEN."""
        late_s = now_s - self._opened_at_s
        if self.state is State.AWAITING_HELLO and late_s >= self._limits.hello_deadline_s:
            return self._close(CloseCode.NO_HELLO, None, Refused(Code.HELLO_EXPECTED))
        return None

    def finished(self) -> None:
        """An accepted command was answered."""
        assert self.in_flight > 0
        self.in_flight -= 1

    def close(self) -> None:
        self.state = State.CLOSED

    def _greet(self, decoded: Decoded) -> Decision:
        if decoded.verb != "hello":
            refused = Refused(Code.HELLO_EXPECTED)
            return self._close(CloseCode.NO_HELLO, decoded.command_id, refused)
        if decoded.command is None:
            assert decoded.refused is not None
            return Refuse(err_of(decoded.command_id, decoded.refused))
        assert isinstance(decoded.command, Hello)
        if decoded.command.version < PROTOCOL_VERSION:
            refused = Refused(Code.PROTOCOL_TOO_OLD, minimum=PROTOCOL_VERSION)
            return self._close(CloseCode.PROTOCOL_TOO_OLD, decoded.command_id, refused)
        if decoded.command.version > PROTOCOL_VERSION:
            refused = Refused(Code.BAD_FIELD, field="version", maximum=PROTOCOL_VERSION)
            return Refuse(err_of(decoded.command_id, refused))
        self.state = State.OPEN
        return self._accept(decoded.command)

    def _accept(self, command: Command) -> Decision:
        if self.in_flight >= self._limits.in_flight_max:
            refused = Refused(Code.RATE_LIMITED, retry_after_ms=1000)
            return Refuse(err_of(command.id, refused))
        self.in_flight += 1
        return Accept(command)

    def _limit_rate(self, payload: bytes, now_s: float) -> Decision | None:
        limits = self._limits
        self._bucket, wait_s = take(
            self._bucket, now_s, rate_per_s=limits.commands_per_s, burst=limits.commands_burst
        )
        if wait_s == 0.0:
            return None
        self._refusals, too_many_s = take(
            self._refusals, now_s, rate_per_s=limits.refusals_per_s, burst=limits.refusals_burst
        )
        refused = Refused(Code.RATE_LIMITED, retry_after_ms=int(wait_s * 1000) + 1)
        if too_many_s > 0.0:
            return self._close(CloseCode.RATE_LIMITED, None, refused)
        # Decoded for its id alone: a refusal that names no command helps nobody.
        command_id = self._decoder.decode(self._codec, payload).command_id
        return Refuse(err_of(command_id, refused))

    def _count_malformed(self, refused: Refused, now_s: float) -> Decision:
        if now_s - self._malformed_since_s >= MALFORMED_WINDOW_S:
            self._malformed = 0
        if self._malformed == 0:
            self._malformed_since_s = now_s
        self._malformed += 1
        if self._malformed >= self._limits.malformed_max:
            return self._close(CloseCode.MALFORMED, None, refused)
        return Refuse(err_of(None, refused))

    def _close(self, code: CloseCode, command_id: str | None, refused: Refused) -> Close:
        self.state = State.CLOSED
        return Close(code, err_of(command_id, refused))
