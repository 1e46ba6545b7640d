"""A shop that is used for hours keeps its size: `python -m tests.torture.soak [--minutes 60]`.

People come and go, chat, like and buy; again and again all of them leave, and every process is
asked what it still holds. What it holds at the end is compared with what it held after a warm-up
of a third of the time: memory, objects, tasks, files, rooms. Exits with 1 when any of it grew by
more than 2 % (10 % in less than ten minutes: that is a trial).

--on cluster (the default): two nodes and a worker on PostgreSQL and Redis; sqlite: one process.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from rich.console import Console
from rich.table import Table

from tests.support.shop import Api
from tests.torture.findings import Finding, say, tell
from tests.torture.soaking.figures import COMPARED, EMPTY, SHOWN, Look, gauges, judge
from tests.torture.soaking.people import People
from tests.torture.soaking.shop import On, Soaked, running_soaked

TOLERANCE, TRIAL_TOLERANCE = 0.02, 0.10
LONG_MIN = 10
ROUNDS_MIN = 6
ROWS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Rush and calm take turns."""

    rounds: int
    rush_s: float
    calm_s: float
    """After everybody has left, until the look."""
    tolerance: float
    is_long: bool = False

    @classmethod
    def of(cls, minutes: float) -> Pace:
        """A run of ten minutes or more has calms in which rooms are given up, and what they leave
        behind is collected, and is held to 2 %; a shorter one is a trial, whose memory is not warm
        yet."""
        is_long = minutes >= LONG_MIN
        rush_s, calm_s = (50.0, 55.0) if is_long else (9.0, 3.0)
        rounds = max(ROUNDS_MIN, round(minutes * 60 / (rush_s + calm_s)))
        return cls(
            rounds=rounds,
            rush_s=rush_s,
            calm_s=calm_s,
            tolerance=TOLERANCE if is_long else TRIAL_TOLERANCE,
            is_long=is_long,
        )


def soak(on: On, pace: Pace) -> Finding:
    """Runs one on fresh databases."""
    finding = Finding(f"soak, {on}")
    with running_soaked(on) as shop:
        looks = asyncio.run(_soak(shop, pace, finding))
        finding.breaches += [f"in a log: {line}" for line in shop.faults()]
    show(looks)
    return finding


async def _soak(shop: Soaked, pace: Pace, finding: Finding) -> list[Look]:
    looks: list[Look] = []
    async with Api(shop.url) as api:
        people = await People.settle_in(api, shop.port)
        started_s = time.monotonic()
        for number in range(pace.rounds):
            await people.rush(pace.rush_s)
            await asyncio.sleep(pace.calm_s)
            now_s = time.monotonic() - started_s
            looks.append(Look(now_s, {name: gauges(port) for name, port in shop.ports.items()}))
            say(f"{number + 1}/{pace.rounds}  {_line(looks[-1])}")
    seconds = time.monotonic() - started_s
    tally = people.tally
    finding.facts["time"] = f"{seconds / 60:.1f} minutes, {pace.rounds} times filled and left"
    finding.facts["visits"] = f"{tally.visits}, who were sent {tally.frames} frames"
    finding.facts["commands"] = ", ".join(
        f"{name} {count}" for name, count in sorted(tally.done.items())
    )
    finding.check(
        "answers are such as are expected", holds=not tally.strange(), found=str(tally.strange())
    )
    judge(looks, finding, tolerance=pace.tolerance, is_long=pace.is_long)
    for breach in await shop.breaches():
        finding.breaches.append(f"verify: {breach}")
    return looks


def _line(look: Look) -> str:
    return "   ".join(
        f"{process} {of['livecommerce_process_resident_bytes'] / 2**20:.1f} MiB, "
        f"{of['livecommerce_process_memory_blocks']:,.0f} blocks"
        for process, of in look.of.items()
    )


def show(looks: Sequence[Look]) -> None:
    """Prints what was seen over time, a table for each process."""
    step = max(1, len(looks) // ROWS)
    for process in looks[-1].of:
        names = {
            name: told
            for name, told in {**COMPARED, **SHOWN, **EMPTY}.items()
            if name in looks[-1].of[process]
        }
        table = Table("minute", *names.values(), title=process)
        for look in looks[len(looks) - 1 :: -step][::-1]:
            of = look.of[process]
            values = (
                f"{of[name] / 2**20:.2f} MiB" if name.endswith("_bytes") else f"{of[name]:,.0f}"
                for name in names
            )
            table.add_row(f"{look.at_s / 60:.1f}", *values)
        Console(width=118).print(table)


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.torture.soak", description=__doc__)
    reader.add_argument("--minutes", type=float, default=60)
    reader.add_argument("--on", choices=get_args(On), default="cluster")
    asked = reader.parse_args()
    pace = Pace.of(asked.minutes)
    say(f"{asked.on}: {pace.rounds} rounds of {pace.rush_s:.0f} s and a calm of {pace.calm_s:.0f}")
    finding = soak(asked.on, pace)
    kept = tell([finding])
    say("kept its size" if kept else "DID NOT KEEP ITS SIZE")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
