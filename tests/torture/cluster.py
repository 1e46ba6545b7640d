"""The flash sale over three nodes, one Redis and one PostgreSQL, with losses in the middle.

FLUSHALL, then Redis is killed, then, while it is away, a node; Redis comes back empty, the node by
its supervisor. Buyers look at what they hold, give most of it up, or pay, so that there is
something to buy at every moment; who loses the connection goes to another node.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise

from redis.asyncio import Redis

from livecommerce.client import RoomClient
from tests.support.ports import LOOPBACK
from tests.support.shop import Api, Problem, Shop
from tests.support.sockets import allow_many_sockets
from tests.torture.crowd import Plan, Purchase, Report
from tests.torture.findings import Finding, percentile, say
from tests.torture.judge import Judge
from tests.torture.stage import Cluster, running_cluster
from tests.torture.stampede import (
    ALLOWED,
    PER_BUYER,
    Scale,
    drive_all,
    furnish_all,
    open_sale,
    sell_out,
    tell_of,
)
from tests.torture.witness import check_equal

NODES = 3
GIVEN_UP = 0.9
GOES_ON_S = 2.0
"""The promise: how soon somebody buys again after a loss."""
FLUSHED, REDIS_KILLED, NODE_KILLED, REDIS_BACK = 0.2, 0.4, 0.5, 0.65
"""When, as shares of the time the attempts take."""
READY_S = 60.0


Beside = Callable[[Shop, Cluster], AbstractAsyncContextManager[object]]


@dataclass(slots=True)
class Losses:
    """When what was lost, and was back (`monotonic`)."""

    at_s: dict[str, float] = field(default_factory=dict)
    redis_back_s: float = 0.0
    all_ready_s: float = 0.0


def cluster(
    scale: Scale, over_s: float, *, is_timed: bool = True, beside: Beside | None = None
) -> Finding:
    """Run one.

    Args:
        over_s: how long the attempts take, all together.
        is_timed: purchases have to go on quickly, too. Not for a machine that does other things
            meanwhile.
        beside: what else happens in the room, from before the sale until the crowd has gone.
    """
    finding = Finding(f"{NODES} nodes, losses")
    allow_many_sockets(scale.buyers * 2)
    with running_cluster(NODES, sockets=scale.buyers) as stage:
        asyncio.run(_cluster(stage, scale, over_s, finding, is_timed=is_timed, beside=beside))
        finding.breaches += [f"in the server's log: {line}" for line in stage.faults()]
    return finding


async def _cluster(
    stage: Cluster,
    scale: Scale,
    over_s: float,
    finding: Finding,
    *,
    is_timed: bool,
    beside: Beside | None,
) -> None:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(Api(stage.supervisor.url))
        shop = await Shop.open(api)
        goods = await shop.add_goods("S1", on_hand=scale.units, slot=1)
        say(f"cluster: furnishing {scale.one_click} buyers who have bought before")
        wallets = await furnish_all(api, range(scale.one_click))
        sale = await open_sale(shop, goods, scale)
        say(f"cluster: {scale.buyers} buyers take their seats")
        witnesses = [
            await stack.enter_async_context(
                RoomClient(f"ws://{LOOPBACK}:{port}/v1/live", room=sale.room_id, queue_max=100)
            )
            for port in stage.node_ports
        ]
        plan = Plan(
            ports=stage.node_ports,
            sale=sale,
            first=0,
            count=scale.buyers,
            attempts=scale.attempts,
            wallets=wallets,
            seed=scale.seed,
            http_port=stage.supervisor.port,
            given_up=GIVEN_UP,
            over_s=over_s,
            look_s=over_s / 25,
            comes_back=True,
        )
        other = await stack.enter_async_context(AsyncExitStack())
        if beside is not None:
            await other.enter_async_context(beside(shop, stage))
        losing = asyncio.create_task(_lose(stage, sale.starts_at / 1000, over_s))
        report = await drive_all(plan, scale.drivers)
        losses = await losing
        await other.aclose()
        say("cluster: taking what came back")
        judge = await Judge.open(stage)
        stack.push_async_callback(judge.close)
        async with Api(stage.supervisor.url) as fresh:
            late = await sell_out(fresh, stage, sale, judge, finding)
        await judge.check_everything(finding)
        await judge.check_sale(finding, sale.sale_id, scale.units, PER_BUYER)
        await judge.check_acknowledged(finding, report.acknowledged)
        for witness in witnesses:
            await check_equal(finding, witness, judge, sale.sale_id, (sale.variant_id,))
        tell_of(finding, scale, report, late, ALLOWED | {"(lost)"})
        _judge_losses(finding, losses, report, is_timed=is_timed)
        finding.facts["viewers"] = (
            f"one at each node: {[each.snapshots for each in witnesses]} snapshots, "
            f"{[each.reconnects for each in witnesses]} reconnects, all see what the rows say"
        )


async def _lose(stage: Cluster, starts_s: float, over_s: float) -> Losses:
    losses = Losses()

    async def until(share: float) -> None:
        await asyncio.sleep(max(0.0, starts_s + share * over_s - time.time()))

    def note(what: str) -> None:
        losses.at_s[what] = time.monotonic()
        say(f"cluster: {what}")

    await until(FLUSHED)
    async with Redis.from_url(stage.redis.url()) as client:
        await client.flushall()
    note("FLUSHALL")
    await until(REDIS_KILLED)
    await asyncio.to_thread(stage.redis.kill)
    note("Redis killed")
    await until(NODE_KILLED)
    os.kill(stage.supervisor.nodes()[1], signal.SIGKILL)
    note("node killed")
    await until(REDIS_BACK)
    await asyncio.to_thread(stage.redis.start)
    losses.redis_back_s = time.monotonic()
    async with asyncio.timeout(READY_S):
        for port in stage.node_ports:
            await _ready(port)
    losses.all_ready_s = time.monotonic()
    say("cluster: Redis is back, all nodes are ready")
    return losses


async def _ready(port: int) -> None:
    while True:
        async with Api(f"http://{LOOPBACK}:{port}") as api:
            try:
                await api.get("/readyz")
            except (OSError, TimeoutError, Problem):
                await asyncio.sleep(0.1)
            else:
                return


def _judge_losses(finding: Finding, losses: Losses, report: Report, *, is_timed: bool) -> None:
    for what, at_s in losses.at_s.items():
        after_s = _first_after(report.purchases, at_s)
        finding.facts[f"first purchase after: {what}"] = f"{after_s:.3f} s"
        finding.check(
            f"somebody buys within {GOES_ON_S:.0f} s after: {what}",
            holds=after_s < (GOES_ON_S if is_timed else READY_S),
            found=f"{after_s:.2f} s",
        )
    moved_s = _first_after(
        [purchase for purchase in report.purchases if purchase.is_back], losses.at_s["node killed"]
    )
    finding.facts["first purchase of a buyer of the dead node"] = f"{moved_s:.3f} s"
    finding.check("who lost a node buys at another", holds=moved_s < READY_S)
    told_s = sorted(purchase.acknowledged_s for purchase in report.purchases)
    last_loss_s = max(losses.at_s.values())
    pauses = [(late - early, early) for early, late in pairwise(told_s)]
    longest_s, began_s = max(pauses)
    events = {"the first purchase": told_s[0], **losses.at_s, "Redis back": losses.redis_back_s}
    what = max((each for each in events if events[each] <= began_s), key=lambda each: events[each])
    p99_s = percentile([pause_s for pause_s, _ in pauses], 0.99)
    finding.facts["longest pause between two purchases"] = (
        f"{longest_s:.2f} s, from {began_s - events[what]:.2f} s after: {what}"
        f" (p99 {p99_s * 1000:.0f} ms of {len(pauses)})"
    )
    finding.facts["nodes ready again"] = (
        f"{losses.all_ready_s - losses.redis_back_s:.2f} s after Redis was back, "
        f"{losses.all_ready_s - last_loss_s:.2f} s after the last loss"
    )
    finding.facts["buyers who came back"] = str(report.returns)
    finding.check("the dead node had buyers", holds=report.returns > 0)


def _first_after(purchases: list[Purchase], at_s: float) -> float:
    """Seconds from a moment to the first reply to a purchase asked for after it."""
    return min(
        (each.acknowledged_s - at_s for each in purchases if each.asked_s >= at_s),
        default=float("inf"),
    )
