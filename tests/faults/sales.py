"""Row 18, and 26 and 27: buyers, while nodes, Redis and connections to PostgreSQL are lost."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from livecommerce.client import RoomClient
from tests.database.faulty_network import FaultyNetwork, faulty_network
from tests.faults.audience import audience, live_url
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.support.postgres import PostgresServer, database_of
from tests.support.server import running_server
from tests.support.shop import Api, Shop
from tests.torture.cluster import cluster
from tests.torture.crowd import Plan
from tests.torture.findings import Finding
from tests.torture.flash_sale import PROFILES
from tests.torture.judge import Judge
from tests.torture.stage import Cluster, environ_of, settings_for
from tests.torture.stage import Stage as SaleStage
from tests.torture.stampede import (
    ALLOWED,
    PER_BUYER,
    Scale,
    drive_all,
    furnish_all,
    open_sale,
    sell_out,
)
from tests.torture.witness import check_equal

TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE application_name = 'livecommerce writer' AND datname = '{name}' AND {when}"
)
MID_BATCH = "state LIKE 'idle in transaction%' OR state = 'active'"
COMMITS_LOST = 0.2
"""The share of COMMITs around which the connection is lost."""


@asynccontextmanager
async def nothing(postgres: PostgresServer) -> AsyncIterator[PostgresServer]:
    """The row brings its own."""
    yield postgres


@row(18, "a sale that loses Redis and a node", group="sale", stage=nothing)
async def sale_with_losses(stage: PostgresServer, report: Report, profile: Profile) -> None:
    """Exactly what there is is sold, and the room hears everything that is said meanwhile."""
    scale = PROFILES[profile.name]
    books = []

    @asynccontextmanager
    async def talk(shop: Shop, stage: Cluster) -> AsyncIterator[None]:
        shared = stage.supervisor.port
        async with audience(shop, viewers=[shared] * 6, talkers=[shared]) as room:
            yield
        books.append(room.ledger)

    finding = await asyncio.to_thread(
        cluster, scale.cluster, scale.cluster_s, is_timed=False, beside=talk
    )
    report.injections = 3
    for ledger in books:
        report.take(ledger.audit())
    _take(report, finding)


@dataclass(slots=True)
class Shaky:
    """A node whose connections to its database can be lost."""

    sale: SaleStage
    postgres: PostgresServer
    network: FaultyNetwork


@asynccontextmanager
async def shaky(postgres: PostgresServer) -> AsyncIterator[Shaky]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        near = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-net-")))
        url = postgres.create_database()
        network = await stack.enter_async_context(
            faulty_network(postgres.folder, near, seed=1, share=0.0)
        )
        settings = settings_for(folder, url, sockets=2_000)
        near_url = url.replace(str(postgres.folder), str(near))
        running = running_server(environ_of(settings) | {"LIVECOMMERCE_DATABASE_URL": near_url})
        server = await asyncio.to_thread(running.__enter__)
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        yield Shaky(SaleStage("postgresql", (server,), settings), postgres, network)


@row(26, "PostgreSQL ends the writer's session in a batch", group="database", stage=shaky)
async def session_ended(stage: Shaky, report: Report, profile: Profile) -> None:
    """What was acknowledged is there, once; who was cut off asks again."""
    name = database_of(stage.sale.settings.database_url)
    statement = TERMINATE.format(name=name, when=f"({MID_BATCH})")

    async def terminate() -> None:
        while report.injections < profile.of(8, 100):
            ended = await asyncio.to_thread(stage.postgres.sql, statement)
            report.injections += int(ended)
            await asyncio.sleep(random.uniform(0.2, 0.6))

    await _sell(stage, report, profile, terminate)


@row(27, "the reply to COMMIT is lost", group="answers of the database", stage=shaky)
async def commit_unanswered(stage: Shaky, report: Report, profile: Profile) -> None:
    """Whether the batch is stored is found out before anybody is told anything."""
    before = len(stage.network.faults)

    async def lose() -> None:
        stage.network.share = COMMITS_LOST
        try:
            await asyncio.Event().wait()
        finally:
            stage.network.share = 0.0
            report.injections = len(stage.network.faults) - before

    await _sell(stage, report, profile, lose)


async def _sell(
    stage: Shaky, report: Report, profile: Profile, lose: Callable[[], Awaitable[None]]
) -> None:
    """A flash sale, all of whose purchases are made while `lose` runs."""
    finding = Finding(report.title)
    scale = Scale(
        buyers=profile.of(120, 1_000),
        attempts=profile.of(6, 10),
        units=profile.of(100, 1_000),
        one_click=profile.of(10, 50),
        drivers=1,
        seed=int(report.row),
    )
    over_s = profile.of(5.0, 40.0)
    (port,) = stage.sale.ports
    async with Api(stage.sale.servers[0].url) as api:
        shop = await Shop.open(api, slug=f"shaky-{report.row}")
        goods = await shop.add_goods("S1", on_hand=scale.units, slot=1)
        wallets = await furnish_all(api, range(scale.one_click))
        sale = await open_sale(shop, goods, scale)
        plan = Plan(
            ports=(port,),
            sale=sale,
            first=0,
            count=scale.buyers,
            attempts=scale.attempts,
            wallets=wallets,
            seed=scale.seed,
            http_port=port,
            given_up=0.7,
            over_s=over_s,
            look_s=0.3,
            comes_back=True,
        )
        async with RoomClient(live_url(port), room=shop.room_id, queue_max=100) as witness:
            losing = asyncio.ensure_future(lose())
            try:
                told = await drive_all(plan, scale.drivers)
            finally:
                losing.cancel()
                with suppress(asyncio.CancelledError):
                    await losing
            judge = await Judge.open(stage.sale)
            try:
                await sell_out(api, stage.sale, sale, judge, finding)
                await judge.check_everything(finding)
                await judge.check_sale(finding, sale.sale_id, scale.units, PER_BUYER)
                await judge.check_acknowledged(finding, told.acknowledged)
                await check_equal(finding, witness, judge, sale.sale_id, (sale.variant_id,))
            finally:
                await judge.close()
    finding.breaches += told.breaches
    strange = set(told.codes) - ALLOWED - {"(lost)"}
    finding.check("replies have allowed codes only", holds=not strange, found=str(told.codes))
    finding.facts["attempts"] = str(told.attempts)
    _take(report, finding)


def _take(report: Report, finding: Finding) -> None:
    report.breaches += finding.breaches
    report.facts += [f"{name}: {value}" for name, value in finding.facts.items() if name in TOLD]


TOLD = (
    *("sold", "attempts", "orders acknowledged", "first purchase after: FLUSHALL"),
    *("first purchase after: Redis killed", "first purchase after: node killed"),
)
