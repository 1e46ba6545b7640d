"""A node listens to thousands of messages a second for a long time, and does not grow."""

from __future__ import annotations

import asyncio
import time
from statistics import median

import psutil

from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.stage import Stage, client_of, open_single_stage

RATE = 5_000
BATCH = 250
GROWTH_BYTES = 24.0
"""A message. What a parser forgets of each one is more than this; what an allocator breathes over
the shortest run is less."""


@row(24, "5,000 messages a second", group="listening", stage=open_single_stage)
async def listening(stage: Stage, report: Report, profile: Profile) -> None:
    seconds = profile.of(12.0, 200.0)
    node = psutil.Process(stage.nodes[0].server.pid)
    async with stage.playing(report) as play, client_of(stage.redis) as redis:
        await asyncio.sleep(1.0)
        await play.hush()
        heard = await stage.nodes[0].figure("hub_deliveries_total")
        room = f"{stage.prefix}:{{{play.room_id}}}"
        ((_, entry),) = await redis.execute_command(
            "XREVRANGE", f"{room}:stream", "+", "-", "COUNT", 1
        )
        # Half of them known already, so that all of a delivery's way is walked but its end; the
        # others of many sizes, for nobody.
        (probe,) = await redis.pubsub_channels(f"{stage.prefix}:*:probe")
        sizes: list[int] = []
        sent, started_s = 0, time.monotonic()
        while (passed_s := time.monotonic() - started_s) < seconds:
            pipeline = redis.pipeline(transaction=False)
            for number in range(BATCH // 2):
                pipeline.execute_command("PUBLISH", f"{room}:channel", entry[b"b"])
                pipeline.execute_command("PUBLISH", probe, b"-" * (number * 37 % 4_096 + 1))
            await pipeline.execute()
            sent += BATCH
            sizes.append(node.memory_info().rss)
            await asyncio.sleep(max(0.0, sent / RATE - passed_s))
        play.speak()
        await asyncio.sleep(0.5)
        heard = await stage.nodes[0].figure("hub_deliveries_total") - heard
    report.injections = sent
    report.check("all were heard", holds=heard >= sent // 2, found=heard)
    # The first third is the node's own warming up.
    third = len(sizes) // 3
    grown = median(sizes[-third:]) - median(sizes[third : 2 * third])
    report.bound("growth a message", max(0.0, grown / (sent / 3)), GROWTH_BYTES, "bytes")
    report.facts.append(f"{sent / (time.monotonic() - started_s):,.0f} messages a second")
    report.facts.append(f"{sizes[third] / 2**20:.1f} → {sizes[-1] / 2**20:.1f} MiB")
