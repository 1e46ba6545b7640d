"""Single messages between Redis and a node are lost, repeated and reordered; so are answers."""

from __future__ import annotations

import asyncio

from livecommerce.realtime.backplane.redis.scripts import PUBLISH
from tests.faults.proxy import Fault
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import Stage, open_stage, until

GAP_S = 5.0
"""The next message shows a gap, so a round trip is enough; the rest is patience."""
TAIL_S = 15.0
"""After the last message of all only the check shows it, every 5 s."""


@row(8, "a message lost, then the last one", group="traffic", stage=open_stage)
async def lost(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(3, 40)):
            for proxy in stage.proxies:
                proxy.plan(Fault.DROP)
            await _happened(stage)
            report.bound("gap repaired after", await play.everybody_knows(), GAP_S)
            await asyncio.sleep(0.2)
        for _ in range(profile.of(1, 10)):
            await play.hush()
            for proxy in stage.proxies:
                proxy.plan(Fault.DROP)
            await play.talkers[0].say()
            await _happened(stage)
            report.bound("lost tail repaired after", await play.everybody_knows(), TAIL_S)
            play.speak()
    report.injections = stage.injected()
    repairs = [await node.figure("hub_repairs_total") for node in stage.nodes]
    report.check("every node has repaired something", holds=all(repairs), found=repairs)
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)


@row(9, "messages repeated and reordered", group="traffic", stage=open_stage)
async def repeated_and_reordered(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(4, 60)):
            for proxy in stage.proxies:
                proxy.plan(Fault.REPEAT, Fault.SWAP, Fault.DELAY, Fault.REPEAT, Fault.REPEAT)
            await _happened(stage)
            await asyncio.sleep(0.5)
    report.injections = stage.injected()
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)
    report.bound("all known after", play.silent_s, TAIL_S)


@row(17, "the answer to a publication lost", group="traffic", stage=open_stage)
async def lost_answers(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(5, 100)):
            for proxy in stage.proxies:
                proxy.lose_answers(PUBLISH.digest)
            await _happened(stage)
            await asyncio.sleep(0.2)
    report.injections = stage.injected()
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)
    report.bound("all known after", play.silent_s, TAIL_S)


async def _happened(stage: Stage) -> None:
    async def is_over() -> bool:
        return not any(proxy.planned for proxy in stage.proxies)

    await until(is_over, 15.0)
