"""The load of every comparison, in a process of its own: one publisher, sinks, and witnesses.

A sink is a socket whose bytes are counted and thrown away; a witness parses its frames with the
`websockets` package and reads every event. How many bytes an event takes on the wire is what the
witnesses saw in the same window, and so the sinks' bytes are events.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any, cast

import uvloop
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from benchmarks.peers import usage
from benchmarks.peers.dialects import (
    DIALECTS,
    UPGRADED,
    Dialect,
    first_request,
    opening,
    text_frame,
)
from benchmarks.peers.publisher import Publisher
from benchmarks.support.control import obey, raise_open_files

EMPTY_EVERY_S = 0.02
"""Sinks are read about as soon as people's devices read. What is read late is acknowledged late, by
a timer of the kernel, which runs on the server's core here and on the viewer's device elsewhere."""
ALIVE_EVERY_S = 5.0
JOIN_S = 60.0
NOTICE_S = 0.05
QUIET_S = 5.0


class Sink:
    """A viewer that joins and from then on only counts bytes.

    It costs next to nothing here, as a viewer at the other end of a network costs nothing there.
    """

    __slots__ = ("dialect", "is_gone", "received", "socket")

    def __init__(self, port: int, dialect: Dialect) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), JOIN_S)
        self.dialect = dialect
        self.received = 0
        self.is_gone = False

    def upgrade(self) -> None:
        if first := first_request(self.dialect):
            self.socket.sendall(first)
            self._until(UPGRADED, b"")
        self.socket.sendall(opening(self.dialect, self.socket.getpeername()[1]))

    def join(self) -> None:
        answer = self._until(UPGRADED, b"")
        assert answer.startswith(b"HTTP/1.1 101 "), answer[:200]
        if self.dialect.hello:
            self.socket.sendall(text_frame(self.dialect.hello))
            self._until(self.dialect.welcome, answer)
        self.socket.setblocking(False)

    def _until(self, wanted: bytes, arrived: bytes) -> bytes:
        while wanted not in arrived:
            more = self.socket.recv(64 * 1024)
            if not more:
                raise ConnectionResetError(f"the server hung up after {arrived[:200]!r}")
            arrived += more
        return arrived

    def empty(self, into: bytearray) -> None:
        """Counts and drops what has arrived. MSG_TRUNC copies nothing."""
        try:
            self.received += self.socket.recv_into(into, len(into), socket.MSG_TRUNC)
        except BlockingIOError:
            pass
        except ConnectionError:
            self.is_gone = True

    def say_alive(self) -> None:
        try:
            self.socket.send(self.dialect.alive)
        except BlockingIOError:
            pass
        except ConnectionError:
            self.is_gone = True


class Witness(asyncio.Protocol):
    """Reads every event: when it came, and whether it is the next."""

    def __init__(self, port: int, dialect: Dialect) -> None:
        uri = parse_uri(f"ws://127.0.0.1:{port}{dialect.path}")
        chosen = [cast("Any", dialect.subprotocol)] if dialect.subprotocol else None
        self.protocol = ClientProtocol(uri, subprotocols=chosen)
        self.dialect = dialect
        self.is_asked = False
        self.is_joined = False
        self.is_gone = False
        self.number = 0
        self.begin()

    def begin(self) -> None:
        """Forgets what was counted."""
        self.bytes = self.frames = self.events = self.missed = self.misordered = 0
        self.latencies_ns: list[int] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        if first := first_request(self.dialect):
            self.transport.write(first)
        else:
            self._upgrade()

    def _upgrade(self) -> None:
        self.is_asked = True
        self.protocol.send_request(self.protocol.connect())
        self._write()

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        if not self.is_asked:
            self._upgrade()
            return
        self.bytes += len(data)
        was_open = self.protocol.state is OPEN
        self.protocol.receive_data(data)
        if not was_open and self.protocol.state is OPEN:
            if self.dialect.hello:
                self.protocol.send_text(self.dialect.hello.encode())
            else:
                self.is_joined = True
        for event in self.protocol.events_received():
            if isinstance(event, Frame) and event.opcode is event.opcode.TEXT:
                self._take(bytes(event.data), now_ns)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_gone = True

    def _write(self) -> None:
        for piece in self.protocol.data_to_send():
            if piece:
                self.transport.write(piece)

    def _take(self, data: bytes, now_ns: int) -> None:
        if not self.is_joined:
            self.is_joined = self.dialect.welcome in data
            return
        if (answer := self.dialect.pinged(data)) is not None:
            self.protocol.send_text(answer.encode())
            return
        events = self.dialect.events(data)
        self.frames += bool(events)
        for event in events:
            number = event["number"]
            self.events += 1
            if number <= self.number:
                self.misordered += 1
            elif self.number:
                self.missed += number - self.number - 1
            self.number = max(self.number, number)
            self.latencies_ns.append(now_ns - event["sent_ns"])


class Audience:
    """Everybody who watches one server, and the one who speaks."""

    def __init__(self) -> None:
        self.sinks: list[Sink] = []
        self.witnesses: list[Witness] = []
        self.publisher: Publisher | None = None
        self.buffer = bytearray(1024 * 1024)
        self.is_measuring = False
        self.upkeep: asyncio.Task[None] | None = None

    # Orders

    async def open(
        self, port: int, dialect: str, sinks: int, witnesses: int = 0, at_once: int = 50
    ) -> dict[str, Any]:
        """Opens connections, `at_once` at a time; returns when all are in the room.

        Witnesses come evenly among the sinks: servers write to some viewers first and to some last.
        """
        if self.upkeep is None:
            self.upkeep = asyncio.create_task(self._keep_up())
        spoken = DIALECTS[dialect]
        steps = max(1, -(-sinks // at_once))
        for step in range(steps):
            due = witnesses * (step + 1) // steps - witnesses * step // steps
            await self._open_witnesses(port, spoken, due)
            start = step * at_once
            made = [Sink(port, spoken) for _ in range(min(at_once, sinks - start))]
            for sink in made:
                sink.upgrade()
            for sink in made:
                sink.join()
            self.sinks += made
            await asyncio.sleep(0)
        return {"viewers": len(self.sinks) + len(self.witnesses)}

    async def call(self, port: int, path: str, template: str) -> dict[str, Any]:
        """Connects the publisher and calls the roll: everybody has to hear a first event."""
        self.publisher = Publisher(path=path, template=template)
        await self.publisher.connect(port)
        return await self.roll()

    async def roll(self) -> dict[str, Any]:
        """Publishes one event and waits until it has reached everybody."""
        await self._empty()
        before = [sink.received for sink in self.sinks]
        publisher = self._speaker()
        number = publisher.publish()
        until_s = time.monotonic() + JOIN_S
        while True:
            await asyncio.sleep(NOTICE_S)
            await self._empty()
            deaf = sum(
                sink.received == had for sink, had in zip(self.sinks, before, strict=True)
            ) + sum(each.number < number for each in self.witnesses)
            if not deaf:
                return {"viewers": len(self.sinks) + len(self.witnesses)}
            if time.monotonic() > until_s:
                raise TimeoutError(
                    f"{deaf} of {len(self.sinks) + len(self.witnesses)} hear nothing"
                )

    async def measure(
        self, pids: list[int], rate: float, warm_s: float, window_s: float, tick_ms: float = 0.0
    ) -> dict[str, Any]:
        """Offers `rate` events a second and tells what arrived in a window, and what it cost.

        Args:
            pids: the server's processes.
            tick_ms: how long events are gathered before they are sent as one; 0 is not at all.
        """
        publisher = self._speaker()
        for sink in self.sinks:
            sink.say_alive()
        self.is_measuring = True
        try:
            publisher.set_tick(tick_ms)
            speaking = asyncio.create_task(publisher.speak(rate, self._heard))
            await asyncio.sleep(warm_s)
            for witness in self.witnesses:
                witness.begin()
            offered = publisher.wanted
            arrived = await self._empty()
            spent_s, started_s = usage.cpu_s(pids), time.monotonic()
            await asyncio.sleep(window_s)
            spent_s, seconds = usage.cpu_s(pids) - spent_s, time.monotonic() - started_s
            report = self._report()
            arrived = await self._empty() - arrived
            report["offered"] = publisher.wanted - offered
            speaking.cancel()
            report["is_quiet"] = await self._fall_quiet()
        finally:
            self.is_measuring = False
        report["gone"] = sum(each.is_gone for each in self.sinks) + sum(
            each.is_gone for each in self.witnesses
        )
        return report | {"seconds": seconds, "cpu_s": spent_s, "sink_bytes": arrived}

    async def close(self) -> dict[str, Any]:
        """Hangs up on the server."""
        if self.publisher is not None:
            self.publisher.close()
            self.publisher = None
        for sink in self.sinks:
            sink.socket.close()
        for witness in self.witnesses:
            witness.transport.abort()
        self.sinks, self.witnesses = [], []
        return {}

    # Parts

    async def _open_witnesses(self, port: int, dialect: Dialect, count: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, witness = await loop.create_connection(
                lambda: Witness(port, dialect), "127.0.0.1", port
            )
            self.witnesses.append(witness)
        async with asyncio.timeout(JOIN_S):
            while not all(each.is_joined for each in self.witnesses):
                await asyncio.sleep(0.002)

    def _speaker(self) -> Publisher:
        assert self.publisher is not None, "`call` comes first"
        return self.publisher

    def _heard(self) -> int:
        """The last event that has reached the middle one of the witnesses."""
        return sorted(each.number for each in self.witnesses)[len(self.witnesses) // 2]

    async def _empty(self) -> int:
        """Counts what has arrived by now; returns the bytes of all sinks since they joined."""
        for sink in self.sinks:
            sink.empty(self.buffer)
        return sum(sink.received for sink in self.sinks)

    async def _fall_quiet(self) -> bool:
        """Waits until the server has said what it still had to say, if that does not take long:
        what is left in its queues would be counted in the next window."""
        until_s = time.monotonic() + QUIET_S
        while self._heard() < self._speaker().number:
            if time.monotonic() > until_s:
                return False
            await asyncio.sleep(NOTICE_S)
        await asyncio.sleep(10 * NOTICE_S)
        return True

    async def _keep_up(self) -> None:
        """Empties the sinks, and lets them be heard except while something is measured."""
        alive_s = 0.0
        while True:
            is_time = not self.is_measuring and time.monotonic() - alive_s > ALIVE_EVERY_S
            alive_s = time.monotonic() if is_time else alive_s
            for number, sink in enumerate(self.sinks):
                sink.empty(self.buffer)
                if is_time:
                    sink.say_alive()
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await asyncio.sleep(EMPTY_EVERY_S)

    def _report(self) -> dict[str, Any]:
        everybody = self.witnesses
        latencies = sorted(each for witness in everybody for each in witness.latencies_ns)

        def percentile(share: float) -> float | None:
            return latencies[int(share * (len(latencies) - 1))] / 1e6 if latencies else None

        return {
            "sinks": len(self.sinks),
            "witnesses": len(everybody),
            "witness_bytes": sum(each.bytes for each in everybody),
            "witness_events": sum(each.events for each in everybody),
            "witness_frames": sum(each.frames for each in everybody),
            "missed": sum(each.missed for each in everybody),
            "misordered": sum(each.misordered for each in everybody),
            "latency_ms_p50": percentile(0.5),
            "latency_ms_p99": percentile(0.99),
            "latency_ms_p999": percentile(0.999),
        }


async def main() -> None:
    audience = Audience()
    names = ("open", "call", "roll", "measure", "close")
    await obey({name: getattr(audience, name) for name in names})


if __name__ == "__main__":
    raise_open_files()
    json.loads(sys.argv[1])
    uvloop.run(main())
