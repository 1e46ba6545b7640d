"""A crowd that also stalls, joins at once, is cut off and comes back."""

from __future__ import annotations

import asyncio
import json
import random
import select
import socket
import sys
import time
from functools import partial
from typing import Any, cast

import orjson
import uvloop

from benchmarks.support.control import cpu_s, obey, raise_open_files
from benchmarks.support.crowd import Crowd, Sink, Witness, upgrade_request
from livecommerce.client.room import BACKOFF_BASE_S, BACKOFF_MAX_S

SMALL_BUFFER = 4096
"""Receive buffer of a viewer that stalls. The kernel makes about twice that of it."""


class Staller(Sink):
    """A viewer that joins, and from then on reads nothing and answers nothing."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        # Before it connects: the window is agreed on then.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.socket.connect(("127.0.0.1", port))
        self.received = 0

    def is_gone(self) -> bool:
        """The server gave up on it. Learned without reading."""
        poll = select.poll()
        poll.register(self.socket, 0)
        return bool(poll.poll(0))


class OffsetWitness(Witness):
    """Checks offsets alone: several nodes publish, each with numbers of its own."""

    def _check(self, message: dict[str, Any], now_ns: int) -> None:
        match message["t"]:
            case "snapshot":
                self.position, self.epoch = message["offset"], message["epoch"]
                self.crowd.joined += 1
            case "batch" if "epoch" in message:
                first, last = message["first"], message["last"]
                if message["epoch"] != self.epoch or first != self.position + 1:
                    self.faults.append(f"{first} follows {self.position}")
                if len(message["events"]) != last - first + 1:
                    self.faults.append(f"{first} to {last} has {len(message['events'])} events")
                self.position = last
                for event in message["events"]:
                    self.events += 1
                    self.latencies_ns.append(now_ns - event["sent_ns"])


class Comer(asyncio.Protocol):
    """Comes to the room as a browser does, and notes when it is in."""

    def __init__(self, storm: Storm) -> None:
        self.storm = storm
        self.arrived = b""
        self.is_up = False
        self.is_in = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.storm.request)

    def data_received(self, data: bytes) -> None:
        if self.is_in:
            self.storm.received += len(data)
            return
        self.arrived += data
        if not self.is_up:
            if b"\r\n\r\n" not in self.arrived:
                return
            if not self.arrived.startswith(b"HTTP/1.1 101 "):
                self.storm.refused += 1
                return
            self.is_up = True
            assert self.transport is not None
            self.transport.write(self.storm.hello)
        if found := whole_frame(self.arrived):
            self.is_in = True
            self.arrived = b""
            self.storm.note(*found)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_in:
            self.storm.again.append(self)


def whole_frame(arrived: bytes) -> tuple[str, bytes] | None:
    """Finds the snapshot or what was missed once it is complete: ("recovered", its payload)."""
    for kind in ("snapshot", "recovered"):
        at = arrived.find(b'{"t":"%s"' % kind.encode())
        if at < 0:
            continue
        # The frame's length stands right before its payload.
        if at >= 10 and arrived[at - 9] == 127:
            size = int.from_bytes(arrived[at - 8 : at], "big")
        elif arrived[at - 3] == 126:
            size = int.from_bytes(arrived[at - 2 : at], "big")
        else:
            size = arrived[at - 1]
        if len(arrived) >= at + size:
            return kind, arrived[at : at + size]
    return None


def _same(comer: Comer) -> Comer:
    return comer


class Storm:
    """Everybody comes at once."""

    def __init__(self, port: int, greeting: dict[str, Any]) -> None:
        self.port = port
        self.request = upgrade_request(port)
        payload = orjson.dumps({"t": "hello", "id": "hello-of-the-storm", **greeting})
        head = bytes((0x81, 0x80 | len(payload))) if len(payload) < 126 else b""
        if not head:
            head = bytes((0x81, 0x80 | 126)) + len(payload).to_bytes(2, "big")
        self.hello = head + bytes(4) + payload
        self.started_s = time.monotonic()
        self.in_after_s: list[float] = []
        self.kinds: dict[str, int] = {}
        self.position: int | None = greeting.get("offset")
        self.missing = 0
        self.refused = 0
        self.received = 0
        self.again: list[Comer] = []
        self.inside: list[Comer] = []

    def note(self, kind: str, payload: bytes) -> None:
        """One is in. Every hundredth is read: was it given all it missed?"""
        self.in_after_s.append(time.monotonic() - self.started_s)
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == "recovered" and self.position is not None and len(self.in_after_s) % 100 == 0:
            message = orjson.loads(payload)
            self.missing += message["offset"] - self.position - len(message["events"])

    async def one(self, *, jitter: bool) -> None:
        """One viewer, with the pauses that our clients make."""
        loop = asyncio.get_running_loop()
        for attempt in range(30):
            if jitter or attempt:
                ceiling_s = min(BACKOFF_MAX_S, BACKOFF_BASE_S * 2**attempt)
                await asyncio.sleep(random.uniform(0, ceiling_s))
            comer = Comer(self)
            try:
                await loop.create_connection(partial(_same, comer), "127.0.0.1", self.port)
            except OSError:
                self.refused += 1
                continue
            while not comer.is_in and comer not in self.again:
                await asyncio.sleep(0.01)
            if comer.is_in:
                self.inside.append(comer)
                return
            self.again.remove(comer)
        raise RuntimeError("a viewer was never let in")


class Viewers(Crowd):
    """What the parent may ask of the crowd."""

    def __init__(self) -> None:
        super().__init__()
        self.stallers: list[Staller] = []
        self.by_port: dict[int, list[Witness]] = {}
        self.returned: list[Comer] = []
        self._stalling: asyncio.Task[None] | None = None
        self.hung_up_on = 0

    async def witness(self, port: int, room: str, count: int) -> dict[str, Any]:
        """Opens witnesses that check offsets; `latencies` tells of those of one port."""
        loop = asyncio.get_running_loop()
        if self.upkeep is None:
            self.upkeep = asyncio.create_task(self._keep_up())
        for _ in range(count):
            _, made = await loop.create_connection(
                lambda: OffsetWitness(self, port, room), "127.0.0.1", port
            )
            self.witnesses.append(made)
            self.by_port.setdefault(port, []).append(made)
        while self.joined < len(self.witnesses):
            await asyncio.sleep(0.002)
        return {}

    async def audience(
        self, port: int, room: str, sinks: int, witnesses: int, parts: int = 5
    ) -> dict[str, Any]:
        """Opens both, mixed: a room is written to in the order in which it came."""
        for part in range(parts):
            share = [
                (part + 1) * each // parts - part * each // parts for each in (sinks, witnesses)
            ]
            await self.open(port, room, share[0])
            await self.witness(port, room, share[1])
        return {}

    async def latencies(self, port: int) -> dict[str, Any]:
        """From publish to read at one node's witnesses, since `begin`."""
        of_port = self.by_port[port]
        seen = sorted(each for witness in of_port for each in witness.latencies_ns)
        faults = [fault for witness in of_port for fault in witness.faults]

        def percentile(share: float) -> float:
            return seen[int(share * (len(seen) - 1))] / 1e6 if seen else 0.0

        return {
            "p50": percentile(0.5),
            "p99": percentile(0.99),
            "p999": percentile(0.999),
            "samples": len(seen),
            "faults": faults[:10],
            "lost": self.lost,
            "positions": sorted({witness.position for witness in of_port}),
            "epoch": of_port[0].epoch,
        }

    async def stall(self, port: int, room: str, count: int) -> dict[str, Any]:
        """So many join and stall; whom the server hangs up on comes back and stalls again."""
        self.stallers = [self._stalled(port, room) for _ in range(count)]
        self._stalling = asyncio.create_task(self._keep_stalling(port, room))
        return {"ports": [each.socket.getsockname()[1] for each in self.stallers]}

    def _stalled(self, port: int, room: str) -> Staller:
        staller = Staller(port)
        staller.upgrade()
        staller.greet(room)
        staller.await_snapshot()
        return staller

    async def _keep_stalling(self, port: int, room: str) -> None:
        while True:
            await asyncio.sleep(0.5)
            for index, staller in enumerate(self.stallers):
                if staller.is_gone():
                    staller.socket.close()
                    self.hung_up_on += 1
                    self.stallers[index] = self._stalled(port, room)

    async def stop_stalling(self, keep: bool = False) -> dict[str, Any]:
        """Nobody comes back any more; without `keep` the stalled hang up too."""
        if self._stalling is not None:
            self._stalling.cancel()
            self._stalling = None
        if not keep:
            for staller in self.stallers:
                staller.socket.close()
            self.stallers = []
        return {"hung_up_on": self.hung_up_on}

    async def storm(
        self, port: int, room: str, count: int, jitter: bool = False, position: Any = None
    ) -> dict[str, Any]:
        """So many come at once. Returns when all are in, with seconds until they were."""
        greeting: dict[str, Any] = {"room": room}
        if position is not None:
            greeting["epoch"], greeting["offset"] = position
        storm = Storm(port, greeting)
        spent_s = cpu_s()
        await asyncio.gather(*(storm.one(jitter=jitter) for _ in range(count)))
        self.returned += storm.inside
        seen = sorted(storm.in_after_s)
        return {
            "p50_s": seen[len(seen) // 2],
            "p99_s": seen[int(0.99 * (len(seen) - 1))],
            "all_s": seen[-1],
            "kinds": storm.kinds,
            "refused": storm.refused,
            "missing": storm.missing,
            "crowd_cpu_s": cpu_s() - spent_s,
        }

    async def leave(self) -> dict[str, Any]:
        """All who came in storms go."""
        for comer in self.returned:
            if comer.transport is not None:
                comer.transport.abort()
        self.returned = []
        return {}


VERBS = (
    *("open", "close", "begin", "report", "witness", "audience", "latencies"),
    *("stall", "stop_stalling", "storm", "leave"),
)


async def main() -> None:
    viewers = Viewers()
    await obey({name: getattr(viewers, name) for name in VERBS})


if __name__ == "__main__":
    raise_open_files()
    json.loads(sys.argv[1])
    uvloop.run(main())
