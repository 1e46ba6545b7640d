"""The rows of the failure suite, and how they are played: each on its stage, stages side by side.

A module of rows makes `Row`s with the decorator `row`; `tests.faults.ROWS` lists them all.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.faults.report import Report
from tests.support.postgres import PostgresServer
from tests.torture.findings import say

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Profile:
    """How long and how often. `fast` is for every push."""

    name: str

    @property
    def is_full(self) -> bool:
        return self.name == "full"

    def of(self, fast: T, full: T) -> T:
        """The one of two values that this profile wants."""
        return full if self.is_full else fast


FAST, FULL = Profile("fast"), Profile("full")

OpenStage = Callable[[PostgresServer], AbstractAsyncContextManager[Any]]
"""Opens what a row is played on."""
Play = Callable[[Any, Report, Profile], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Args:
        group: rows of one group share a stage and are played one after the other; groups are played
            side by side. They have to name the same `stage`.
    """

    number: int
    title: str
    group: str
    stage: OpenStage
    play: Play
    part: str = ""
    """Of a row that is played in several ways: a, b …"""

    @property
    def name(self) -> str:
        return f"{self.number}{self.part}"


SIDE_BY_SIDE = 5
"""Groups played at a time."""

ROWS: list[Row] = []
"""Filled by importing `tests.faults.all_rows`."""


def row(
    number: int, title: str, *, group: str, stage: OpenStage, part: str = ""
) -> Callable[[Play], Play]:
    """Enters a function into the table: (stage, report, profile), which plays the row and notes in
    the report what it did and found."""

    def enter(play: Play) -> Play:
        ROWS.append(Row(number, title, group, stage, play, part))
        return play

    return enter


async def play_rows(
    rows: Iterable[Row], profile: Profile, postgres: PostgresServer
) -> list[Report]:
    """Plays rows; gives their reports in the same order. A row that raises has a breach that says
    so."""
    groups: dict[str, list[Row]] = {}
    asked = list(rows)
    for each in asked:
        groups.setdefault(each.group, []).append(each)
    # Programs that start together start late: one stage after the other, while others are played.
    opening = asyncio.Lock()
    room = asyncio.Semaphore(SIDE_BY_SIDE)

    async def play(group: Sequence[Row]) -> list[Report]:
        async with room:
            return await _play_group(group, profile, postgres, opening)

    longest_first = sorted(groups.values(), key=len, reverse=True)
    played = await asyncio.gather(*map(play, longest_first))
    reports = {report.row: report for group in played for report in group}
    return [reports[each.name] for each in asked]


async def _play_group(
    rows: Sequence[Row], profile: Profile, postgres: PostgresServer, opening: asyncio.Lock
) -> list[Report]:
    left = list(rows)
    reports: list[Report] = []
    while left:
        reports.append(Report(left[0].name, left[0].title))
        try:
            async with AsyncExitStack() as stack:
                async with opening:
                    stage = await stack.enter_async_context(left[0].stage(postgres))
                await _play(left[0], stage, reports[-1], profile)
                # A stage on which a row failed is not fit for the next one.
                while len(left) > 1 and not reports[-1].breaches:
                    del left[0]
                    reports.append(Report(left[0].name, left[0].title))
                    await _play(left[0], stage, reports[-1], profile)
        except Exception:  # noqa: BLE001 - a stage that does not open or close is a finding
            reports[-1].breaches.append(f"the stage failed: {traceback.format_exc()}")
        del left[0]
    return reports


async def _play(row: Row, stage: Any, report: Report, profile: Profile) -> None:
    say(f"row {row.name}: {row.title}")
    started_s = time.monotonic()
    try:
        await row.play(stage, report, profile)
    except Exception:  # noqa: BLE001 - whatever it was, it is told with the row
        report.breaches.append(f"the row did not end: {traceback.format_exc()}")
    report.took_s = time.monotonic() - started_s
    verdict = "holds" if not report.breaches else f"{len(report.breaches)} BROKEN"
    say(f"row {row.name}: {verdict} after {report.took_s:.1f} s")
