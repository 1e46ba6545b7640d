"""Where Redis rows are played: nodes as a host runs them, each behind a proxy of its own to one
Redis, over PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from tests.faults.playing import Playing, playing
from tests.faults.proxy import RedisProxy
from tests.faults.report import Report
from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer, running_cluster, running_redis
from tests.support.server import ServerProcess, running_server
from tests.support.shop import Api, Shop

NODES = 2
REST_S = 45.0
SETTINGS = {
    # All of them come from one address.
    "LIVECOMMERCE_CONNECTIONS_PER_IP": "20000",
    "LIVECOMMERCE_MESSAGES_PER_S": "500",
    "LIVECOMMERCE_MESSAGES_BURST": "1000",
}
_slugs = itertools.count(1)


@dataclass(slots=True)
class Node:
    """One node, and the proxy through which it speaks to Redis."""

    server: ServerProcess
    proxy: RedisProxy | None = None

    async def is_ready(self) -> bool:
        """What `/readyz` says now."""
        return await asyncio.to_thread(self.server.is_ready)

    async def figure(self, name: str) -> float:
        """One of the figures of `/metrics`, `hub_repairs_total` for one."""
        return (await self.figures())[f"livecommerce_{name}"]

    async def figures(self) -> dict[str, float]:
        def scrape() -> str:
            with urllib.request.urlopen(f"{self.server.url}/metrics", timeout=10) as answer:
                return str(answer.read(), "utf-8")

        families = text_string_to_metric_families(await asyncio.to_thread(scrape))
        return {
            sample.name: sample.value
            for family in families
            for sample in family.samples
            if not sample.labels
        }


@dataclass(slots=True)
class Stage:
    """Running nodes of one shop."""

    nodes: list[Node]
    api: Api
    redis: RedisServer
    cluster: list[RedisServer]
    """What belongs to a cluster with it, where there is one."""
    prefix: str

    @property
    def proxies(self) -> list[RedisProxy]:
        return [node.proxy for node in self.nodes if node.proxy is not None]

    def injected(self) -> int:
        """Faults of the proxies since the row began to play."""
        return sum(proxy.injected for proxy in self.proxies)

    @asynccontextmanager
    async def playing(self, report: Report) -> AsyncIterator[Playing]:
        """A room of its own for a row, watched on every node. On the way out the ledger is audited
        into the report, and the stage is waited for to be at rest again."""
        shop = await Shop.open(self.api, slug=f"faults-{next(_slugs)}")
        for proxy in self.proxies:
            proxy.injected = 0
        async with playing(shop, [node.server.port for node in self.nodes]) as play:
            yield play
        report.take(play.ledger.audit())
        report.check("nobody is disconnected", holds=play.losses == 0, found=play.losses)
        await self.at_rest()

    async def at_rest(self) -> None:
        """Waits until every node is ready. Raises TimeoutError."""
        for node in self.nodes:
            await until(node.is_ready, REST_S)


def client_of(server: RedisServer) -> Redis:
    """Speaks to a Redis directly, and waits for it on a busy machine too."""
    client: Redis = Redis.from_url(server.url(), socket_timeout=60, socket_connect_timeout=60)
    return client


async def until(condition: Callable[[], Awaitable[bool]], within_s: float) -> float:
    """Waits for a condition; gives how long it took. Raises TimeoutError."""
    started_s = time.monotonic()
    async with asyncio.timeout(within_s):
        while not await condition():
            await asyncio.sleep(0.05)
    return time.monotonic() - started_s


@asynccontextmanager
async def open_stage(postgres: PostgresServer) -> AsyncIterator[Stage]:
    """Two nodes behind proxies over one Redis, which a row may do anything to."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis())
        env = _settings(stack, postgres, redis)
        proxies = [
            await stack.enter_async_context(
                RedisProxy(redis.port, is_meant=lambda channel: channel.endswith(b"}:channel"))
            )
            for _ in range(NODES)
        ]
        urls = [f"redis://{LOOPBACK}:{proxy.port}/0" for proxy in proxies]
        environments = [{**env, "LIVECOMMERCE_REDIS_URL": url} for url in urls]
        yield await _open(stack, environments, [redis], proxies)


@asynccontextmanager
async def open_cluster_stage(postgres: PostgresServer) -> AsyncIterator[Stage]:
    """Two nodes over a Redis Cluster of three primaries and a server to spare, the last one."""
    async with AsyncExitStack() as stack:
        cluster = running_cluster(3, spares=1)
        servers = await asyncio.to_thread(cluster.__enter__)
        stack.callback(cluster.__exit__, None, None, None)
        env = _settings(stack, postgres, servers[0])
        env |= {"LIVECOMMERCE_REDIS_CLUSTER": "true"}
        yield await _open(stack, [env] * NODES, servers, [None] * NODES)


@asynccontextmanager
async def open_single_stage(postgres: PostgresServer) -> AsyncIterator[Stage]:
    """One node over one Redis, with nobody between them."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(running_redis())
        yield await _open(stack, [_settings(stack, postgres, redis)], [redis], [None])


def _settings(
    stack: AsyncExitStack, postgres: PostgresServer, redis: RedisServer
) -> dict[str, str]:
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
    return stack.enter_context(shared_settings(postgres, redis, folder)) | SETTINGS


async def _open(
    stack: AsyncExitStack,
    environments: list[dict[str, str]],
    servers: list[RedisServer],
    proxies: Sequence[RedisProxy | None],
) -> Stage:
    running = await start_nodes(stack, environments)
    return Stage(
        nodes=[Node(server, proxy) for server, proxy in zip(running, proxies, strict=True)],
        api=await stack.enter_async_context(Api(running[0].url)),
        redis=servers[0],
        cluster=servers[1:],
        prefix=environments[0]["LIVECOMMERCE_REDIS_PREFIX"],
    )


async def start_nodes(
    stack: AsyncExitStack, environments: list[dict[str, str]]
) -> list[ServerProcess]:
    """Starts nodes: the first alone, which brings the schema up to date, then the others together.

    They are started in threads, of which the loop has some until it ends: so they live as long.
    """

    async def start(env: dict[str, str]) -> ServerProcess:
        running = running_server(env)
        server = await asyncio.to_thread(running.__enter__)

        async def stop() -> None:
            await asyncio.to_thread(running.__exit__, None, None, None)

        stack.push_async_callback(stop)
        return server

    first = await start(environments[0])
    return [first, *await asyncio.gather(*(start(env) for env in environments[1:]))]
