"""Rows 13 and 16: a node that is stopped for a while, and everybody dropped at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

from redis.asyncio import Redis

from tests.faults.audience import Follower, audience, seat, worst_window
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import Stage, open_stage
from tests.support.redis import RedisServer
from tests.support.shop import Shop
from tests.support.sockets import LiveSocket, allow_many_sockets
from tests.torture.findings import percentile

JOINERS = 20
SILENT_S = 10.0
"""Nobody leaves a node that says nothing for so long; for half a minute nobody stays."""
BACK_S = 60.0
QUIET_S = 3.0
OPS_A_ROOM = 50
"""What a room may cost Redis beyond its talk, however many come back to it."""


@row(13, "a node stopped and resumed", group="storms", stage=open_stage)
async def stopped(stage: Stage, report: Report, profile: Profile) -> None:
    """Whoever joins at the moment it goes on is shown what is true then, not what was before."""
    shop = await Shop.open(stage.api, slug="stopped")
    goods = await shop.add_goods("S1", on_hand=1_000_000, slot=1)
    port = stage.nodes[1].server.port
    stage_ports = [node.server.port for node in stage.nodes]
    stopped_s = profile.of(3.0, 30.0)
    async with audience(shop, viewers=stage_ports * 2, talkers=stage_ports[:1]) as room:
        for number in range(profile.of(2, 10)):
            pid = stage.nodes[1].server.pid
            # One half has come in already and says hello to a node that stands still, the other
            # half comes to its door then.
            early = [await LiveSocket.connect(port) for _ in range(JOINERS // 2)]
            os.kill(pid, signal.SIGSTOP)
            report.injections += 1
            try:
                joining = [
                    asyncio.create_task(_first_shown(each, port, shop.room_id, goods.variant_id))
                    for each in (*early, *[None] * len(early))
                ]
                await asyncio.sleep(stopped_s)
                changed = await shop.host.ask(
                    "POST",
                    f"/v1/variants/{goods.variant_id}/stock",
                    {"delta": -1, "reason": "count"},
                )
                await asyncio.sleep(1.0)
            finally:
                os.kill(pid, signal.SIGCONT)
            shown = await asyncio.gather(*joining)
            stale = sum(version < changed["version"] for version in shown)
            report.check("no stale stock is shown", holds=stale == 0, found=f"{stale} in {number}")
        await asyncio.sleep(1.0)
        losses = sum(viewer.losses for viewer in room.viewers)
        if stopped_s < SILENT_S:
            report.check("nobody is disconnected", holds=losses == 0, found=losses)
        report.facts.append(f"{losses} times a viewer went elsewhere")
    report.take(room.ledger.audit())
    report.bound("settled", room.settled_s, BACK_S)


async def _first_shown(socket: LiveSocket | None, port: int, room_id: str, variant_id: str) -> int:
    """The version of the stock in the very first thing a newcomer is shown.

    A node that goes on may close who had not said hello in time by its clock; they come again.
    """
    shown: list[int] = []

    def read(message: dict[str, Any]) -> None:
        if message["t"] == "snapshot":
            shown.extend(
                each["version"] for each in message["state"] if each["key"] == f"stock:{variant_id}"
            )

    async with asyncio.timeout(BACK_S):
        while True:
            socket = socket or await LiveSocket.connect(port)
            socket.on_message = read
            await socket.hello(room=room_id)
            while not (shown or socket.is_lost):
                await asyncio.sleep(0.01)
            socket.abort()
            socket = None
            if shown:
                return shown[0]
            await asyncio.sleep(0.1)


@row(16, "everybody dropped at once", group="storms", stage=open_stage)
async def dropped(stage: Stage, report: Report, profile: Profile) -> None:
    """They come back from the nodes' own memory: Redis is asked by room, not by viewer."""
    count, rooms = profile.of(400, 8_000), 2
    allow_many_sockets(count * 3)
    ports = [node.server.port for node in stage.nodes]
    shops = [await Shop.open(stage.api, slug=f"dropped-{number}") for number in range(rooms)]
    followers = [
        Follower(ports[number % len(ports)], shops[number % rooms].room_id)
        for number in range(count)
    ]
    try:
        await seat(followers)
        async with audience(shops[0], viewers=ports * 3, talkers=ports) as room:
            await asyncio.sleep(1.0)
            for _ in range(profile.of(1, 5)):
                quiet = await _commands(stage.redis)
                await asyncio.sleep(QUIET_S)
                a_second = (await _commands(stage.redis) - quiet) / QUIET_S
                before, since_s = await _commands(stage.redis), time.monotonic()
                for viewer in room.viewers:
                    await viewer.client.drop()
                for follower in followers:
                    follower.drop()
                report.injections += count + len(room.viewers)
                await seat(followers)
                back_s = time.monotonic() - since_s
                report.bound("all back after", back_s, BACK_S)
                beyond = await _commands(stage.redis) - before - a_second * back_s
                report.bound(
                    "Redis commands beyond the talk", max(0.0, beyond), rooms * OPS_A_ROOM, ""
                )
                await asyncio.sleep(1.0)
        report.take(room.ledger.audit())
        again = sum(len(each.opened_s) - 1 for each in followers)
        recovered = sum(each.recovered for each in followers)
        report.check(
            "95 % come back from the ring", holds=recovered >= 0.95 * again, found=recovered / again
        )
        report.facts.append(f"{recovered} of {again} from the ring")
        opened = [at_s for each in followers for at_s in each.opened_s[1:]]
        report.facts.append(f"{worst_window(opened)} in the worst second")
        took = [took_s for each in followers for took_s in each.took_s[1:]]
        report.facts.append(f"p99 {percentile(took, 0.99):.2f} s")
    finally:
        await asyncio.gather(*(each.close() for each in followers))


async def _commands(redis: RedisServer) -> float:
    async with Redis.from_url(redis.url()) as client:
        return float((await client.info("stats"))["total_commands_processed"])
