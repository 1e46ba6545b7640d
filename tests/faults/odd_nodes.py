"""Rows 14, 20 and 23: wrong clocks, a handler that blocks, and memory after a day of coming and
going."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.audience import audience
from tests.faults.odd_node import CENSUS, PROGRAM
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import SETTINGS, Node, until
from tests.support.cluster import shared_settings
from tests.support.postgres import PostgresServer
from tests.support.redis import running_redis
from tests.support.server import ServerProcess, running_server
from tests.support.shop import Api, Goods, Shop, platform_token
from tests.support.sockets import LiveSocket, Reply, allow_many_sockets, frame, new_command_id

WRONG_MS = (0, 600_000, -600_000)
"""By how much the clock of each node's machine is wrong."""
SALE_SLACK_S = 2.0
LINGER_S = 1.0
GONE_S = 60.0
WITHIN_PERCENT = 2.0
AT_ONCE = 100
CLOSE = 8


@dataclass(slots=True)
class Odd:
    """Nodes in odd processes."""

    nodes: list[Node]
    api: Api

    @property
    def ports(self) -> list[int]:
        return [node.server.port for node in self.nodes]


async def start_odd(stack: AsyncExitStack, env: Mapping[str, str], **odd: object) -> ServerProcess:
    """Starts one in a thread of the loop's, which lives as long as the loop."""
    peculiar = {f"ODD_{name.upper()}": str(value) for name, value in odd.items()}
    running = running_server({**env, **peculiar}, program=PROGRAM)
    server = await asyncio.to_thread(running.__enter__)
    stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
    return server


@asynccontextmanager
async def wrong_clocks(postgres: PostgresServer) -> AsyncIterator[Odd]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        redis = stack.enter_context(running_redis())
        env = stack.enter_context(shared_settings(postgres, redis, folder)) | SETTINGS
        servers = [await start_odd(stack, env, clock_ms=WRONG_MS[0])]
        servers += await asyncio.gather(
            *(start_odd(stack, env, clock_ms=wrong_ms) for wrong_ms in WRONG_MS[1:])
        )
        api = await stack.enter_async_context(Api(servers[0].url))
        yield Odd([Node(server) for server in servers], api)


@row(14, "clocks wrong by 10 minutes", group="odd", stage=wrong_clocks)
async def clocks(stage: Odd, report: Report, profile: Profile) -> None:
    """Order, repetition, the window of a sale and the time of a hold are those of the shop."""
    for number in range(profile.of(1, 5)):
        shop = await Shop.open(stage.api, slug=f"clocks-{number}")
        goods = await shop.add_goods("S1", on_hand=100)
        report.injections += len(WRONG_MS) - 1
        async with audience(shop, viewers=stage.ports * 2, talkers=stage.ports) as room:
            sale = await shop.start_sale(
                goods, quota=50, per_buyer=10, warm_up_s=10, duration_s=60, hold_s=30
            )
            early = await _buy_everywhere(stage, shop, goods, sale, f"early-{number}")
            report.check("nobody sells before the start", holds=early == {"not_live"}, found=early)
            await asyncio.sleep(max(0.0, sale["starts_at"] / 1000 - time.time() + SALE_SLACK_S))
            during = await _buy_everywhere(stage, shop, goods, sale, f"during-{number}")
            report.check("everybody sells after it", holds=during == {"ok"}, found=during)
            await asyncio.sleep(SALE_SLACK_S)
            held = {
                getattr(viewer.client.mirror.state.get(f"sale_count:{sale['id']}"), "held", None)
                for viewer in room.viewers
            }
            report.check("what is held stays held", holds=held == {len(stage.ports)}, found=held)
        report.take(room.ledger.audit())


@row(20, "a handler blocks a node for 500 ms", group="odd", stage=wrong_clocks)
async def blocked(stage: Odd, report: Report, profile: Profile) -> None:
    """The log says where it stands; its link to Redis and its viewers stay."""
    shop = await Shop.open(stage.api, slug="blocked")
    before = [await node.figures() for node in stage.nodes]
    async with audience(shop, viewers=stage.ports * 2, talkers=stage.ports) as room:
        for _ in range(profile.of(2, 20)):
            for node in stage.nodes:
                os.kill(node.server.pid, signal.SIGUSR1)
                report.injections += 1
            await asyncio.sleep(1.5)
        losses = sum(viewer.losses for viewer in room.viewers)
        report.check("nobody is disconnected", holds=losses == 0, found=losses)
    report.take(room.ledger.audit())
    for node, figures in zip(stage.nodes, before, strict=True):
        after = await node.figures()
        for name in ("hub_interruptions", "hub_probe_failures", "hub_resyncs"):
            grown = after[f"livecommerce_{name}_total"] - figures[f"livecommerce_{name}_total"]
            report.check("the link to Redis stays", holds=grown == 0, found=(name, grown))
        told = [
            line
            for line in node.server.log.read_text(errors="replace").splitlines()
            if "the event loop is held up" in line
        ]
        where = sum("hold_up" in line for line in told)
        report.check("the log says where it stood", holds=where > 0, found=told[-3:])
        report.facts.append(f"{where} told with the stack")


@asynccontextmanager
async def forgetful(_postgres: PostgresServer) -> AsyncIterator[Odd]:
    """One node on SQLite, which lets go of empty rooms soon."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        env = SETTINGS | {
            "LIVECOMMERCE_DATA_DIR": str(folder),
            "LIVECOMMERCE_ADMISSIONS_PER_S": "100000",
            "LIVECOMMERCE_LOG_FORMAT": "json",
        }
        server = await start_odd(stack, env, linger_s=LINGER_S)
        api = await stack.enter_async_context(Api(server.url))
        yield Odd([Node(server)], api)


@row(23, "coming and going", group="churn", stage=forgetful)
async def churn(stage: Odd, report: Report, profile: Profile) -> None:
    """Whoever came and went, and whatever rooms they were in, leave nothing behind."""
    rooms = [
        (await Shop.open(stage.api, slug=f"churn-{number}")).room_id
        for number in range(profile.of(20, 100))
    ]
    allow_many_sockets(AT_ONCE)
    await _come_and_go(stage, rooms, profile.of(2_000, 20_000))
    before = await _census(stage)
    await _come_and_go(stage, rooms, visits := profile.of(4_000, 100_000))
    report.injections = visits
    after = await _census(stage)
    for what, had in before.items():
        grown = 100.0 * (after[what] - had) / had
        report.bound(f"growth of {what}", grown, WITHIN_PERCENT, "%")


async def _come_and_go(stage: Odd, rooms: Sequence[str], visits: int) -> None:
    """Each visitor is shown a room, is heard once, and leaves without a word or with one."""
    numbers = iter(range(visits))
    (port,) = stage.ports

    async def visit_again_and_again() -> None:
        for number in numbers:
            socket = await LiveSocket.open(port, room=rooms[number % len(rooms)])
            await socket.ask({"t": "ping", "id": new_command_id()})
            if number % 2:
                socket.write(frame((1000).to_bytes(2), opcode=CLOSE))
                await until(_lost(socket), GONE_S)
            socket.abort()

    await asyncio.gather(*(visit_again_and_again() for _ in range(AT_ONCE)))

    async def is_empty() -> bool:
        figures = await stage.nodes[0].figures()
        return figures["livecommerce_hub_connections"] == figures["livecommerce_hub_rooms"] == 0

    await until(is_empty, GONE_S)


async def _census(stage: Odd) -> dict[str, int]:
    """What the node has in memory."""
    server = stage.nodes[0].server
    census = server.folder / CENSUS
    census.unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR2)

    async def is_there() -> bool:
        return census.exists()

    await until(is_there, GONE_S)
    found: dict[str, int] = json.loads(census.read_text())
    return found


def _lost(socket: LiveSocket) -> Callable[[], Awaitable[bool]]:
    async def is_lost() -> bool:
        return socket.is_lost

    return is_lost


async def _buy_everywhere(
    stage: Odd, shop: Shop, goods: Goods, sale: Mapping[str, Any], name: str
) -> set[str]:
    """What each node says to somebody who wants one unit, and then to the same command again."""
    delivery_minor = await shop.delivery_minor()

    async def one(port: int) -> list[Reply]:
        token = platform_token(f"{name}-{port}")
        socket = await LiveSocket.open(port, token=token, room=shop.room_id)
        command = {
            "t": "buy",
            "id": new_command_id(),
            "variant_id": goods.variant_id,
            "sale_id": sale["id"],
            "offer_id": goods.offer_id,
            "qty": 1,
            "expected_total_minor": sale["price_minor"] + delivery_minor,
            "currency": sale["currency"],
        }
        replies = [await socket.ask(command) for _ in range(2)]
        socket.abort()
        return replies

    answers = await asyncio.gather(*(one(port) for port in stage.ports))
    for first, again in answers:
        assert first["t"] == again["t"], (first, again)
        if first["t"] == "ok":
            assert first["d"]["id"] == again["d"]["id"], "one command, two orders"
    return {
        "ok" if each["t"] == "ok" else str(each.get("code")) for pair in answers for each in pair
    }
