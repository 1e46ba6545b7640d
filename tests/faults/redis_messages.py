"""Rows 8 and 9: single messages between Redis and a node are lost, repeated and reordered."""

from __future__ import annotations

import asyncio

from tests.faults.proxy import Fault
from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import Stage, open_stage

TAIL_S = 15.0
"""What is promised is 6 s: a check every 5 s, and a moment to fetch."""


@row(9, "messages repeated and reordered", group="messages", stage=open_stage)
async def repeated_and_reordered(stage: Stage, report: Report, profile: Profile) -> None:
    before = sum(proxy.injected for proxy in stage.proxies)
    async with stage.playing(report) as play:
        for _ in range(profile.of(4, 60)):
            for proxy in stage.proxies:
                proxy.plan(Fault.REPEAT, Fault.SWAP, Fault.DELAY, Fault.REPEAT, Fault.REPEAT)
            await asyncio.sleep(1.0)
    report.injections = sum(proxy.injected for proxy in stage.proxies) - before
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)
    report.bound("settled", play.silent_s, TAIL_S)
