"""The measured process: hub and front door under uvloop, with a gatekeeper that knows everybody.

Beside them stands the same greeting through aiohttp's WebSocketResponse, to compare a join with.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from typing import Any

import msgspec
import orjson
import uvloop
from aiohttp import WSMsgType, web

from benchmarks.support.control import cpu_s, obey, raise_open_files, rss_kib
from livecommerce.gateway.front_door import FrontDoor, FrontDoorSettings
from livecommerce.gateway.websocket import Entry, Visitor
from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import JSON, CommandDecoder
from livecommerce.protocol.commands import Command, Hello
from livecommerce.protocol.events import Event, StateEvent
from livecommerce.protocol.messages import Welcome
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.room import Room
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings

ROOM = "room-of-the-benchmark"
CLOCK = SystemClock()
SETTLE_S = 0.3
"""The last tick is over by then."""
TEXT = "so beautiful, which sizes are left in blue? " * 2


class Said(Event, frozen=True, kw_only=True, tag="said"):
    """A chat line of about 200 bytes on the wire."""

    replayed = True
    number: int
    sent_ns: int
    text: str


class Shelf(StateEvent, frozen=True, kw_only=True, tag="shelf"):
    """What a pinned offer with a running sale weighs in a snapshot."""

    title: str
    price: dict[str, Any]
    left: int


NOBODY = Visitor(person_id=None, name=None, kind="visitor")
WATCHING = Entry()
WIDE_OPEN = FrontDoorSettings(connections_per_ip=50_000, admissions_per_s=1e6, admissions_burst=1e6)


class Doorkeeper:
    """Everybody may watch."""

    async def admit(self, token: str | None) -> Visitor:
        return NOBODY

    async def enter(self, visitor: Visitor, room_id: str) -> Entry:
        return WATCHING

    async def execute(
        self, visitor: Visitor, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        raise Refused(Code.UNAUTHENTICATED)


async def load_room(room_id: str) -> RoomSeed:
    """Six keys of state, ten chat lines: a snapshot of about 3 KiB."""
    now = CLOCK.now_ms()
    state = [
        Shelf(
            id=new_id(),
            at=now,
            key=f"offer:{number}",
            version=1,
            title="Abaya with hand embroidery, size 54",
            price={"amount_minor": 24900, "currency": "SAR"},
            left=100,
        )
        for number in range(6)
    ]
    recent = [said(-number) for number in range(10, 0, -1)]
    return RoomSeed(state=state, recent=recent)


def said(number: int) -> Said:
    now = CLOCK.now_ms()
    return Said(id=new_id(), at=now, number=number, sent_ns=time.monotonic_ns(), text=TEXT)


class Measured:
    """The server and what the parent may ask of it."""

    def __init__(
        self,
        *,
        node_id: str = "bench",
        backplane: Backplane | None = None,
        door: FrontDoorSettings = WIDE_OPEN,
    ) -> None:
        settings = HubSettings()
        self.hub = Hub(
            node_id=node_id,
            clock=CLOCK,
            backplane=backplane or MemoryBackplane(clock=CLOCK),
            load_room=load_room,
            settings=settings,
        )
        self.door = FrontDoor(
            hub=self.hub,
            gatekeeper=Doorkeeper(),
            commands=CommandDecoder(),
            clock=CLOCK,
            settings=door,
        )
        self.number = 0
        self.aiohttp_port = 0
        self.greeted_by_aiohttp = 0
        self.runner = web.AppRunner(self._application(), access_log=None)

    async def open(self, port: int = 0) -> None:
        """Begins to accept; on any port without one."""
        await self.hub.start()
        await self.runner.setup()
        assert self.runner.server is not None
        await self.door.listen("127.0.0.1", port, web_server=self.runner.server)
        site = web.TCPSite(self.runner, "127.0.0.1", 0, backlog=4096)
        await site.start()
        sockets = self.runner.addresses
        self.aiohttp_port = sockets[0][1]
        gc.collect()
        gc.freeze()

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/live", self._greet_by_aiohttp)
        return app

    async def _greet_by_aiohttp(self, request: web.Request) -> web.WebSocketResponse:
        """What a join does, written the ordinary way."""
        response = web.WebSocketResponse(
            compress=False, protocols=(JSON.subprotocol,), max_msg_size=16 * 1024
        )
        await response.prepare(request)
        message = await response.receive()
        assert message.type is WSMsgType.TEXT
        hello = msgspec.convert(orjson.loads(message.data), Hello)
        welcome = Welcome(id=hello.id, now=CLOCK.now_ms(), node="bench", beat_s=20)
        await response.send_frame(JSON.encode(welcome), WSMsgType.TEXT)
        await response.send_frame(self._snapshot_payload(), WSMsgType.TEXT)
        self.greeted_by_aiohttp += 1
        async for _ in response:
            pass
        self.greeted_by_aiohttp -= 1
        return response

    def _snapshot_payload(self) -> bytes:
        room = self._room()
        group = room._group(JSON, "viewer")
        # Behind the frame's header of four bytes.
        return room._shared.snapshot(room.log, group)[4:]

    def _room(self) -> Room:
        room = self.hub.warm_room(ROOM)
        assert room is not None
        return room

    # Orders

    async def ports(self) -> dict[str, Any]:
        await self.hub.open_room(ROOM)
        return {"live": self.door.port, "aiohttp": self.aiohttp_port}

    async def usage(self) -> dict[str, Any]:
        spent_s = cpu_s()
        gc.collect()
        return {
            "cpu_s": spent_s,
            "rss_kib": rss_kib(),
            "connections": self.hub.statistics().connections,
        }

    async def settle(self, connections: int) -> dict[str, Any]:
        """Waits until exactly so many are connected."""
        while True:
            # Handlers of aiohttp's own connections end some turns after their sockets.
            ours = self.hub.statistics().connections
            if ours == connections and not self.greeted_by_aiohttp:
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(SETTLE_S)
        return await self.usage()

    async def publish(self, count: int, pause_s: float) -> dict[str, Any]:
        """Publishes chat lines at a pace, whatever the hub makes of it."""
        for _ in range(count):
            self._say()
            await asyncio.sleep(pause_s)
        await asyncio.sleep(SETTLE_S)
        return {}

    async def write_by_hub(self, count: int, pause_s: float) -> dict[str, Any]:
        """Publishes chat lines, each when the one before has been written to everybody."""
        viewers = self._room().viewers
        first, started = self.hub.statistics().frames, cpu_s()
        for number in range(count):
            self._say()
            await asyncio.sleep(pause_s)
            while self.hub.statistics().frames < first + (number + 1) * viewers:
                await asyncio.sleep(0.005)
        spent = cpu_s() - started
        return {"frames": self.hub.statistics().frames - first, "cpu_s": spent}

    def _say(self) -> None:
        self.number += 1
        self.hub.publisher.publish(ROOM, said(self.number))

    async def write_raw(self, count: int, pause_s: float) -> dict[str, Any]:
        """The yardstick: the same bytes to the same sockets by a bare loop of os.write."""
        room = self._room()
        members = [each.transport.get_extra_info("socket") for each in room.connections()]
        descriptors = [member.fileno() for member in members]
        frame = self._raw_frame()
        write = os.write
        started, blocked = cpu_s(), 0
        for _ in range(count):
            for descriptor in descriptors:
                try:
                    write(descriptor, frame)
                except BlockingIOError:
                    blocked += 1
            await asyncio.sleep(pause_s)
        return {
            "frames": count * len(descriptors),
            "cpu_s": cpu_s() - started,
            "blocked": blocked,
            "bytes": len(frame),
        }

    def _raw_frame(self) -> bytes:
        """A batch as long as the hub's, of an epoch that witnesses pass over."""
        room = self._room()
        event = JSON.encode(said(self.number + 1))
        value = JSON.encode_value
        payload = JSON.join_map(
            [
                ("t", value("batch")),
                ("room", value(ROOM)),
                ("epoch", value("0" * len(room.log.epoch))),
                ("first", value(room.log.top)),
                ("last", value(room.log.top)),
                ("events", JSON.join_array([event])),
            ]
        )
        return b"\x81\x7e" + len(payload).to_bytes(2, "big") + payload


async def main() -> None:
    measured = Measured()
    await measured.open()
    verbs = {
        name: getattr(measured, name)
        for name in ("ports", "usage", "settle", "publish", "write_by_hub", "write_raw")
    }
    await obey(verbs)


if __name__ == "__main__":
    raise_open_files()
    json.loads(sys.argv[1])
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(main())
