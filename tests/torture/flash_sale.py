"""The torture of the flash sale: `python -m tests.torture.flash_sale [--profile fast|full]`.

full: 100,000 attempts by 10,000 buyers on 1,000 units, on SQLite, on PostgreSQL, and on PostgreSQL
through two server processes; then 200 kills at random moments under load; then the same sale over
three nodes, PostgreSQL and Redis, which lose Redis and a node in the middle (`--part cluster`).
fast: a tenth of it, for every push. Exits with 1 when any promise was broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace

from tests.torture.cluster import cluster
from tests.torture.crashes import crashes
from tests.torture.findings import Finding, say, tell
from tests.torture.stage import KINDS, Kind
from tests.torture.stampede import Scale, stampede


@dataclass(frozen=True, slots=True)
class Profile:
    scale: Scale
    crashes: dict[Kind, int]
    cluster: Scale
    cluster_s: float
    """How long the attempts on the cluster take."""


PROFILES = {
    "fast": Profile(
        Scale(buyers=1_000, attempts=10, units=150, one_click=60, drivers=1, seed=1),
        {"sqlite": 4, "postgresql": 3, "postgresql x2": 3},
        cluster=Scale(buyers=240, attempts=5, units=100, one_click=10, drivers=1, seed=1),
        cluster_s=5.0,
    ),
    "full": Profile(
        Scale(buyers=10_000, attempts=10, units=1_000, one_click=400, drivers=2, seed=1),
        {"sqlite": 80, "postgresql": 60, "postgresql x2": 60},
        cluster=Scale(buyers=10_000, attempts=10, units=1_000, one_click=150, drivers=2, seed=1),
        cluster_s=150.0,
    ),
}


PARTS = ("stampede", "crashes", "cluster")


def torture(profile: Profile, kinds: tuple[Kind, ...], parts: tuple[str, ...]) -> list[Finding]:
    """Run the parts of a profile one after the other."""
    findings = []
    for kind in kinds:
        if "stampede" in parts:
            say(f"stampede on {kind}")
            findings.append(stampede(kind, profile.scale))
        if "crashes" in parts and profile.crashes[kind]:
            say(f"{profile.crashes[kind]} crashes on {kind}")
            findings.append(crashes(kind, profile.crashes[kind], profile.scale.seed))
    if "cluster" in parts:
        say("a flash sale on three nodes that lose Redis and each other")
        findings.append(cluster(profile.cluster, profile.cluster_s))
    return findings


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m tests.torture.flash_sale", description=__doc__)
    reader.add_argument("--profile", choices=PROFILES, default="fast")
    reader.add_argument("--on", choices=KINDS, action="append", help="default: all three")
    reader.add_argument("--part", choices=PARTS, action="append")
    reader.add_argument("--seed", type=int, default=1)
    reader.add_argument("--crashes", type=int, help="so many on each, instead of the profile's")
    asked = reader.parse_args()
    profile = PROFILES[asked.profile]
    profile = replace(
        profile,
        scale=replace(profile.scale, seed=asked.seed),
        cluster=replace(profile.cluster, seed=asked.seed),
    )
    if asked.crashes is not None:
        profile = replace(profile, crashes=dict.fromkeys(KINDS, asked.crashes))
    started_s = time.monotonic()
    findings = torture(
        profile,
        tuple(asked.on or KINDS),
        tuple(asked.part or PARTS),
    )
    kept = tell(findings)
    verdict = "every promise kept" if kept else "PROMISES BROKEN"
    say(f"{verdict}, profile {asked.profile}, {time.monotonic() - started_s:.0f} s")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
