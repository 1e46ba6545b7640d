"""The links between nodes and Redis are killed, fall silent, freeze or overflow."""

from __future__ import annotations

import asyncio
import time

from redis.asyncio import Redis

from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.signs import (
    ANSWERED_S,
    NOTICED_S,
    REPAIRED_S,
    counts_go_on,
    ping_for,
    red,
    refused,
)
from tests.faults.stage import Stage, client_of, open_stage, until


@row(1, "subscriptions killed under load", group="traffic", stage=open_stage)
async def killed(stage: Stage, report: Report, profile: Profile) -> None:
    before = await _interruptions(stage)
    async with stage.playing(report) as play, client_of(stage.redis) as redis:
        for _ in range(profile.of(6, 100)):
            report.injections += await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            await asyncio.sleep(0.4)
    report.check("every node noticed", holds=await _grew(stage, before))
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)
    report.bound("all known after", play.silent_s, REPAIRED_S)


@row(2, "a node cut off from Redis without a word", group="silence", stage=open_stage)
async def silence(stage: Stage, report: Report, profile: Profile) -> None:
    node = stage.nodes[1]
    assert node.proxy is not None
    for forget in (False, True):
        async with stage.playing(report) as play:
            await asyncio.sleep(0.5)
            node.proxy.fall_silent()
            report.injections += 1
            began_s = time.monotonic()
            report.bound("red at /readyz after", await red(node), NOTICED_S)
            await refused(play, 1, report)
            await asyncio.sleep(profile.of(1.0, 60.0) - (time.monotonic() - began_s))
            node.proxy.heal(forget=forget)
            report.bound("ready after", await until(node.is_ready, REPAIRED_S), REPAIRED_S)
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
        report.check(
            "nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots
        )


@row(3, "Redis frozen", group="traffic", stage=open_stage)
async def frozen(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(1, 6)):
            report.injections += 1
            began_s = time.monotonic()
            stage.redis.pause()
            try:
                pings_ms = asyncio.create_task(ping_for(play, profile.of(6.0, 10.0)))
                await refused(play, 0, report, since_s=began_s)
                await counts_go_on(play, report)
                report.bound("slowest answer to a ping", await pings_ms / 1000, ANSWERED_S)
            finally:
                stage.redis.resume()
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
            await stage.at_rest()
    slowest_s = max(talker.slowest_answer_s for talker in play.talkers)
    report.bound("slowest answer to a line or pin", slowest_s, ANSWERED_S)
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)


@row(7, "the output buffer of a subscriber overflows", group="traffic", stage=open_stage)
async def overflown(stage: Stage, report: Report, profile: Profile) -> None:
    node = stage.nodes[1]
    assert node.proxy is not None
    before = await node.figure("hub_interruptions_total")
    async with stage.playing(report) as play, client_of(stage.redis) as redis:
        limits = "client-output-buffer-limit"
        await redis.config_set(limits, "pubsub 64kb 32kb 5")
        probes = await redis.pubsub_channels(f"{stage.prefix}:*:probe")
        for _ in range(profile.of(2, 20)):
            node.proxy.stall_pushes()
            listening = await _listeners(redis)
            async with asyncio.timeout(30):
                while listening <= await _listeners(redis):
                    for probe in probes:
                        # Words nobody waits for: read, and passed over.
                        await redis.publish(probe, b"-" * 32_000)
            report.injections += 1
            node.proxy.resume_pushes()
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
            await stage.at_rest()
        await redis.config_set(limits, "pubsub 32mb 8mb 60")
    noticed = await node.figure("hub_interruptions_total") - before
    report.check("counted every time", holds=noticed >= report.injections, found=noticed)
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)


async def _interruptions(stage: Stage) -> list[float]:
    return [await node.figure("hub_interruptions_total") for node in stage.nodes]


async def _grew(stage: Stage, before: list[float]) -> bool:
    return all(now > then for now, then in zip(await _interruptions(stage), before, strict=True))


async def _listeners(redis: Redis) -> set[str]:
    return {each["id"] for each in await redis.client_list(_type="pubsub")}
