"""Row 25: the last viewer of a room leaves and the next one comes, while its node lets go of it."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from tests.faults.odd_nodes import start_odd
from tests.faults.playing import REFUSALS
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import SETTINGS, Node, until
from tests.support.cluster import shared_settings
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer, running_redis
from tests.support.shop import Api, Host
from tests.support.sockets import LiveSocket, new_command_id

ROOMS = 24
LINE_EVERY_S = 0.1
STAY_S = 0.2
AWAY_S = 0.08
"""The longest a room is empty: mostly less than a node takes to let go of it."""
HEARD_S = 30.0
GONE_S = 30.0


@dataclass(slots=True)
class Pair:
    """Two nodes over one Redis, which let go of an empty room at the next look."""

    speaking: Node
    serving: Node
    api: Api
    redis: RedisServer


@asynccontextmanager
async def pair(postgres: PostgresServer) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        redis = stack.enter_context(running_redis())
        env = stack.enter_context(shared_settings(postgres, redis, folder)) | SETTINGS
        speaking = await start_odd(stack, env, linger_s=0.0)
        serving = await start_odd(stack, env, linger_s=0.0)
        api = await stack.enter_async_context(Api(speaking.url))
        yield Pair(Node(speaking), Node(serving), api, redis)


@row(25, "the last viewer leaves as the next one comes", group="last viewer", stage=pair)
async def last_viewer(stage: Pair, report: Report, profile: Profile) -> None:
    """Whoever comes hears the very next line, and no room is left subscribed that nobody is in."""
    host = await Host.sign_up(stage.api, login="last-viewer@example.com")
    rooms = [await _open_room(host, number) for number in range(ROOMS)]
    closed, silent = asyncio.Event(), asyncio.Event()
    speaking = [asyncio.create_task(_speak(stage, host, room_id, silent)) for room_id in rooms]
    coming = [asyncio.create_task(_come_and_go(stage, room_id, closed)) for room_id in rooms]
    try:
        await asyncio.sleep(profile.of(8.0, 120.0))
    finally:
        closed.set()
        visits = [visit for visits in await asyncio.gather(*coming) for visit in visits]
        silent.set()
        await asyncio.gather(*speaking)
    report.injections = len(visits)
    report.verdict.seen = sum(visit.lines for visit in visits)
    report.verdict.lost = [hole for visit in visits for hole in visit.holes]
    report.check("no hole", holds=not report.verdict.lost, found=report.verdict.lost[:5])
    deaf = sum(not visit.lines for visit in visits)
    report.check("everybody hears the next line", holds=deaf == 0, found=deaf)
    figures = await stage.serving.figures()
    repairs = figures["livecommerce_hub_repairs_total"] + figures["livecommerce_hub_resyncs_total"]
    report.check("nothing had to be repaired", holds=repairs == 0, found=repairs)
    loaded = figures["livecommerce_hub_rooms_loaded_total"]
    report.check("rooms were let go of", holds=loaded > ROOMS, found=loaded)
    report.facts.append(f"{loaded:.0f} times a room was loaded anew")

    async def is_over() -> bool:
        return not await _subscribed(stage.redis)

    try:
        await until(is_over, GONE_S)
    except TimeoutError:
        report.breaches.append(f"rooms nobody is in: {await _subscribed(stage.redis)}")


async def _open_room(host: Host, number: int) -> str:
    body = {"slug": f"last-viewer-{number}", "title": {"en": "Souq live"}}
    room = await host.ask("POST", "/v1/rooms", body)
    await host.command(room["id"], "move_show", to="live")
    return str(room["id"])


async def _speak(stage: Pair, host: Host, room_id: str, over: asyncio.Event) -> None:
    port = stage.speaking.server.port
    socket = await _enter(port, room_id, host.token)
    number = 0
    while not over.is_set():
        number += 1
        await socket.ask({"t": "send_chat", "id": new_command_id(), "text": f"line {number}"})
        await asyncio.sleep(LINE_EVERY_S)
    socket.abort()


async def _enter(
    port: int, room_id: str, token: str | None = None, *, visit: Visit | None = None
) -> LiveSocket:
    """Comes in; a node that is busy loading rooms says when to come again."""
    while True:
        socket = await LiveSocket.connect(port)
        if visit is not None:
            socket.on_message = visit.read
        reply = await socket.hello(token=token, room=room_id)
        if reply["t"] == "welcome":
            return socket
        socket.abort()
        if reply.get("code") not in REFUSALS:
            raise ConnectionRefusedError(str(reply))
        await asyncio.sleep(reply["after_ms"] / 1000)


class Visit:
    """What one visitor saw."""

    def __init__(self) -> None:
        self.lines = 0
        self.holes: list[str] = []
        self.heard = asyncio.Event()
        self._at: tuple[str, int] | None = None

    def read(self, message: dict[str, Any]) -> None:
        if message["t"] == "snapshot":
            if self._at is not None:
                self.holes.append("shown the room anew")
            self._at = message["epoch"], message["offset"]
        elif message["t"] == "batch" and "first" in message:
            if self._at != (message["epoch"], message["first"] - 1):
                self.holes.append(f"{message['epoch']}:{message['first']} after {self._at}")
            self._at = message["epoch"], message["last"]
            self.lines += sum(event["t"] == "chat_posted" for event in message["events"])
            if self.lines:
                self.heard.set()


async def _come_and_go(stage: Pair, room_id: str, over: asyncio.Event) -> list[Visit]:
    """One visitor after the other, with hardly a moment between."""
    visits = []
    while not over.is_set():
        visit = Visit()
        socket = await _enter(stage.serving.server.port, room_id, visit=visit)
        # One leaves once it has heard something; it is not there to wait.
        try:
            async with asyncio.timeout(HEARD_S):
                await visit.heard.wait()
        except TimeoutError:
            pass
        visits.append(visit)
        await asyncio.sleep(random.random() * STAY_S)
        socket.abort()
        await asyncio.sleep(random.random() * AWAY_S)
    return visits


async def _subscribed(redis: RedisServer) -> list[str]:
    """Channels of rooms that some node hears."""
    async with Redis.from_url(redis.url()) as client:
        channels = await client.pubsub_channels("*}:channel")
    return [str(each) for each in channels]
