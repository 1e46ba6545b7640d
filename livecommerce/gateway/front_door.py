"""The one port: reads a request head, keeps live sockets, gives everything else to aiohttp."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import cast

import structlog
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.web_server import Server
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from livecommerce.gateway.admission import Admission, ClientAddresses
from livecommerce.gateway.deadlines import Deadlines
from livecommerce.gateway.handshake import (
    LIVE_PATH,
    Answer,
    Handshake,
    Origins,
    check,
    is_upgrade,
    parse_head,
    refusal,
)
from livecommerce.gateway.websocket import Gatekeeper, LiveContext, LiveSocket
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codec import CODECS, CommandDecoder
from livecommerce.protocol.session import SessionLimits
from livecommerce.realtime.hub import Hub

log = structlog.get_logger()

SWEEP_S = 0.25
CLOSE_POLL_S = 0.01
_HEAD_END = b"\r\n\r\n"
_LIVE_START = b"GET " + LIVE_PATH.encode()


@dataclass(frozen=True, slots=True)
class FrontDoorSettings:
    """Durations in seconds, sizes in bytes."""

    allowed_origins: tuple[str, ...] = ()
    """Beside the server's own host: pages that may open the live socket, or "*"."""
    trusted_proxies: tuple[str, ...] = ()
    """Whose X-Forwarded-For and X-Forwarded-Host are believed."""
    connections_max: int = 50_000
    connections_per_ip: int = 2_000
    admissions_per_s: float = 1_000.0
    admissions_burst: float = 2_000.0
    head_bytes_max: int = 16 * 1024
    head_deadline_s: float = 10.0
    send_buffer_bytes: int = 64 * 1024
    """Kernel send buffer of a live socket. With the kernel's default a stalled viewer swallows
    megabytes before anyone notices."""
    write_buffer_bytes: int = 16 * 1024
    """Above this a viewer lags: it is sent nothing until the kernel took what is buffered."""
    deflates: bool = False
    """Clients may have what many are sent alike deflated."""
    renew_grace_s: float = 30.0
    backlog: int = 4096
    session: SessionLimits = field(default_factory=SessionLimits)


class FrontDoor:
    """Listens, and knows every connection that is not aiohttp's.

    Args:
        commands: decodes the commands of all features.
    """

    def __init__(
        self,
        *,
        hub: Hub,
        gatekeeper: Gatekeeper,
        commands: CommandDecoder,
        clock: Clock,
        settings: FrontDoorSettings | None = None,
    ) -> None:
        self.settings = settings = settings or FrontDoorSettings()
        self.clock = clock
        self.hub = hub
        self.admission = Admission(
            clock=clock,
            total_max=settings.connections_max,
            per_ip_max=settings.connections_per_ip,
            rate_per_s=settings.admissions_per_s,
            burst=settings.admissions_burst,
        )
        self._addresses = ClientAddresses(settings.trusted_proxies)
        self._origins = Origins(settings.allowed_origins)
        codecs = [codec for codec in CODECS if settings.deflates or not codec.deflates]
        self._handshake = Handshake(clock, codecs)
        self._context = LiveContext(
            hub=hub,
            gatekeeper=gatekeeper,
            commands=commands,
            clock=clock,
            limits=settings.session,
            admission=self.admission,
            renew_grace_s=settings.renew_grace_s,
            close_grace_s=hub.settings.close_grace_s,
        )
        self._has_met_proxy = False
        self.reading = Deadlines(settings.head_deadline_s, _Doorway.overdue)
        self.is_draining = False
        self.port = 0
        """The port that was bound first."""
        self._listeners: list[asyncio.Server] = []
        self._sweeper: asyncio.Task[None] | None = None

    async def listen(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        web_server: Server,
        sock: socket.socket | None = None,
    ) -> None:
        """Begins to accept, on an address or on a listening socket."""
        loop = asyncio.get_running_loop()

        def make() -> _Doorway:
            return _Doorway(self, web_server)

        backlog = self.settings.backlog
        if sock is not None:
            listener = await loop.create_server(make, sock=sock, backlog=backlog)
        else:
            listener = await loop.create_server(make, host, port, backlog=backlog)
        self._listeners.append(listener)
        self.port = self.port or listener.sockets[0].getsockname()[1]
        if self._sweeper is None:
            self._sweeper = loop.create_task(self._sweep())

    async def drain(self, within_s: float) -> None:
        """Stops accepting and hands the live connections over; see `Hub.drain`."""
        self.is_draining = True
        for listener in self._listeners:
            listener.close()
        await self.hub.drain(within_s, back_per_s=self.settings.admissions_per_s)

    async def close(self) -> None:
        """Stops accepting and lets commands that run come to their end."""
        self.is_draining = True
        for listener in self._listeners:
            listener.close()
        if self._sweeper is not None:
            self._sweeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeper
        await self.hub.drain(0.0)
        context, grace_s = self._context, self.hub.settings.close_grace_s
        if context.tasks:
            await asyncio.wait(context.tasks, timeout=grace_s)
        for task in context.tasks:
            task.cancel()
        # Whoever answers the close frame reads its code; an abort would take it from them.
        for _ in range(int(grace_s / CLOSE_POLL_S)):
            if not len(context.closing):
                break
            await asyncio.sleep(CLOSE_POLL_S)
        context.closing.sweep(float("inf"))

    async def upgrade(self, request: web.Request) -> web.StreamResponse:
        """The aiohttp handler of `GET /v1/live`: a proxy may send an upgrade on a connection that
        carried other requests before. aiohttp has found the message boundary; from here on the
        connection is a live one like any other."""
        if request.transport is None:
            raise ConnectionResetError("gone before the upgrade")
        transport = request.transport
        headers = Headers(
            [
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.raw_headers
            ]
        )
        heard = Request(request.raw_path, headers, method=request.method)
        answer, ip = self.answer(heard, transport)
        if answer.codec is None:
            response = web.Response(status=answer.status, body=answer.body)
            for name, value in answer.headers.raw_items():
                if name.lower() not in ("connection", "content-length", "date"):
                    response.headers[name] = value
            return response
        # aiohttp's handler must let go of the transport without closing it.
        handler = request.protocol
        handler.transport = None
        handler.connection_lost(None)
        live = self.open_live(transport, answer, ip)
        if tail := getattr(handler, "_message_tail", b""):
            live.data_received(tail)
        if not transport.is_reading():
            transport.resume_reading()
        return _HandedOver()

    def answer(self, request: Request, transport: asyncio.Transport) -> tuple[Answer, str]:
        """Decides about an upgrade request; returns the answer and the address it counts for.

        The place in `admission` is taken exactly when the answer has a codec.
        """
        peer = _peer(transport)
        headers = request.headers
        forwarded_for = headers.get_all("X-Forwarded-For")
        ip = self._addresses.resolve(peer, forwarded_for)
        if forwarded_for and not self._has_met_proxy and not self._addresses.trusts(peer):
            self._has_met_proxy = True
            # Often an invention, and then this is all there is to it. But behind a proxy that is
            # not in the settings a whole shop has one address, and the cap of one.
            log.warning(
                "X-Forwarded-For is not believed",
                sender=peer,
                setting="LIVECOMMERCE_TRUSTED_PROXIES",
            )
        try:
            if self.is_draining:
                raise Refused(Code.SERVER_BUSY, retry_after_ms=1000)
            hosts = headers.get_all("Host")
            if self._addresses.trusts(peer):
                hosts = headers.get_all("X-Forwarded-Host") or hosts
            check(request, self._origins, host=hosts[0] if len(hosts) == 1 else None)
            answer = self._handshake.accept(request)
            if answer.codec is not None:
                self.admission.enter(ip)
        except Refused as refused:
            return refusal(refused), ip
        return answer, ip

    def open_live(self, transport: asyncio.Transport, answer: Answer, ip: str) -> LiveSocket:
        """Makes an accepted connection a live one."""
        assert answer.codec is not None
        if (raw := transport.get_extra_info("socket")) is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self.settings.send_buffer_bytes)
        high = self.settings.write_buffer_bytes
        transport.set_write_buffer_limits(high=high, low=high // 4)
        live = LiveSocket(transport, answer.codec, self._context, ip)
        transport.set_protocol(live)
        transport.write(answer.head)
        return live

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            now_s = self.clock.mono_s()
            self.reading.sweep(now_s)
            self._context.greeting.sweep(now_s)
            self._context.closing.sweep(now_s)


class _Doorway(asyncio.Protocol):
    """A connection whose first request head is not complete yet."""

    __slots__ = ("_door", "_head", "_transport", "_web_server")

    def __init__(self, door: FrontDoor, web_server: Server) -> None:
        self._door = door
        self._web_server = web_server
        self._transport: asyncio.Transport | None = None
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._door.reading.add(self, self._door.clock.mono_s())

    def connection_lost(self, exc: Exception | None) -> None:
        self._door.reading.remove(self)

    def overdue(self) -> None:
        """The head did not come in time."""
        self._refuse(408, "Request Timeout")

    def data_received(self, data: bytes) -> None:
        head = self._head = self._head + data if self._head else data
        end = head.find(_HEAD_END) + len(_HEAD_END)
        if end < len(_HEAD_END):
            if len(head) > self._door.settings.head_bytes_max:
                self._refuse(431, "Request Header Fields Too Large")
            return
        if end > self._door.settings.head_bytes_max:
            self._refuse(431, "Request Header Fields Too Large")
            return
        self._door.reading.remove(self)
        if head.startswith(_LIVE_START) and head[len(_LIVE_START)] in b" ?":
            request = parse_head(head[:end])
            if request is not None and is_upgrade(request):
                self._open_live(request, head[end:])
                return
        # What asks for the live path but for no upgrade, or badly, is aiohttp's to answer.
        self._hand_over(head)

    def _open_live(self, request: Request, rest: bytes) -> None:
        assert self._transport is not None
        answer, ip = self._door.answer(request, self._transport)
        if answer.codec is None:
            self._transport.write(_written(answer))
            self._transport.close()
            return
        live = self._door.open_live(self._transport, answer, ip)
        if rest:
            live.data_received(rest)

    def _hand_over(self, received: bytes) -> None:
        transport = self._transport
        assert transport is not None
        handler = self._web_server()
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(received)

    def _refuse(self, status: int, phrase: str) -> None:
        self._door.reading.remove(self)
        assert self._transport is not None
        headers = "Connection: close\r\nContent-Length: 0\r\n\r\n"
        self._transport.write(f"HTTP/1.1 {status} {phrase}\r\n{headers}".encode())
        self._transport.close()


class _HandedOver(web.StreamResponse):
    """What aiohttp is given when the connection is not its own any more: it writes nothing."""

    def __init__(self) -> None:
        super().__init__(status=101)
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return


def _written(answer: Answer) -> bytes:
    if answer.head:
        return answer.head
    answer.headers["Connection"] = "close"
    answer.headers["Content-Length"] = str(len(answer.body))
    phrase = HTTPStatus(answer.status).phrase
    return Response(answer.status, phrase, answer.headers, answer.body).serialize()


def _peer(transport: asyncio.Transport) -> str | None:
    peername = transport.get_extra_info("peername")
    return peername[0] if isinstance(peername, tuple) else None
