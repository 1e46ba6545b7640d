"""Redis forgets: it restarts empty, restarts with less than it acknowledged, or is full."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.signs import REPAIRED_S, counts_go_on, refused
from tests.faults.stage import Stage, client_of, open_stage

AWAY_S = 0.5


@row(4, "Redis restarts empty", group="memory", stage=open_stage)
async def empty(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(2, 30)):
            await asyncio.sleep(0.5)
            await asyncio.to_thread(stage.redis.kill)
            report.injections += 1
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(stage.redis.start)
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
            await stage.at_rest()
    report.bound("snapshots a restart", play.snapshots / report.injections, 1, "")


@row(5, "Redis restarts without its last second", group="memory", stage=open_stage)
async def rewound(stage: Stage, report: Report, profile: Profile) -> None:
    async with _with_journal(stage), stage.playing(report) as play:
        for _ in range(profile.of(2, 30)):
            await asyncio.sleep(0.5)
            journal = _journal(stage.redis.folder)
            synced = journal.stat().st_size
            await asyncio.sleep(1.0)
            await asyncio.to_thread(stage.redis.kill)
            lost = journal.stat().st_size - synced
            report.check("something was forgotten", holds=lost > 0)
            # In the middle of a command, as a disk would.
            os.truncate(journal, synced + 7)
            report.injections += 1
            await asyncio.sleep(AWAY_S)
            await asyncio.to_thread(stage.redis.start)
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
            await stage.at_rest()
    report.bound("snapshots a restart", play.snapshots / report.injections, 1, "")


@row(22, "Redis full", group="memory", stage=open_stage)
async def full(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play, client_of(stage.redis) as redis:
        for _ in range(profile.of(2, 20)):
            await redis.config_set("maxmemory", 1)
            report.injections += 1
            await refused(play, 0, report)
            await refused(play, 1, report)
            await counts_go_on(play, report)
            await redis.config_set("maxmemory", 0)
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
            await stage.at_rest()
    report.check("nobody is shown the room anew", holds=play.snapshots == 0, found=play.snapshots)


@asynccontextmanager
async def _with_journal(stage: Stage) -> AsyncIterator[None]:
    """Has Redis keep a journal, synced to disk every second."""
    await _restart(stage, "--appendonly", "yes", "--appendfsync", "everysec")
    try:
        yield
    finally:
        await _restart(stage)
        shutil.rmtree(stage.redis.folder / "appendonlydir", ignore_errors=True)


async def _restart(stage: Stage, *options: str) -> None:
    await asyncio.to_thread(stage.redis.kill)
    stage.redis.options = options
    await asyncio.to_thread(stage.redis.start)
    await stage.at_rest()


def _journal(folder: Path) -> Path:
    return max((folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: path.name)
