"""The audience of a benchmark, in a process of its own: sinks that count, witnesses that check."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any, cast

import orjson
import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN, State
from websockets.uri import parse_uri

from benchmarks.support.control import obey, raise_open_files

SUBPROTOCOL = "livecommerce.v1.json"
PONG = b"\x8a\x80\0\0\0\0"
"""Masked with zeros."""


def upgrade_request(
    port: int,
    path: str = "/v1/live",
    subprotocol: str = SUBPROTOCOL,
    *,
    offers_deflate: bool = True,
) -> bytes:
    """What Chromium sends, without its cookies."""
    wishes = ""
    if offers_deflate:
        wishes += "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    if subprotocol:
        wishes += f"Sec-WebSocket-Protocol: {subprotocol}\r\n"
    return (
        f"GET {path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\n"
        "Connection: Upgrade\r\n"
        "Pragma: no-cache\r\n"
        "Cache-Control: no-cache\r\n"
        "User-Agent: Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/156.0 Mobile\r\n"
        "Upgrade: websocket\r\n"
        f"Origin: http://127.0.0.1:{port}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        "Accept-Encoding: gzip, deflate, br\r\n"
        "Accept-Language: ar-SA,ar;q=0.9,en;q=0.8\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        f"{wishes}\r\n"
    ).encode()


def hello(room: str) -> bytes:
    """A hello frame, masked with zeros."""
    payload = orjson.dumps({"t": "hello", "id": "hello-of-the-crowd", "room": room})
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


class Sink:
    """A viewer that joins and from then on only counts what arrives.

    The kernel takes its bytes in; they are thrown away now and then without being looked at. So a
    sink costs next to nothing here, as a viewer at the other end of a network costs nothing there.
    """

    __slots__ = ("received", "socket")

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.received = 0

    def upgrade(self) -> None:
        self.socket.sendall(upgrade_request(self.socket.getpeername()[1]))

    def greet(self, room: str) -> None:
        answer = b""
        # A ping may stand right behind the head.
        while b"\r\n\r\n" not in answer:
            answer += self._receive()
        assert answer.startswith(b"HTTP/1.1 101 "), answer
        self.socket.sendall(hello(room))

    def await_snapshot(self) -> None:
        arrived = b""
        while b'"snapshot"' not in arrived or not arrived.endswith(b"}"):
            arrived += self._receive()
        self.socket.setblocking(False)

    def _receive(self) -> bytes:
        arrived = self.socket.recv(64 * 1024)
        if not arrived:
            raise ConnectionResetError("the server hung up")
        return arrived

    def empty(self, into: bytearray) -> None:
        """Counts and drops what has arrived. MSG_TRUNC copies nothing."""
        try:
            self.received += self.socket.recv_into(into, len(into), socket.MSG_TRUNC)
        except BlockingIOError:
            pass


class Witness(asyncio.Protocol):
    """Parses every frame and checks it: nothing lost, nothing twice, nothing out of order."""

    def __init__(self, crowd: Crowd, port: int, room: str) -> None:
        self.crowd = crowd
        uri = parse_uri(f"ws://127.0.0.1:{port}/v1/live")
        self.protocol = ClientProtocol(uri, subprotocols=[cast("Any", SUBPROTOCOL)])
        self.room = room
        self.position = -1
        self.epoch = ""
        self.number = 0
        self.events = 0
        self.faults: list[str] = []
        self.latencies_ns: list[int] = []
        self.state: State = self.protocol.state

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.protocol.send_request(self.protocol.connect())
        self._write()

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        was, self.state = self.state, self.protocol.state
        self.protocol.receive_data(data)
        if was is not OPEN and self.protocol.state is OPEN:
            self.state = OPEN
            greeting = {"t": "hello", "id": "hello-of-a-witness", "room": self.room}
            self.protocol.send_text(orjson.dumps(greeting))
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is event.opcode.TEXT:
                self._check(orjson.loads(event.data), now_ns)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        self.crowd.lost += 1

    def _write(self) -> None:
        for piece in self.protocol.data_to_send():
            if piece:
                self.transport.write(piece)

    def _check(self, message: dict[str, Any], now_ns: int) -> None:
        match message["t"]:
            case "snapshot":
                self.position, self.epoch = message["offset"], message["epoch"]
                self.number = max([0, *(event["number"] for event in message["recent"])])
                self.crowd.joined += 1
            case "batch" if message.get("epoch") == self.epoch:
                if message["first"] != self.position + 1:
                    self.faults.append(f"{message['first']} follows {self.position}")
                self.position = message["last"]
                for event in message["events"]:
                    self.events += 1
                    if event["number"] != self.number + 1:
                        self.faults.append(f"event {event['number']} follows {self.number}")
                    self.number = event["number"]
                    self.latencies_ns.append(now_ns - event["sent_ns"])


class Crowd:
    """Everybody who watches."""

    def __init__(self) -> None:
        self.sinks: list[Sink] = []
        self.witnesses: list[Witness] = []
        self.joined = 0
        self.lost = 0
        self.upkeep: asyncio.Task[None] | None = None

    async def open(
        self, port: int, room: str, sinks: int, witnesses: int = 0, at_once: int = 100
    ) -> dict[str, Any]:
        """Opens connections, `at_once` at a time; returns when all have their snapshot."""
        if self.upkeep is None:
            self.upkeep = asyncio.create_task(self._keep_up())
        loop = asyncio.get_running_loop()
        for _ in range(witnesses):
            _, witness = await loop.create_connection(
                lambda: Witness(self, port, room), "127.0.0.1", port
            )
            self.witnesses.append(witness)
        while self.joined < len(self.witnesses):
            await asyncio.sleep(0.002)
        for start in range(0, sinks, at_once):
            made = [Sink(port) for _ in range(min(at_once, sinks - start))]
            for sink in made:
                sink.upgrade()
            for sink in made:
                sink.greet(room)
            for sink in made:
                sink.await_snapshot()
            self.sinks += made
            await asyncio.sleep(0)
        return {"joined": self.joined + len(self.sinks)}

    async def _keep_up(self) -> None:
        """Empties every sink four times a second, and lets it be heard every five seconds or so."""
        buffer = bytearray(1024 * 1024)
        turn = 0
        while True:
            turn += 1
            for number, sink in enumerate(self.sinks):
                sink.empty(buffer)
                if (number + turn) % 20 == 0:
                    sink.socket.send(PONG)
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(0.25)

    async def close(self, count: int) -> dict[str, Any]:
        """Hangs up on the sinks that came last."""
        for sink in self.sinks[len(self.sinks) - count :]:
            sink.socket.close()
        del self.sinks[len(self.sinks) - count :]
        return {}

    async def begin(self) -> dict[str, Any]:
        """Forgets the latencies seen so far."""
        for witness in self.witnesses:
            witness.latencies_ns.clear()
        return {"received": sum(sink.received for sink in self.sinks)}

    async def report(self) -> dict[str, Any]:
        latencies = sorted(each for witness in self.witnesses for each in witness.latencies_ns)
        faults = [fault for witness in self.witnesses for fault in witness.faults]

        def percentile(share: float) -> float:
            return latencies[int(share * (len(latencies) - 1))] / 1e6 if latencies else 0.0

        return {
            "received": sum(sink.received for sink in self.sinks),
            "latency_ms_p50": percentile(0.5),
            "latency_ms_p99": percentile(0.99),
            "samples": len(latencies),
            "events": [witness.events for witness in self.witnesses],
            "faults": faults[:10],
            "lost": self.lost,
        }


async def main() -> None:
    crowd = Crowd()
    names = ("open", "close", "begin", "report")
    await obey({name: getattr(crowd, name) for name in names})


if __name__ == "__main__":
    raise_open_files()
    json.loads(sys.argv[1])
    uvloop.run(main())
