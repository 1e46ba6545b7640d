"""One live connection: WebSocket frames in, commands executed, replies and room frames out.

Framing is the `websockets` package's sans-I/O protocol; reassembly, UTF-8 and bounds are ours. An
idle connection is one slotted object with its session: no task, no parser, no buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import msgspec
import structlog
from websockets.frames import Frame, Opcode
from websockets.protocol import State as WireState
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from livecommerce.gateway.admission import Admission
from livecommerce.gateway.deadlines import Deadlines
from livecommerce.gateway.handshake import LIBRARY_LOG
from livecommerce.gateway.lanes import Lanes
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import Codec, CommandDecoder
from livecommerce.protocol.codes import TABLE, CloseCode
from livecommerce.protocol.commands import (
    Command,
    Done,
    Hello,
    Join,
    Joined,
    Leave,
    Ping,
    Pong,
    Renew,
)
from livecommerce.protocol.messages import Ok, Welcome
from livecommerce.protocol.session import (
    Accept,
    Close,
    Ignore,
    Refuse,
    Session,
    SessionLimits,
    err_of,
)
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.framing import framed
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.room import Room

log = structlog.get_logger()
T = TypeVar("T")

FRAGMENTS_MAX = 256
"""Empty fragments count no bytes, so they are counted themselves."""
_AT_BOUNDARY = StreamReader.at_eof.__code__


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is on the connection. Without a person they watch, and do nothing else."""

    person_id: str | None
    name: str | None
    kind: str
    expires_at: int | None = None
    sign_in_id: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names under which the hub finds their connections."""
        if self.person_id is None:
            return ()
        return (self.person_id,) if self.sign_in_id is None else (self.person_id, self.sign_in_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a visitor may see and do in a room."""

    audience_class: str = "viewer"
    """"viewer" or "staff"."""
    capabilities: tuple[str, ...] = ()


class Gatekeeper(Protocol):
    """The house behind the socket; the composition root has it."""

    def admit(self, token: str | None) -> Coroutine[Any, Any, Visitor]:
        """Tells who holds a token. Raises Refused(UNAUTHENTICATED)."""
        ...

    def enter(self, visitor: Visitor, room_id: str) -> Coroutine[Any, Any, Entry]:
        """Tells what a visitor may do in a room. Raises Refused(NOT_FOUND or BANNED).

        Both should not wait for a visitor without a token: such joins then cost no task.
        """
        ...

    async def execute(
        self, visitor: Visitor, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        """Returns the reply. Raises Refused; anything else becomes `internal`."""
        ...


class LiveContext:
    """What all connections of a front door share."""

    def __init__(
        self,
        *,
        hub: Hub,
        gatekeeper: Gatekeeper,
        commands: CommandDecoder,
        clock: Clock,
        limits: SessionLimits,
        admission: Admission,
        renew_grace_s: float,
        close_grace_s: float,
    ) -> None:
        self.hub = hub
        self.gatekeeper = gatekeeper
        self.commands = commands
        self.clock = clock
        self.limits = limits
        self.admission = admission
        self.renew_grace_ms = int(renew_grace_s * 1000)
        self.tasks: set[asyncio.Task[None]] = set()
        self.greeting = Deadlines(limits.hello_deadline_s, LiveSocket.hello_overdue)
        self.closing = Deadlines(close_grace_s, LiveSocket.close_overdue)
        self.loop = asyncio.get_running_loop()
        self._idle_parser: ServerProtocol | None = None

    def take_parser(self) -> ServerProtocol:
        """A parser of an open connection that holds nothing: the idle one, or a new one."""
        parser, self._idle_parser = self._idle_parser, None
        return parser or ServerProtocol(
            state=WireState.OPEN, max_size=self.limits.message_bytes_max, logger=LIBRARY_LOG
        )

    def give_parser(self, parser: ServerProtocol) -> None:
        """Gives back a parser that is between two messages; whose they were leaves no trace."""
        self._idle_parser = parser


class LiveSocket(Connection, asyncio.Protocol):
    """The asyncio protocol of an upgraded connection."""

    __slots__ = (
        "_context",
        "_fragments",
        "_ip",
        "_lanes",
        "_parser",
        "_session",
        "_visitor",
    )

    def __init__(
        self, transport: asyncio.Transport, codec: Codec, context: LiveContext, ip: str
    ) -> None:
        super().__init__(transport, codec)
        self._context = context
        self._ip = ip
        self._parser: ServerProtocol | None = None
        self._fragments: _Fragments | None = None
        self._lanes: Lanes | None = None
        self._visitor: Visitor | None = None
        now_s = context.clock.mono_s()
        self._session = Session(
            codec=codec, decoder=context.commands, limits=context.limits, now_s=now_s
        )
        context.greeting.add(self, now_s)
        context.hub.add(self)

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        self.is_heard = True
        parser = self._parser or self._context.take_parser()
        parser.receive_data(data)
        frames, writes = parser.events_received(), parser.data_to_send()
        # Kept while it holds something: bytes, half a message, or the closing handshake. One in
        # every idle connection would cost 4 KiB.
        if _is_idle(parser):
            self._parser = None
            self._context.give_parser(parser)
        else:
            self._parser = parser
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
        self._let_go()
        self._context.closing.remove(self)
        self._context.admission.leave(self._ip)

    def pause_writing(self) -> None:
        self.is_paused = True
        # Who does not read replies gets to send no more commands.
        self.transport.pause_reading()
        self._context.hub.pause(self)

    def resume_writing(self) -> None:
        self.is_paused = False
        self.is_heard = True
        self.transport.resume_reading()
        self._context.hub.resume(self)

    # What the hub calls

    def close(self, code: int) -> None:
        if self.is_closing:
            return
        self._let_go()
        parser = self._parser
        if parser is None:
            parser = self._parser = self._context.take_parser()
        if parser.state is WireState.OPEN:
            parser.send_close(code)
            self._write_control(parser.data_to_send())
        self._context.closing.add(self, self._context.clock.mono_s())

    def visit(self, now_ms: int) -> None:
        expires_at = self._visitor.expires_at if self._visitor is not None else None
        if expires_at is not None and now_ms >= expires_at + self._context.renew_grace_ms:
            self.close(CloseCode.TOKEN_EXPIRED)

    # Deadlines

    def hello_overdue(self) -> None:
        """No hello came in time."""
        if late := self._session.tick(self._context.clock.mono_s()):
            self._session_closes(late)

    def close_overdue(self) -> None:
        """The peer did not answer our close frame."""
        self.transport.abort()

    # Frames

    def _on_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.TEXT or frame.opcode is Opcode.BINARY:
            if frame.fin:
                self._on_message(bytes(frame.data), is_text=frame.opcode is Opcode.TEXT)
            else:
                self._fragments = _Fragments(frame)
        elif frame.opcode is Opcode.CONT:
            # The parser checked that a message is open.
            assert self._fragments is not None
            if not self._fragments.add(frame):
                self.close(CloseCode.TOO_BIG)
            elif frame.fin:
                fragments, self._fragments = self._fragments, None
                self._on_message(bytes(fragments.data), is_text=fragments.is_text)

    def _on_message(self, payload: bytes, *, is_text: bool) -> None:
        if is_text:
            try:
                payload.decode()
            except UnicodeDecodeError:
                self.close(CloseCode.INVALID_UTF8)
                return
        now_s = self._context.clock.mono_s()
        decision = self._session.receive(payload, is_text=is_text, now_s=now_s)
        match decision:
            case Accept(command=command):
                self._take(command)
            case Refuse(err=err):
                self.send(err)
            case Close():
                self._session_closes(decision)
            case Ignore():
                pass

    def _session_closes(self, decision: Close) -> None:
        if decision.err is not None:
            self.send(decision.err)
        self.close(decision.code)

    def _write_control(self, writes: list[bytes]) -> None:
        """Writes pongs and the closing handshake; an empty piece is the library's word for EOF."""
        if frames := b"".join(writes):
            self.transport.write(frames)
        if b"" in writes:
            self._let_go()
            self.transport.close()

    def _let_go(self) -> None:
        """Takes the connection out of the hub: it is written no room frames from here on."""
        if self.is_closing:
            return
        self._context.greeting.remove(self)
        self._session.close()
        keys = self._visitor.keys if self._visitor is not None else ()
        self._context.hub.remove(self, keys)

    # Commands

    def _take(self, command: Command) -> None:
        if isinstance(command, Ping):
            self.send(Ok(id=command.id, d=Pong(now=self._context.clock.now_ms())))
            self._session.finished()
            return
        if isinstance(command, Hello):
            self._context.greeting.remove(self)
            if command.token is None and self._greet_at_once(command):
                self._session.finished()
                return
        if self._lanes is None:
            self._lanes = Lanes()
        self._lanes.add(command)
        self._start(self._lanes)

    def _start(self, lanes: Lanes) -> None:
        for command in lanes.start():
            task = self._context.loop.create_task(self._run(command, lanes))
            self._context.tasks.add(task)
            task.add_done_callback(self._context.tasks.discard)

    async def _run(self, command: Command, lanes: Lanes) -> None:
        try:
            reply = await self._perform(command)
            if reply is not None and not self.is_closing:
                self.send(Ok(id=command.id, d=reply))
        except Refused as refused:
            self._refuse(command, refused)
        except Exception:
            incident = new_id()
            log.exception("command failed", incident=incident, verb=type(command).__name__)
            self._refuse(command, Refused(Code.INTERNAL, incident=incident))
        finally:
            self._session.finished()
            lanes.done(command)
            if lanes:
                self._start(lanes)
            else:
                self._lanes = None

    def _refuse(self, command: Command, refused: Refused) -> None:
        if self.is_closing:
            return
        self.send(err_of(command.id, refused))
        close = TABLE[refused.code].close
        if isinstance(command, Hello):
            close = close or _CLOSE_BY_CODE.get(refused.code, CloseCode.NORMAL)
        if close is not None:
            self.close(close)

    async def _perform(self, command: Command) -> msgspec.Struct | None:
        """Executes one command; None when the answer is written already."""
        match command:
            case Hello():
                await self._greet(command)
                return None
            case Join():
                await self._join(command)
                return None
            case Leave():
                self._context.hub.leave(self)
                return Done()
            case Renew():
                return await self._renew(command)
            case _:
                room_id = self.group.room_id if self.group is not None else None
                return await self._context.gatekeeper.execute(self._valid(), room_id, command)

    def _greet_at_once(self, hello: Hello) -> bool:
        """Lets a visitor without a token into a warm room with no task; most of a crowd is such.

        Returns False when anything would have to wait, or went wrong: then nothing has happened,
        and the ordinary way is gone.
        """
        context = self._context
        room = context.hub.warm_room(hello.room) if hello.room is not None else None
        if room is None and hello.room is not None:
            return False
        visitor = _result_now(context.gatekeeper.admit(None))
        if visitor is None:
            return False
        entry: Entry | None = Entry()
        if hello.room is not None:
            entry = _result_now(context.gatekeeper.enter(visitor, hello.room))
        if entry is None:
            return False
        self._become(visitor)
        self._welcome(hello, visitor, entry, room)
        return True

    async def _greet(self, hello: Hello) -> None:
        context = self._context
        visitor = await context.gatekeeper.admit(hello.token)
        # Known to the hub from here on: a ban while we wait below must find this connection.
        self._become(visitor)
        entry, room = Entry(), None
        if hello.room is not None:
            entry = await context.gatekeeper.enter(visitor, hello.room)
            room = context.hub.warm_room(hello.room) or await context.hub.open_room(hello.room)
        if not self.is_closing:
            self._welcome(hello, visitor, entry, room)

    def _welcome(self, hello: Hello, visitor: Visitor, entry: Entry, room: Room | None) -> None:
        context = self._context
        welcome = Welcome(
            id=hello.id,
            now=context.clock.now_ms(),
            node=context.hub.node_id,
            beat_s=int(context.hub.settings.ping_s),
            person_id=visitor.person_id,
            name=visitor.name,
            kind=visitor.kind,
            capabilities=entry.capabilities,
        )
        frame = framed(self.codec, self.codec.encode(welcome))
        if room is not None:
            frame += context.hub.join(
                self, room, entry.audience_class, epoch=hello.epoch, offset=hello.offset
            )
        self.transport.write(frame)

    async def _join(self, join: Join) -> None:
        context, visitor = self._context, self._valid()
        entry = await context.gatekeeper.enter(visitor, join.room)
        room = context.hub.warm_room(join.room) or await context.hub.open_room(join.room)
        if self.is_closing:
            return
        context.hub.leave(self)
        reply = Ok(id=join.id, d=Joined(capabilities=entry.capabilities))
        frame = framed(self.codec, self.codec.encode(reply))
        frame += context.hub.join(
            self, room, entry.audience_class, epoch=join.epoch, offset=join.offset
        )
        self.transport.write(frame)

    async def _renew(self, renew: Renew) -> Done:
        context, before = self._context, self._visitor
        visitor = await context.gatekeeper.admit(renew.token)
        if (
            before is not None
            and before.person_id not in (None, visitor.person_id)
            and before.kind != "guest"
        ):
            # A guest may become somebody; somebody may not become somebody else.
            raise Refused(Code.FORBIDDEN)
        self._become(visitor)
        if (group := self.group) is not None:
            entry = await context.gatekeeper.enter(visitor, group.room_id)
            if self.group is not None:
                context.hub.apply_grade(self, entry.audience_class, entry.capabilities)
        return Done()

    def _become(self, visitor: Visitor) -> None:
        if self.is_closing:
            return
        if self._visitor is not None:
            self._context.hub.forget(self, self._visitor.keys)
        self._visitor = visitor
        self._context.hub.identify(self, visitor.keys)

    def _valid(self) -> Visitor:
        visitor = self._visitor
        if visitor is None:
            # Sent right behind a hello that was refused; the connection closes by now.
            raise Refused(Code.UNAUTHENTICATED)
        expires_at = visitor.expires_at
        if expires_at is not None and self._context.clock.now_ms() >= expires_at:
            raise Refused(Code.UNAUTHENTICATED)
        return visitor


_CLOSE_BY_CODE = {
    Code.UNAUTHENTICATED: CloseCode.SIGNED_OUT,
    Code.BANNED: CloseCode.BANNED,
    Code.INTERNAL: CloseCode.INTERNAL,
    Code.UNAVAILABLE: CloseCode.INTERNAL,
    Code.SERVER_BUSY: CloseCode.RATE_LIMITED,
    Code.RATE_LIMITED: CloseCode.RATE_LIMITED,
}


class _Fragments:
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


def _result_now(coroutine: Coroutine[Any, Any, T]) -> T | None:
    """The result of a coroutine that does not wait. None for one that does, or fails: it is ended
    where it stands, and its work must be asked for again."""
    try:
        coroutine.send(None)
    except StopIteration as returned:
        result: T = returned.value
        return result
    except Exception:  # noqa: BLE001 - met again, and told, when it is asked for again
        return None
    coroutine.close()
    return None


def _is_idle(parser: ServerProtocol) -> bool:
    """Tells whether a parser is between two messages and holds nothing.

    The parser is a generator; where it waits tells whether half a frame was consumed. The contract
    test feeds every split of a message to the library's version that is installed.
    """
    if parser.state is not WireState.OPEN or parser.current_size is not None:
        return False
    waiting: Any = parser.parser
    while (deeper := waiting.gi_yieldfrom) is not None:
        waiting = deeper
    return not parser.reader.buffer and waiting.gi_code is _AT_BOUNDARY
