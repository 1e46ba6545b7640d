"""A live connection: what its messages mean, who is on it, and where it is.

An idle one is a slotted object with its session: no task, no parser, no buffer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import msgspec
import structlog

from livecommerce.gateway.admission import Admission
from livecommerce.gateway.deadlines import Deadlines
from livecommerce.gateway.lanes import Lanes
from livecommerce.gateway.websocket.parsing import Parsers
from livecommerce.gateway.websocket.visitors import Entry, Gatekeeper, Visitor
from livecommerce.gateway.websocket.wire import WireSocket
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
from livecommerce.realtime.framing import framed
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.publications import LIGHT_CLASS, VIEWER_CLASS
from livecommerce.realtime.room import Room

log = structlog.get_logger()
T = TypeVar("T")

_CLOSE_BY_CODE = {
    Code.UNAUTHENTICATED: CloseCode.SIGNED_OUT,
    Code.BANNED: CloseCode.BANNED,
    Code.INTERNAL: CloseCode.INTERNAL,
    Code.UNAVAILABLE: CloseCode.INTERNAL,
    Code.SERVER_BUSY: CloseCode.RATE_LIMITED,
    Code.RATE_LIMITED: CloseCode.RATE_LIMITED,
}


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
        self.closing: Deadlines[WireSocket] = Deadlines(close_grace_s, WireSocket.close_overdue)
        self.parsers = Parsers(limits.message_bytes_max)
        self.loop = asyncio.get_running_loop()


class LiveSocket(WireSocket):
    """One connection, its conversation and its commands."""

    __slots__ = ("_context", "_lanes", "_session", "_visitor")

    def __init__(
        self, transport: asyncio.Transport, codec: Codec, context: LiveContext, ip: str
    ) -> None:
        super().__init__(transport, codec, context, ip)
        self._context = context
        self._lanes: Lanes | None = None
        self._visitor: Visitor | None = None
        now_s = context.clock.mono_s()
        self._session = Session(
            codec=codec, decoder=context.commands, limits=context.limits, now_s=now_s
        )
        context.greeting.add(self, now_s)

    def keys(self) -> tuple[str, ...]:
        """See `WireSocket.keys`."""
        return self._visitor.keys if self._visitor is not None else ()

    def let_go(self) -> None:
        """See `WireSocket.let_go`; commands that run come to their end, unheard."""
        self._context.greeting.remove(self)
        self._session.close()
        super().let_go()

    def visit(self, now_ms: int) -> None:
        """See `Connection.visit`."""
        expires_at = self._visitor.expires_at if self._visitor is not None else None
        if expires_at is not None and now_ms >= expires_at + self._context.renew_grace_ms:
            self.close(CloseCode.TOKEN_EXPIRED)

    def hello_overdue(self) -> None:
        """No hello came in time."""
        if late := self._session.tick(self._context.clock.mono_s()):
            self._session_closes(late)

    def on_message(self, payload: bytes, *, is_text: bool) -> None:
        """See `WireSocket.on_message`."""
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
        # Known to the hub from here on: a signing out while we wait below must find it.
        self._become(visitor)
        entry, room = Entry(), None
        if hello.room is not None:
            room, entry = await self._enter(visitor, hello.room)
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
            if visitor.person_id is not None:
                context.hub.saw(room.room_id, visitor.person_id)
            elif hello.visitor is not None:
                # Nobody can pass for a person, whose ids have no blank.
                context.hub.saw(room.room_id, f"page {hello.visitor}")
            frame += context.hub.join(
                self, room, _class_of(entry, hello), epoch=hello.epoch, offset=hello.offset
            )
        self.transport.write(frame)

    async def _join(self, join: Join) -> None:
        context, visitor = self._context, self._valid()
        room, entry = await self._enter(visitor, join.room)
        if self.is_closing:
            return
        if visitor.person_id is not None:
            context.hub.saw(room.room_id, visitor.person_id)
        context.hub.leave(self)
        reply = Ok(id=join.id, d=Joined(capabilities=entry.capabilities))
        frame = framed(self.codec, self.codec.encode(reply))
        frame += context.hub.join(
            self, room, _class_of(entry, join), epoch=join.epoch, offset=join.offset
        )
        self.transport.write(frame)

    async def _enter(self, visitor: Visitor, room_id: str) -> tuple[Room, Entry]:
        """Opens the room, then asks who may be in it: a ban from a room reaches the connections
        that are in it, and this one is not yet. Nothing may be waited for after the answer."""
        context = self._context
        while True:
            await context.hub.open_room(room_id)
            entry = await context.gatekeeper.enter(visitor, room_id)
            # While that was asked the room may have been empty for too long.
            if (room := context.hub.warm_room(room_id)) is not None:
                return room, entry

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
            # Meanwhile it may have gone to a room in which it is nobody.
            if self.group is group:
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


def _class_of(entry: Entry, wish: Hello | Join) -> str:
    """The audience a visitor is one of. The staff answers for what is said, and is shown it all."""
    is_light = wish.light and entry.audience_class == VIEWER_CLASS
    return LIGHT_CLASS if is_light else entry.audience_class


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
