"""What a second node and Redis add: `python -m benchmarks.cross_node [--quick]`.

Three nodes, each a hub and front door in a process of its own: one with its backplane in memory,
and two that hear each other through one real redis-server. 1,000 chat lines a second are published
on the one, then on the first of the two, in turns; the measured way is from publishing to a
witness's read, in the same crowd for all.

A batch is made by the node that publishes, once a tick, and is sent through Redis to every node of
the room, the publishing one included: the tick is waited for once, with Redis or without. So what
Redis adds is seen against the node without Redis, not against the publishing node's own viewers,
who hear through Redis too.

* `added_p99_ms`: p99 at the other node's viewers, less p99 at the viewers of the node without
  Redis: the median of the pairs. `other_minus_same_p99_ms` compares with the publishing node's own.
* `redis_calls_per_event`: commands that Redis executed, those inside scripts included, by events;
  `redis_requests_per_event`: round trips of nodes. Both with probes and presence.
* `redis_cpu_us_per_event`, `publisher_cpu_us_per_event`, `receiver_cpu_us_per_event`.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

from redis import Redis

from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import on_core, redis_on_core
from benchmarks.support.results import conclude, say

WITNESSES = 25
"""On each node; more would wait for each other in the crowd's one process."""
PER_S = 1_000
SETTLE_S = 1.0
OUR_OWN = {"info", "config|resetstat", "client|setinfo", "hello", "select"}


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds of a round, and pairs of rounds."""

    round_s: float
    pairs: int


QUICK = Length(round_s=4.0, pairs=7)
LONG = Length(round_s=15.0, pairs=11)


@dataclass(frozen=True, slots=True)
class Spent:
    """What Redis did so far."""

    calls: int
    requests: int
    cpu_s: float

    @classmethod
    def of(cls, client: Redis) -> Spent:
        stats: Any = client.info("commandstats")
        cpu: Any = client.info("cpu")
        calls = {name.removeprefix("cmdstat_"): value["calls"] for name, value in stats.items()}
        counted = {name: count for name, count in calls.items() if name not in OUR_OWN}
        return cls(
            calls=sum(counted.values()),
            requests=counted.get("evalsha", 0) + counted.get("ping", 0),
            cpu_s=cpu["used_cpu_sys"] + cpu["used_cpu_user"],
        )


def publish(node: Child, crowd: Child, ports: list[int], length: Length) -> list[dict[str, Any]]:
    """One round; returns what the viewers of each port saw."""
    node.ask("flow", per_s=PER_S)
    time.sleep(SETTLE_S)
    crowd.ask("begin")
    time.sleep(length.round_s)
    seen = [crowd.ask("latencies", port=port) for port in ports]
    node.ask("flow", per_s=0)
    time.sleep(0.3)
    for each in seen:
        if each["faults"] or each["lost"]:
            raise SystemExit(f"the witnesses saw faults: {each}")
    return seen


def run(length: Length) -> dict[str, Any]:
    with redis_on_core(1) as redis, Redis.from_url(redis.url()) as client:
        with on_core(0):
            alone = Child("benchmarks.support.node", name="alone")
            first = Child("benchmarks.support.node", name="first", redis=redis.url())
        with on_core(1):
            second = Child("benchmarks.support.node", name="second", redis=redis.url())
            crowd = Child("benchmarks.support.viewers")
        with alone, first, second, crowd:
            return measure(alone, first, second, crowd, client, length)


def measure(
    alone: Child, first: Child, second: Child, crowd: Child, client: Redis, length: Length
) -> dict[str, Any]:
    ports = [node.ask("ports")["live"] for node in (alone, first, second)]
    for port in ports:
        crowd.ask("witness", port=port, room=ROOM, count=WITNESSES)
    without: list[dict[str, Any]] = []
    same: list[dict[str, Any]] = []
    other: list[dict[str, Any]] = []
    calls, requests, redis_us, publisher_us, receiver_us = [], [], [], [], []
    for number in range(-1, length.pairs):
        for is_alone in (True, False) if number % 2 == 0 else (False, True):
            if is_alone:
                (seen,) = publish(alone, crowd, ports[:1], length)
                if number >= 0:  # the first pair warms up
                    without.append(seen)
                continue
            before = Spent.of(client), first.ask("figures"), second.ask("figures")
            here, there = publish(first, crowd, ports[1:], length)
            after = Spent.of(client), first.ask("figures"), second.ask("figures")
            if number < 0:
                continue
            events = after[1]["number"] - before[1]["number"]
            same.append(here)
            other.append(there)
            calls.append((after[0].calls - before[0].calls) / events)
            requests.append((after[0].requests - before[0].requests) / events)
            redis_us.append((after[0].cpu_s - before[0].cpu_s) / events * 1e6)
            publisher_us.append((after[1]["cpu_s"] - before[1]["cpu_s"]) / events * 1e6)
            receiver_us.append((after[2]["cpu_s"] - before[2]["cpu_s"]) / events * 1e6)
            say(f"other node {there['p50']:.1f}/{there['p99']:.1f} ms, same {here['p99']:.1f} ms")
        if number >= 0:
            say(f"without Redis {without[-1]['p50']:.1f}/{without[-1]['p99']:.1f} ms (p50/p99)")
    counts = first.ask("figures")
    assert counts["repairs"] == counts["resyncs"] == 0, counts

    def added(name: str, to: list[dict[str, Any]], by: list[dict[str, Any]]) -> float:
        apart = [float(b[name] - a[name]) for a, b in zip(to, by, strict=True)]
        return round(statistics.median(apart), 2)

    def middle(values: list[float], digits: int = 1) -> float:
        return round(statistics.median(values), digits)

    return {
        "added_p99_ms": added("p99", without, other),
        "added_p50_ms": added("p50", without, other),
        "other_minus_same_p99_ms": added("p99", same, other),
        "p99_ms": {
            "without_redis": middle([each["p99"] for each in without], 2),
            "same_node": middle([each["p99"] for each in same], 2),
            "other_node": middle([each["p99"] for each in other], 2),
        },
        "p50_ms": {
            "without_redis": middle([each["p50"] for each in without], 2),
            "same_node": middle([each["p50"] for each in same], 2),
            "other_node": middle([each["p50"] for each in other], 2),
        },
        "redis_calls_per_event": middle(calls, 3),
        "redis_requests_per_event": middle(requests, 3),
        "redis_cpu_us_per_event": middle(redis_us),
        "publisher_cpu_us_per_event": middle(publisher_us),
        "receiver_cpu_us_per_event": middle(receiver_us),
        "events_per_s": PER_S,
        "pairs_added_p99_ms": [
            round(b["p99"] - a["p99"], 2) for a, b in zip(without, other, strict=True)
        ],
        "witnesses_per_node": WITNESSES,
    }


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.cross_node", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="a minute and a half")
    length = QUICK if reader.parse_args().quick else LONG
    raise_open_files()
    conclude("cross_node", run(length))
    return 0


if __name__ == "__main__":
    sys.exit(main())
