"""Everybody comes at once: `python -m benchmarks.join_storm [--quick]`.

One node under uvloop; 100 witnesses are in the room and hear 50 chat lines a second while 6,000
viewers connect, upgrade, say hello and get their snapshot, all at the same moment.

* `joins_per_server_cpu_s`: those let in by the server's CPU time, in a storm of its own in which
  nothing is said.
* `in_p50_s`, `in_p99_s`: from the storm's beginning to the whole snapshot, door wide open.
* `shipped_in_p99_s`: the same with the admission as shipped, which paces newcomers so that those
  who watch notice nothing; who is refused comes again with the pauses of our clients.
* `p99_ms_before`, `p99_ms_during`, `shipped_p99_ms_during`: what the witnesses notice.

What a join costs the systems people would pick instead is in `benchmarks.memory --peers`: there all
of them are joined by the same crowd, at its pace. Here the crowd is one process and connects as
fast as one core can: see `crowd_cpu_share`. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import on_core
from benchmarks.support.results import conclude, say

COMERS, WITNESSES, PER_S = 6_000, 100, 50
CALM_S = 4.0


def join_cost() -> float:
    """CPU seconds of a join: a new server, nobody there, nothing said."""
    with on_core(0):
        server = Child("benchmarks.support.node")
    with on_core(1):
        comers = Child("benchmarks.support.viewers")
    with server, comers:
        port = server.ask("ports")["live"]
        comers.ask("storm", port=port, room=ROOM, count=COMERS // 10)
        before = server.ask("figures")
        comers.ask("storm", port=port, room=ROOM, count=COMERS)
        return float(server.ask("figures")["cpu_s"] - before["cpu_s"]) / COMERS


def one_round(door: str) -> dict[str, Any]:
    """A new server, its witnesses, and the storm."""
    with on_core(0):
        server = Child("benchmarks.support.node", door=door)
    with on_core(1):
        crowd = Child("benchmarks.support.viewers")
        comers = Child("benchmarks.support.viewers")
    with server, crowd, comers:
        port = server.ask("ports")["live"]
        crowd.ask("witness", port=port, room=ROOM, count=WITNESSES)
        server.ask("flow", per_s=PER_S)
        time.sleep(1.0)
        crowd.ask("begin")
        time.sleep(CALM_S)
        calm = crowd.ask("latencies", port=port)
        crowd.ask("begin")
        storm = comers.ask("storm", port=port, room=ROOM, count=COMERS)
        during = crowd.ask("latencies", port=port)
    if calm["faults"] or during["faults"] or during["lost"]:
        raise SystemExit(f"the witnesses saw faults: {calm} {during}")
    return {
        "in_p50_s": storm["p50_s"],
        "in_p99_s": storm["p99_s"],
        "all_in_s": storm["all_s"],
        "refused": storm["refused"],
        "crowd_cpu_share": storm["crowd_cpu_s"] / storm["all_s"],
        "p99_ms_before": calm["p99"],
        "p99_ms_during": during["p99"],
    }


def run(rounds: int) -> dict[str, Any]:
    seen: dict[str, list[dict[str, Any]]] = {"": [], "shipped": []}
    costs_s = []
    for _ in range(rounds):
        costs_s.append(join_cost())
        for door, found in seen.items():
            found.append(one_round(door))
            figures = ", ".join(f"{name} {value:.4g}" for name, value in found[-1].items())
            say(f"{door or 'wide open'}: {figures}")

    def middle(door: str, name: str) -> float:
        return round(float(statistics.median(each[name] for each in seen[door])), 3)

    cost_s = statistics.median(costs_s)
    return {
        "joins_per_server_cpu_s": round(1 / cost_s),
        "join_cpu_us": round(cost_s * 1e6, 1),
        **{name: middle("", name) for name in seen[""][0]},
        **{
            f"shipped_{name}": middle("shipped", name)
            for name in ("in_p50_s", "in_p99_s", "all_in_s", "refused", "p99_ms_during")
        },
        "comers": COMERS,
        "rounds": rounds,
    }


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.join_storm", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="a minute")
    asked = reader.parse_args()
    raise_open_files()
    conclude("join_storm", run(1 if asked.quick else 5))
    return 0


if __name__ == "__main__":
    sys.exit(main())
