"""The stampede: far more buyers than units, all at once, through real sockets.

Buyers hold units, give some up, repeat commands, pay with good and bad cards; late comers take
what came back. In the end exactly the units that were offered are sold, and nobody has more than
allowed.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Set
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

from tests.support.shop import Api, Goods, Shop, Wallet, furnish, platform_token
from tests.support.sockets import LiveSocket, allow_many_sockets, new_command_id
from tests.torture.crowd import Plan, Report, Sale, drive
from tests.torture.findings import Finding, percentile, say
from tests.torture.judge import Judge
from tests.torture.stage import Kind, Stage, running_stage

PER_BUYER = 2
WARM_UP_S = 10
LATE_COMERS_FIRST = 10_000_000
"""Numbers of buyers who come after the crowd."""
SOLD_OUT_CHECKS = 100
SELL_OUT_S = 60.0
RETRIED = frozenset({"(rate_limited)", "(server_busy)", "(unavailable)", "(at the door)"})
ALLOWED = RETRIED | {"ok", "ok again", "sold_out", "limit_reached", "not_live"}
"""Codes a buyer may meet in a stampede; those in brackets were followed by a retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of everything."""

    buyers: int
    attempts: int
    """Of each buyer."""
    units: int
    one_click: int
    """Buyers who have bought before."""
    drivers: int
    """Processes that play the buyers."""
    seed: int


def stampede(kind: Kind, scale: Scale) -> Finding:
    """Run one on a fresh database."""
    finding = Finding(f"stampede, {kind}")
    allow_many_sockets(scale.buyers * 2)
    with running_stage(kind, sockets=scale.buyers) as stage:
        asyncio.run(_stampede(stage, scale, finding))
        finding.breaches += [f"in the server's log: {line}" for line in stage.faults()]
    return finding


async def _stampede(stage: Stage, scale: Scale, finding: Finding) -> None:
    async with Api(stage.servers[0].url) as api:
        shop = await Shop.open(api)
        goods = await shop.add_goods("S1", on_hand=scale.units, slot=1)
        say(f"{stage.kind}: furnishing {scale.one_click} buyers who have bought before")
        wallets = await furnish_all(api, range(scale.one_click))
        sale = await open_sale(shop, goods, scale)
        say(f"{stage.kind}: {scale.buyers} buyers take their seats")
        plan = Plan(
            ports=tuple(stage.ports),
            sale=sale,
            first=0,
            count=scale.buyers,
            attempts=scale.attempts,
            wallets=wallets,
            seed=scale.seed,
            http_port=stage.ports[-1],
        )
        report = await drive_all(plan, scale.drivers)
        lasted = f"{report.attempts} attempts in {report.attempts_s:.1f} s"
        say(f"{stage.kind}: {lasted}; taking what came back")
        judge = await Judge.open(stage)
        try:
            late = await sell_out(api, stage, sale, judge, finding)
            await judge.settled()
            await judge.check_sale(finding, sale.sale_id, scale.units, PER_BUYER)
            await judge.check_acknowledged(finding, report.acknowledged)
            await judge.check_everything(finding)
        finally:
            await judge.close()
    tell_of(finding, scale, report, late)


async def open_sale(shop: Shop, goods: Goods, scale: Scale) -> Sale:
    """Starts the sale; its warm-up is long enough for everybody to find their seat."""
    delivery_minor = await shop.delivery_minor()
    view = await shop.start_sale(
        goods,
        quota=scale.units,
        per_buyer=PER_BUYER,
        warm_up_s=max(WARM_UP_S, min(300, scale.buyers // 250)),
        duration_s=1200,
        hold_s=900,
    )
    return Sale(
        room_id=shop.room_id,
        sale_id=view["id"],
        variant_id=goods.variant_id,
        offer_id=goods.offer_id,
        unit_minor=view["price_minor"],
        delivery_minor=delivery_minor,
        currency=view["currency"],
        starts_at=view["starts_at"],
    )


async def furnish_all(api: Api, numbers: range) -> dict[int, Wallet]:
    at_once = asyncio.Semaphore(16)

    async def one(number: int) -> Wallet:
        async with at_once:
            return await furnish(api, platform_token(f"buyer-{number}"), number=number)

    wallets = await asyncio.gather(*(one(number) for number in numbers))
    return dict(zip(numbers, wallets, strict=True))


async def drive_all(plan: Plan, drivers: int) -> Report:
    """Plays a plan in several processes, each with its share of the buyers."""
    share = plan.count // drivers
    plans = [
        replace(plan, first=i * share, count=share, seed=plan.seed + i) for i in range(drivers)
    ]
    report = Report()
    loop = asyncio.get_running_loop()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(drivers, mp_context=context) as pool:
        for part in await asyncio.gather(
            *(loop.run_in_executor(pool, drive, each) for each in plans)
        ):
            report.merge(part)
    return report


async def sell_out(api: Api, stage: Stage, sale: Sale, judge: Judge, finding: Finding) -> int:
    """Late comers buy what is left; then the next ones are told that it is sold out."""
    number = LATE_COMERS_FIRST
    bought = 0
    until_s = time.monotonic() + SELL_OUT_S
    while (counts := await judge.sale_counts(sale.sale_id)).sold < counts.quota:
        if time.monotonic() > until_s:
            waiting = await judge.open_holds()
            finding.breaches.append(f"the sale never sells out: {counts}, {waiting[:5]}")
            return bought
        for _ in range(min(counts.available, 20)):
            number += 1
            token = platform_token(f"buyer-{number}")
            wallet = await furnish(api, token, number=number)
            port = stage.ports[number % len(stage.ports)]
            socket = await LiveSocket.open(port, token=token, room=sale.room_id)
            reply = await socket.ask(sale.buy(new_command_id(), 1, wallet))
            bought += reply["t"] == "ok"
            socket.abort()
        await asyncio.sleep(0.3)
    await asyncio.gather(
        *(
            _is_told_so(stage, sale, number + each, finding)
            for each in range(1, SOLD_OUT_CHECKS + 1)
        )
    )
    return bought


async def _is_told_so(stage: Stage, sale: Sale, number: int, finding: Finding) -> None:
    port, token = stage.ports[number % len(stage.ports)], platform_token(f"buyer-{number}")
    socket = await LiveSocket.open(port, token=token, room=sale.room_id)
    reply = await socket.ask(sale.buy(new_command_id(), 1))
    finding.check("sold out is sold out", holds=reply.get("code") == "sold_out", found=str(reply))
    socket.abort()


def tell_of(
    finding: Finding, scale: Scale, report: Report, late: int, allowed: Set[str] = ALLOWED
) -> None:
    """Notes what the buyers saw, and codes that are none of a stampede's."""
    attempts = report.attempts
    finding.breaches += report.breaches
    strange = {code: n for code, n in report.codes.items() if code not in allowed}
    finding.check("replies have allowed codes only", holds=not strange, found=str(strange))
    finding.facts |= {
        "attempts": f"{attempts} by {scale.buyers} buyers on {scale.units} units, "
        f"{attempts / max(report.attempts_s, 0.001):.0f}/s over {report.attempts_s:.1f} s",
        "replies": ", ".join(f"{code} {n}" for code, n in sorted(report.codes.items())),
        "reply time": f"p50 {percentile(report.latencies_ms, 0.5):.0f} ms, "
        f"p99 {percentile(report.latencies_ms, 0.99):.0f} ms",
        "frames to viewers": str(report.frames),
        "late comers": f"{late} bought what came back",
    }
