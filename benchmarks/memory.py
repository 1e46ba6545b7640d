"""What an idle viewer weighs: `python -m benchmarks.memory [--quick] [--peers]`.

One node under uvloop; viewers join a room and are told nothing but the heartbeat. Resident memory
is read at 1,000 and at 10,000 of them: the slope is what one more costs, the rest is there anyway.
Kernel memory is stated apart (`kernel_kib`): growth of the machine's slabs and TCP buffers by
viewer, halved because both ends of every connection are on this machine. Rounds are repeated with
new processes; medians are taken.

With `--peers` the same slope of the systems people would pick instead (benchmarks/peers), all of
their processes together, each with the same crowd; and what a join costs them. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import kernel_kib, on_core
from benchmarks.support.peer_joins import weigh_all
from benchmarks.support.results import conclude, say

FEW, MANY = 1_000, 10_000
PEERS_MANY = 4_000


def one_round() -> dict[str, float]:
    """A new server, 1,000 viewers, 10,000 viewers."""
    with on_core(0):
        server = Child("benchmarks.support.node")
    with on_core(1):
        crowd = Child("benchmarks.support.viewers")
    with server, crowd:
        port = server.ask("ports")["live"]
        kib: dict[int, tuple[float, float]] = {}
        opened = 0
        for wanted in (FEW, MANY):
            crowd.ask("open", port=port, room=ROOM, sinks=wanted - opened)
            opened = wanted
            # The heads they came with are let go by the next sweep.
            time.sleep(1.0)
            kib[wanted] = server.ask("settle", connections=wanted)["rss_kib"], kernel_kib()
    more = MANY - FEW
    return {
        "kib_per_connection": (kib[MANY][0] - kib[FEW][0]) / more,
        "kernel_kib": (kib[MANY][1] - kib[FEW][1]) / more / 2,
        "rss_mib_at_few": kib[FEW][0] / 1024,
        "rss_mib_at_many": kib[MANY][0] / 1024,
    }


def run(rounds: int) -> dict[str, Any]:
    seen = []
    for _ in range(rounds):
        seen.append(one_round())
        say(", ".join(f"{name} {value:.2f}" for name, value in seen[-1].items()))
    middle = {name: round(statistics.median(each[name] for each in seen), 2) for name in seen[0]}
    return {**middle, "few": FEW, "many": MANY, "rounds": rounds}


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="one round less than half a minute")
    reader.add_argument("--peers", action="store_true", help="others too; about a minute more")
    asked = reader.parse_args()
    raise_open_files()
    figures = run(1 if asked.quick else 3)
    if asked.peers:
        figures["peers"] = weigh_all(FEW, PEERS_MANY)
    conclude("memory", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
