"""A node dies and its viewers come to the other: `python -m benchmarks.reconnect_storm [--quick]`.

Two nodes with a real Redis, both as shipped. 6,000 viewers are on the first, 50 witnesses on the
second; chat goes on on the second. The first is killed (SIGKILL); its viewers notice, wait as our
clients do (full jitter), and say on the second where they were. Who is refused waits longer.

* `back_p50_s`, `back_p99_s`, `all_back_s`: from the kill to having everything that was missed.
* `recovered`: came back by what was missed alone; `snapshots`: had to be shown the room anew.
  `missing`: events between a viewer's position and the room's that it was not given.
* `rooms_loaded`: database reads it took on the second node, however many came. `redis_calls`:
  commands of Redis by viewer.
* `p99_ms_before`, `p99_ms_during`: what those notice who were on the second node all along.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from typing import Any

from redis import Redis

from benchmarks.cross_node import Spent
from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import on_core, redis_on_core
from benchmarks.support.results import conclude, say

VIEWERS, WITNESSES, PER_S = 6_000, 50, 20
CALM_S = 4.0


def one_round() -> dict[str, Any]:
    """Two nodes, of which one is killed."""
    with redis_on_core(1) as redis, Redis.from_url(redis.url()) as client:
        with on_core(0):
            stays = Child(
                "benchmarks.support.node", name="stays", redis=redis.url(), door="shipped"
            )
        with on_core(1):
            dies = Child("benchmarks.support.node", name="dies", redis=redis.url())
            crowd = Child("benchmarks.support.viewers")
            gone, comers = (Child("benchmarks.support.viewers") for _ in range(2))
        with stays, crowd, comers, dies, gone:
            ports = {"stays": stays.ask("ports")["live"], "dies": dies.ask("ports")["live"]}
            crowd.ask("witness", port=ports["stays"], room=ROOM, count=WITNESSES)
            gone.ask("open", port=ports["dies"], room=ROOM, sinks=VIEWERS)
            stays.ask("flow", per_s=PER_S)
            time.sleep(1.0)
            crowd.ask("begin")
            time.sleep(CALM_S)
            calm = crowd.ask("latencies", port=ports["stays"])
            crowd.ask("begin")
            before, spent = stays.ask("figures"), Spent.of(client)
            position = calm["epoch"], calm["positions"][0]
            # Their old connections are another process's: it has nothing more to do.
            gone.kill()
            dies.kill()
            storm = comers.ask(
                "storm",
                port=ports["stays"],
                room=ROOM,
                count=VIEWERS,
                jitter=True,
                position=position,
            )
            after, spent_after = stays.ask("figures"), Spent.of(client)
            during = crowd.ask("latencies", port=ports["stays"])
    if calm["faults"] or during["faults"] or during["lost"]:
        raise SystemExit(f"the witnesses saw faults: {calm} {during}")
    return {
        "back_p50_s": storm["p50_s"],
        "back_p99_s": storm["p99_s"],
        "all_back_s": storm["all_s"],
        "recovered": storm["kinds"].get("recovered", 0),
        "snapshots": storm["kinds"].get("snapshot", 0),
        "missing": storm["missing"],
        "refused": storm["refused"],
        # With what the room is told meanwhile, to more and more of them.
        "cpu_share": (after["cpu_s"] - before["cpu_s"]) / (after["at_s"] - before["at_s"]),
        "rooms_loaded": after["rooms_loaded"] - before["rooms_loaded"],
        "redis_calls": (spent_after.calls - spent.calls) / VIEWERS,
        "p99_ms_before": calm["p99"],
        "p99_ms_during": during["p99"],
    }


def run(rounds: int) -> dict[str, Any]:
    seen = []
    for _ in range(rounds):
        seen.append(one_round())
        say(", ".join(f"{name} {value:.4g}" for name, value in seen[-1].items()))
    middle = {name: round(statistics.median(each[name] for each in seen), 3) for name in seen[0]}
    return {
        **middle,
        "missing": sum(each["missing"] for each in seen),
        "viewers": VIEWERS,
        "rounds": rounds,
    }


def main() -> int:
    reader = argparse.ArgumentParser(
        prog="python -m benchmarks.reconnect_storm", description=__doc__
    )
    reader.add_argument("--quick", action="store_true", help="half a minute")
    asked = reader.parse_args()
    raise_open_files()
    conclude("reconnect_storm", run(1 if asked.quick else 5))
    return 0


if __name__ == "__main__":
    sys.exit(main())
