"""A node of a measured cluster: hub and front door, heard by other nodes through Redis.

Started with `redis` it has the Redis backplane as shipped, without it a backplane in memory. With
`door` "shipped" its admission is as shipped too; else everybody comes in as fast as they can.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import resource
import socket
import struct
import sys
import time
from typing import Any

import structlog
import uvloop

from benchmarks.support.control import cpu_s, obey, raise_open_files, rss_kib, waited_s
from benchmarks.support.hub_server import CLOCK, WIDE_OPEN, Measured
from livecommerce.gateway.front_door import FrontDoorSettings
from livecommerce.realtime.backplane.redis.backplane import RedisBackplane
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.connection import Connection

SO_MEMINFO = 55
"""Of Linux: what the kernel holds for a socket, as nine numbers."""
RMEM_ALLOC, FORWARD_ALLOC, WMEM_QUEUED = 0, 4, 5
AS_SHIPPED = FrontDoorSettings(connections_per_ip=50_000)


def kernel_bytes(sock: Any) -> int:
    """Bytes the kernel holds for this end of a connection, besides the socket itself."""
    numbers = struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))
    return int(numbers[RMEM_ALLOC] + numbers[FORWARD_ALLOC] + numbers[WMEM_QUEUED])


class Node(Measured):
    """What the parent may ask of a node, beside what it may ask of a single one."""

    def __init__(self, *, name: str = "bench", redis: str = "", door: str = "") -> None:
        backplane = None
        if redis:
            settings = RedisSettings(urls=(redis,))
            backplane = RedisBackplane(node_id=name, clock=CLOCK, settings=settings)
        super().__init__(
            node_id=name,
            backplane=backplane,
            door=AS_SHIPPED if door == "shipped" else WIDE_OPEN,
        )
        self._flow: asyncio.Task[None] | None = None
        self._watched: list[Connection] = []

    async def fill(self, events: int) -> dict[str, Any]:
        """Fills the room's ring while nobody is there: from here on it does not grow."""
        for start in range(0, events, 200):
            for _ in range(start, min(start + 200, events)):
                self._say()
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.5)
        return {"top": self._room().log.top}

    async def flow(self, per_s: float) -> dict[str, Any]:
        """Begins to publish chat lines evenly; none, with 0."""
        if self._flow is not None:
            self._flow.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._flow
            self._flow = None
        if per_s > 0:
            self._flow = asyncio.create_task(self._keep_saying(per_s))
        return self.counts()

    async def _keep_saying(self, per_s: float) -> None:
        started_s, count = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - started_s) * per_s)
            while count < due:
                self._say()
                count += 1
            # By the clock, not by the sleep: a late turn makes up for what it missed.
            await asyncio.sleep(max(0.001, started_s + (count + 1) / per_s - time.monotonic()))

    async def watch(self, ports: list[int]) -> dict[str, Any]:
        """Remembers the connections that come from these ports of the crowd."""
        wanted = set(ports)
        self._watched = [
            each
            for each in self._room().connections()
            if each.transport.get_extra_info("peername")[1] in wanted
        ]
        return {"watched": len(self._watched)}

    async def memory(self) -> dict[str, Any]:
        """Resident memory, and what the kernel holds for the watched connections."""
        held, alive = 0, 0
        for each in self._watched:
            with contextlib.suppress(OSError, ValueError):  # gone already
                held += kernel_bytes(each.transport.get_extra_info("socket"))
                alive += 1
        return {"rss_kib": rss_kib(), "kernel_kib": held / 1024, "alive": alive, **self.counts()}

    async def figures(self) -> dict[str, Any]:
        """Counters so far, without disturbing anything: no garbage is collected."""
        return self.counts()

    def counts(self) -> dict[str, Any]:
        now = self.hub.statistics()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "cpu_s": cpu_s(),
            "system_s": usage.ru_stime,
            "at_s": time.monotonic(),
            "waited_s": waited_s(),
            "rss_kib": rss_kib(),
            "number": self.number,
            "connections": now.connections,
            "lagging": now.lagging,
            "closed_slow": now.closed_slow,
            "frames": now.frames,
            "batches": now.batches,
            "deliveries": now.deliveries,
            "joins": now.joins,
            "rooms_loaded": now.rooms_loaded,
            "repairs": now.repairs,
            "resyncs": now.resyncs,
            "refused": self.door.admission.refused,
            "write_cost_us": now.write_cost_us,
        }

    async def number_from(self, number: int) -> dict[str, Any]:
        """Numbers what is said next from here: witnesses check that no number is missing."""
        self.number = number
        return {}


VERBS = (
    *("ports", "usage", "settle", "publish", "write_by_hub", "write_raw"),
    *("fill", "flow", "watch", "memory", "figures", "number_from"),
)


async def main(arguments: dict[str, Any]) -> None:
    node = Node(**arguments)
    await node.open()
    await obey({name: getattr(node, name) for name in VERBS})


if __name__ == "__main__":
    raise_open_files()
    # stdout is for answers.
    structlog.configure(
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main(json.loads(sys.argv[1])))
