"""Rows 12 and 15: nodes under a supervisor die, and are replaced one after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from livecommerce.client import RoomClient
from tests.faults.audience import Audience, Follower, audience, live_url, seat, worst_window
from tests.faults.playing import ClientViewer, Talker
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import SETTINGS, until
from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK, free_ports
from tests.support.postgres import PostgresServer
from tests.support.redis import running_redis
from tests.support.server import ServerProcess, running_server
from tests.support.shop import Api, Problem, Shop
from tests.support.sockets import allow_many_sockets
from tests.torture.findings import percentile

NODES = 2
VIEWERS = 12
BACK_S = 30.0
LEASE_S = 6.0
COUNTED_S = 30.0
RATE_PER_S, BURST = 50.0, 30.0
"""Of a node's doors: fewer than come at once when nobody holds them up."""


@dataclass(slots=True)
class Supervised:
    """Nodes under one supervisor, with one shared port."""

    supervisor: ServerProcess
    own_ports: tuple[int, ...]
    api: Api

    async def are_ready(self) -> bool:
        """What `/readyz` says of every node."""
        for port in self.own_ports:
            async with Api(f"http://{LOOPBACK}:{port}") as api:
                try:
                    await api.get("/readyz")
                except (OSError, TimeoutError, Problem):
                    return False
        return True


@asynccontextmanager
async def supervised(postgres: PostgresServer) -> AsyncIterator[Supervised]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        redis = stack.enter_context(running_redis())
        env = stack.enter_context(shared_settings(postgres, redis, folder)) | SETTINGS
        first = free_ports(NODES)
        env |= {
            "LIVECOMMERCE_OWN_PORT": str(first),
            "LIVECOMMERCE_ADMISSIONS_PER_S": str(RATE_PER_S),
            "LIVECOMMERCE_ADMISSIONS_BURST": str(BURST),
            "LIVECOMMERCE_DRAIN_S": "5",
        }
        running = running_server(env, ["serve", "--workers", str(NODES)])
        # In a thread of the loop's, which lives as long as the loop.
        server = await asyncio.to_thread(running.__enter__)
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        api = await stack.enter_async_context(Api(server.url))
        stage = Supervised(server, tuple(range(first, first + NODES)), api)
        await until(stage.are_ready, BACK_S)
        yield stage


@row(12, "a node killed at its peak", group="supervised", stage=supervised)
async def node_killed(stage: Supervised, report: Report, profile: Profile) -> None:
    """Its viewers are back at the other one with nothing lost, and the count is right again."""
    shared = stage.supervisor.port
    for round_number in range(profile.of(1, 10)):
        shop = await Shop.open(stage.api, slug=f"killed-{round_number}")
        async with audience(shop, viewers=[shared] * VIEWERS, talkers=[shared, shared]) as room:
            everybody = room.everybody
            await until(_shows(room, len(everybody)), COUNTED_S)
            dying = await _name_of(stage, 1, shop.room_id)
            struck = [each for each in everybody if each.client.welcome["node"] == dying]
            report.check("somebody was there", holds=bool(struck))
            await asyncio.sleep(1.0)
            os.kill(stage.supervisor.nodes()[1], signal.SIGKILL)
            report.injections += len(struck)
            killed_s = time.monotonic()
            await until(_left(struck, {dying}), BACK_S)
            report.bound("back after", time.monotonic() - killed_s, BACK_S)
            wrong_s = killed_s
            while time.monotonic() < killed_s + LEASE_S + 3.0:
                await asyncio.sleep(0.1)
                if room.count_shown() != {len(everybody)}:
                    wrong_s = time.monotonic()
            await until(_shows(room, len(everybody)), COUNTED_S)
            report.bound("count wrong until", wrong_s - killed_s, COUNTED_S)
            anew = max(viewer.snapshots for viewer in room.viewers) - 1
            report.check("nobody is shown the room anew", holds=anew == 0, found=anew)
        report.take(room.ledger.audit())
        await until(stage.are_ready, BACK_S)


@row(15, "rolling restart", group="supervised", stage=supervised)
async def rolling_restart(stage: Supervised, report: Report, profile: Profile) -> None:
    """Everybody is handed over, no faster than the doors allow, and nothing is lost."""
    count = profile.of(300, 2_000)
    # While one node is away, all of them pass the doors of the other.
    passed_s = BACK_S + count / RATE_PER_S
    allow_many_sockets(count * 3)
    shared = stage.supervisor.port
    shop = await Shop.open(stage.api, slug="rolling")
    followers = [Follower(shared, shop.room_id) for _ in range(count)]
    try:
        await seat(followers)
        async with audience(shop, viewers=[shared] * VIEWERS, talkers=[shared, shared]) as room:
            everybody = room.everybody
            before = {await _name_of(stage, node, shop.room_id) for node in range(1, NODES + 1)}
            since_s = time.monotonic()
            stage.supervisor.signal(signal.SIGHUP)
            await until(_left(everybody, before), NODES * passed_s)
            report.injections += NODES
            await until(_async(lambda: all(each.is_in for each in followers)), passed_s)
            report.facts.append(f"all handed over after {time.monotonic() - since_s:.1f} s")
            broken = sum(viewer.losses for viewer in room.viewers)
            report.facts.append(f"{broken} of {len(room.viewers)} clients with a break")
        report.take(room.ledger.audit())
        again = [
            (at_s, took_s)
            for each in followers
            for at_s, took_s in zip(each.opened_s[1:], each.took_s[1:], strict=True)
        ]
        report.check("followers were handed over", holds=len(again) >= count, found=len(again))
        # And one: a second may begin just before a token is whole.
        allowed = NODES * (BURST + RATE_PER_S + 1)
        worst = worst_window([at_s for at_s, _ in again])
        report.bound("most reconnects within a second", worst, allowed, "")
        report.bound(
            "p99 of a reconnect", percentile([took_s for _, took_s in again], 0.99), passed_s
        )
        recovered = sum(each.recovered for each in followers)
        report.facts.append(f"{recovered} of {len(again)} from the ring")
    finally:
        await asyncio.gather(*(each.close() for each in followers))


async def _name_of(stage: Supervised, node: int, room_id: str) -> str:
    """What the node in a place calls itself. Who asks a node's own port meets no other."""
    async with RoomClient(live_url(stage.own_ports[node - 1]), room=room_id) as client:
        return str(client.welcome["node"])


def _shows(room: Audience, count: int) -> Callable[[], Awaitable[bool]]:
    return _async(lambda: room.count_shown() == {count})


def _left(
    everybody: Sequence[ClientViewer | Talker], nodes: Collection[str]
) -> Callable[[], Awaitable[bool]]:
    """Whether all of them are at none of these nodes."""
    return _async(lambda: all(each.client.welcome["node"] not in nodes for each in everybody))


def _async(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return condition()

    return asked
