"""A room of a million viewers, on paper: `python -m benchmarks.capacity [--quick]`.

First every cost is measured on this machine, each by itself: a batch and an event to a publishing
node, to a listening one and to Redis, a write and a byte to a viewer, a viewer who is told nothing,
a join, memory. Then two nodes with a real Redis are run at two sizes, none of them one of those the
costs were measured at, and held against what the model says of them. Then the model is asked how
many nodes of one core a room of `--viewers` needs, and what gives out first.

What the model leaves out: TLS and the network's own delay and loss, PostgreSQL (a node reads a room
once, however many join), people who chat more in one place than in another, other rooms, and the
client's side. Cores of another make are faster or slower by some factor; measure there.

The last line is one JSON object; `worst_error` is the farthest a checked prediction was off.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.capacity.costs import Cluster, Seen, measure
from benchmarks.capacity.model import Costs, Prediction, Room, predict
from benchmarks.support.control import raise_open_files
from benchmarks.support.machine import redis_on_core
from benchmarks.support.results import conclude, say
from livecommerce.gateway.front_door import FrontDoorSettings

DOOR = FrontDoorSettings()
SIZES = (
    Room(viewers=1_000, nodes=2, events_per_s=300, publishing=2),
    Room(viewers=4_000, nodes=2, events_per_s=20, publishing=2),
)
WITNESSED = 50
"""One in so many viewers parses what it gets."""
LOOKS = 3
NEXT_TO_NOTHING = 0.02
"""Of a core: less than this decides nothing."""
CHECKED = ("node_cpu", "redis_cpu", "frames_per_s", "bytes_per_s", "memory_mib", "p50_ms")
CHECK_S = {"quick": 4.0, "long": 20.0}
NODES = (20, 30, 40, 50, 67, 80, 100, 125, 150, 200, 250, 300)
TCP_SHARE = 1.06
"""What headers add to payload written in frames of this size."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a node, and Redis, may be asked for. Shares of a core, bytes a second, MiB."""

    node_cpu: float = 0.7
    redis_cpu: float = 0.5
    wire_bytes_per_s: float = 10e9 / 8
    memory_mib: float = 8 * 1024
    p99_ms: float = 500.0
    connections: int = DOOR.connections_max
    comeback_s: float = 30.0


def check(url: str, costs: Costs, seconds: float) -> list[dict[str, Any]]:
    """Runs the small clusters; says of every figure what was predicted and what was seen."""
    cluster = Cluster(url)
    found = []
    try:
        # It shares its core with the crowd, whose clock says how late the other one is.
        cluster.add("second", core=1)
        cluster.nodes["second"].step_back()
        cluster.add("first", core=0)
        here = 0
        for room in SIZES:
            more = int(room.per_node) - here
            here = int(room.per_node)
            for name in cluster.nodes:
                cluster.open(name, more - more // WITNESSED, more // WITNESSED)
            rates = dict.fromkeys(cluster.nodes, room.events_per_s / room.nodes)
            # Buffers of those who have just come grow to their size.
            cluster.watch(rates, 2.0)
            seen, late = _least_disturbed(cluster, rates, seconds)
            memory = cluster.nodes["first"].ask("figures")["rss_kib"] / 1024
            measured = {
                "node_cpu": sum(seen.node_cpu.values()) / room.nodes,
                "redis_cpu": seen.redis_cpu,
                "frames_per_s": seen.frames / room.per_node,
                # Witnesses' bytes are not counted by the crowd.
                "bytes_per_s": seen.bytes / room.nodes / (1 - 1 / WITNESSED),
                "memory_mib": memory,
                "p50_ms": late["p50"],
                "p99_ms": late["p99"],
            }
            predicted = asdict(predict(costs, room, admissions_per_s=DOOR.admissions_per_s))
            errors = {name: error_of(name, predicted[name], measured[name]) for name in measured}
            found.append(
                {
                    "room": asdict(room),
                    "predicted": {name: _short(predicted[name]) for name in measured},
                    "measured": {name: _short(value) for name, value in measured.items()},
                    "waited": round(seen.waited, 3),
                    "error": {name: round(value, 3) for name, value in errors.items()},
                }
            )
            _print_check(found[-1])
    finally:
        cluster.close()
    return found


def error_of(name: str, predicted: float, measured: float) -> float:
    """How far off a prediction is, as a share of what was measured. Of CPU shares that are next to
    nothing, as a share of `NEXT_TO_NOTHING`."""
    floor = NEXT_TO_NOTHING if name.endswith("_cpu") else 0.0
    return (predicted - measured) / max(measured, floor)


def _least_disturbed(
    cluster: Cluster, rates: dict[str, float], seconds: float
) -> tuple[Seen, dict[str, Any]]:
    """Of a few looks the one in which other programs took least of the nodes' cores, and how late
    viewers heard on the node that has a core to itself."""
    looks = []
    for _ in range(LOOKS):
        seen = cluster.watch(rates, seconds)
        late = {
            name: cluster.crowd.ask("latencies", port=port) for name, port in cluster.ports.items()
        }
        for each in late.values():
            if each["faults"] or each["lost"]:
                raise SystemExit(f"the witnesses saw faults: {each}")
        # The other node shares its core with the crowd.
        looks.append((seen, late["first"]))
    return min(looks, key=lambda look: look[0].waited)


def bottleneck(found: Prediction, room: Room, limits: Limits) -> tuple[str, float]:
    """What is nearest to its limit, and how near: 1 is there."""
    used = {
        "a node's core": found.core / limits.node_cpu,
        "Redis CPU": found.redis_cpu / limits.redis_cpu,
        "network of a node": found.bytes_per_s * TCP_SHARE / limits.wire_bytes_per_s,
        "network of Redis": found.redis_bytes_per_s * TCP_SHARE / limits.wire_bytes_per_s,
        "memory of a node": (found.memory_mib + found.kernel_mib) / limits.memory_mib,
        "latency": found.p99_ms / limits.p99_ms,
        "connections of a node": room.per_node / limits.connections,
        "coming back": found.comeback_s / limits.comeback_s,
    }
    name = max(used, key=lambda each: used[each])
    return name, used[name]


def on_paper(costs: Costs, viewers: int, events_per_s: float, limits: Limits) -> dict[str, Any]:
    """The room over more and more nodes; the first number of nodes at which nothing gives out."""
    print(f"\n{viewers:,} viewers, {events_per_s:g} events/s shown, said on every node\n")
    head = "nodes  viewers/node      core  Redis CPU  frames/s  Gbit/s/node  MiB/node  "
    print(head + "p50/p99 ms  back after  nearest to its limit")
    table, enough = [], None
    for nodes in NODES:
        room = Room(viewers, nodes, events_per_s, publishing=nodes)
        found = predict(costs, room, admissions_per_s=DOOR.admissions_per_s)
        name, used = bottleneck(found, room, limits)
        print(
            f"{nodes:5}  {room.per_node:12,.0f}  {found.core:7.0%}  {found.redis_cpu:8.0%} "
            f" {found.frames_per_s:8.1f}  {found.bytes_per_s * 8 * TCP_SHARE / 1e9:11.2f} "
            f" {found.memory_mib + found.kernel_mib:8.0f}  {found.p50_ms:4.0f}/{found.p99_ms:4.0f} "
            f" {found.comeback_s:8.1f} s  {name} {used:.0%}"
        )
        row = {"nodes": nodes, **asdict(found), "nearest": name, "used": round(used, 3)}
        table.append({key: _short(value) for key, value in row.items()})
        if enough is None and used <= 1:
            enough = table[-1]
    if enough is None:
        print("\nno number of nodes tried is enough")
    else:
        print(
            f"\nenough: {enough['nodes']} nodes of a core, and Redis; nearest to its limit there:"
            f" {enough['nearest']}"
        )
    return {"table": table, "enough": enough}


def _short(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _print_check(found: dict[str, Any]) -> None:
    room = found["room"]
    size = f"{room['nodes']} nodes, {room['viewers']:,} viewers, {room['events_per_s']} events/s"
    print(f"\n{size}; nodes were kept waiting {found['waited']:.0%} of the time")
    for name, error in found["error"].items():
        predicted, measured = found["predicted"][name], found["measured"][name]
        print(f"  {name:13} predicted {predicted:>12,}  measured {measured:>12,}  {error:+.0%}")


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="a minute and a half")
    reader.add_argument("--viewers", type=int, default=1_000_000)
    reader.add_argument("--events-per-s", type=float, default=20.0)
    asked = reader.parse_args()
    raise_open_files()
    with redis_on_core(1) as redis:
        costs = measure(redis.url())
    say(f"costs: {costs}")
    with redis_on_core(1) as redis:
        checks = check(redis.url(), costs, CHECK_S["quick" if asked.quick else "long"])
    worst = max(abs(each["error"][name]) for each in checks for name in CHECKED)
    paper = on_paper(costs, asked.viewers, asked.events_per_s, Limits())
    enough = paper["enough"] or {}
    conclude(
        "capacity",
        {
            "viewers": asked.viewers,
            "events_per_s": asked.events_per_s,
            "nodes": enough.get("nodes"),
            "cores": enough["nodes"] + 1 if enough else None,
            "p99_ms": enough.get("p99_ms"),
            "first_bottleneck": enough.get("nearest"),
            "worst_error": round(worst, 3),
            "within_a_quarter": worst <= 0.25,
            "checks": checks,
            "table": paper["table"],
            "limits": asdict(Limits()),
            "costs": {name: _short(value) for name, value in asdict(costs).items()},
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
