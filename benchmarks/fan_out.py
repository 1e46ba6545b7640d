"""How much a viewer costs: writing to them, keeping them, letting them in, and how soon they know.

    python -m benchmarks.fan_out --quick
    python -m benchmarks.fan_out --peers --quick                  # and what others make of the same
    python -m benchmarks.fan_out --peers --only nchan,websockets  # these alone, without the rest

Measured: hub and front door in a process of their own under uvloop, over loopback sockets, without
TLS (it ends at the proxy). The crowd is another process: sinks that count bytes, and witnesses that
parse every frame and check that nothing is lost, doubled or out of order. Figures are CPU seconds
(user and kernel) of the measured process, so a busy machine disturbs them less than time would;
rounds alternate and medians are taken. Not measured: networks. `kib_per_connection` is resident
memory of the server; what the kernel holds for the server's end of a connection stands beside it,
as half of what it holds for both ends (they are on one machine). How peers are compared:
docs/peers.md. The last line is the result as JSON.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import comparison
from benchmarks.peers.catalogue import PEERS
from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import described, kernel_kib, on_core
from benchmarks.support.results import conclude, described_run, say

SERVER_CORE, CROWD_CORE = 0, 1
WITNESSES = 100
MANY = 15_000
"""A room that fills a node."""


@dataclass(frozen=True)
class Plan:
    """How long to look."""

    rounds: int
    frames_per_round: int
    latency_s: int
    joins_per_round: int
    idle_viewers: int


QUICK = Plan(
    rounds=5, frames_per_round=20_000, latency_s=6, joins_per_round=500, idle_viewers=10_000
)
LONG = Plan(
    rounds=15, frames_per_round=60_000, latency_s=30, joins_per_round=1_000, idle_viewers=10_000
)


def measure_ratio(server: Child, viewers: int, plan: Plan) -> dict[str, Any]:
    """Frames per CPU second: the hub's over those of a bare os.write loop."""
    count = max(4, plan.frames_per_round // viewers)
    # A quarter of what a core can write: neither is ever behind.
    pause_s = max(0.06, viewers / 40_000)
    hub, raw = [], []
    server.ask("write_by_hub", count=2, pause_s=pause_s)
    for _ in range(plan.rounds):
        by_hub = server.ask("write_by_hub", count=count, pause_s=pause_s)
        by_write = server.ask("write_raw", count=count, pause_s=pause_s)
        assert by_hub["frames"] == count * viewers, f"some viewers were behind: {by_hub}"
        assert by_write["blocked"] == 0, "the crowd is behind: paced too fast"
        hub.append(by_hub["frames"] / by_hub["cpu_s"])
        raw.append(by_write["frames"] / by_write["cpu_s"])
    ratio = statistics.median(ours / bare for ours, bare in zip(hub, raw, strict=True))
    return {
        "ratio": round(ratio, 3),
        "hub_frames_per_cpu_s": round(statistics.median(hub)),
        "raw_frames_per_cpu_s": round(statistics.median(raw)),
    }


def measure_joins(server: Child, crowd: Child, ports: dict[str, int], plan: Plan) -> dict[str, Any]:
    """CPU of a join: ours over the same greeting through aiohttp's WebSocketResponse."""
    costs: dict[str, list[float]] = {"live": [], "aiohttp": []}
    for number in range(plan.rounds + 1):
        for name, measured in costs.items():
            before = server.ask("usage")
            crowd.ask("open", port=ports[name], room=ROOM, sinks=plan.joins_per_round)
            after = server.ask("usage")
            crowd.ask("close", count=plan.joins_per_round)
            server.ask("settle", connections=0)
            if number > 0:  # the first round warms up
                spent_s = after["cpu_s"] - before["cpu_s"]
                measured.append(spent_s / plan.joins_per_round * 1e6)
    ratios = [ours / theirs for ours, theirs in zip(costs["live"], costs["aiohttp"], strict=True)]
    return {
        "ratio": round(statistics.median(ratios), 3),
        "join_cpu_us": round(statistics.median(costs["live"])),
        "aiohttp_join_cpu_us": round(statistics.median(costs["aiohttp"])),
    }


def measure_latency(server: Child, crowd: Child, plan: Plan) -> dict[str, Any]:
    """From publish to the witness's read, at 50 chat lines a second."""
    crowd.ask("begin")
    server.ask("publish", count=50 * plan.latency_s, pause_s=0.02)
    report = crowd.ask("report")
    names = ("latency_ms_p50", "latency_ms_p99")
    return {name: round(report[name], 1) for name in names} | {"samples": report["samples"]}


def run(plan: Plan) -> dict[str, Any]:
    result: dict[str, Any] = {}
    with contextlib.ExitStack() as stack:
        with on_core(SERVER_CORE):
            server = stack.enter_context(Child("benchmarks.support.hub_server"))
        with on_core(CROWD_CORE):
            crowd = stack.enter_context(Child("benchmarks.support.crowd"))
        ports = server.ask("ports")
        say("joins …")
        joins = measure_joins(server, crowd, ports, plan)
        ratios, latency = {}, {}
        kib: dict[int, int] = {}
        kernel: dict[int, float] = {}
        viewers = 0
        for wanted in (1_000, 5_000, plan.idle_viewers, MANY):
            say(f"{wanted:,} viewers …")
            witnesses = WITNESSES if viewers == 0 else 0
            sinks = wanted - viewers - witnesses
            crowd.ask("open", port=ports["live"], room=ROOM, sinks=sinks, witnesses=witnesses)
            viewers = wanted
            kib[wanted] = server.ask("settle", connections=viewers)["rss_kib"]
            kernel[wanted] = kernel_kib()
            if wanted != plan.idle_viewers:
                ratios[str(wanted)] = measure_ratio(server, wanted, plan)
            if wanted == 5_000:
                latency = measure_latency(server, crowd, plan)
        report = crowd.ask("report")
    few, many = min(kib), plan.idle_viewers
    if report["faults"] or report["lost"]:
        raise SystemExit(f"the witnesses saw faults: {report}")
    if len(set(report["events"])) != 1:
        raise SystemExit(f"the witnesses did not see the same: {set(report['events'])}")
    result["ratio_to_raw_send"] = {name: value["ratio"] for name, value in ratios.items()}
    large, small = ratios[str(MANY)]["ratio"], ratios["1000"]["ratio"]
    result["ratio_at_15000_to_that_at_1000"] = round(large / small, 3)
    result["kib_per_connection"] = round((kib[many] - kib[few]) / (many - few), 2)
    both_ends = (kernel[many] - kernel[few]) / (many - few)
    result["kernel_kib_per_connection"] = round(both_ends / 2, 2)
    result["join_to_aiohttp"] = joins["ratio"]
    result["latency_ms_p50"] = latency["latency_ms_p50"]
    result["latency_ms_p99"] = latency["latency_ms_p99"]
    result["events_per_witness"] = report["events"][0]
    result["details"] = {"ratios": ratios, "joins": joins, "latency": latency, "rss_kib": kib}
    return result


def run_peers(grid: comparison.Grid, names: Sequence[str]) -> dict[str, Any]:
    """The comparison: its verdict first, then the tables."""
    compared = comparison.compare(grid, names)
    return compared.verdict() | compared.described()


def peers_named(text: str) -> list[str]:
    """Names of peers, separated by commas."""
    names = text.split(",")
    if unknown := [name for name in names if name not in PEERS]:
        raise argparse.ArgumentTypeError(f"{unknown} are not among {list(PEERS)}")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="minutes instead of an hour")
    parser.add_argument("--peers", action="store_true", help="compare with others, too")
    parser.add_argument(
        "--only", type=peers_named, metavar="PEER,…", help="only compare, with these peers"
    )
    options = parser.parse_args()
    if (needed := MANY + 1_000) > (allowed := raise_open_files()):
        raise SystemExit(f"{needed:,} open files are needed and {allowed:,} allowed: ulimit -n")
    result: dict[str, Any] = {}
    if options.peers or options.only:
        grid = comparison.QUICK if options.quick else comparison.LONG
        result |= run_peers(grid, options.only or list(PEERS))
    if not options.only:
        result |= run(QUICK if options.quick else LONG)
        conclude("fan_out", result)
    else:
        # Some of the peers are for whoever works on them; nothing of it is kept.
        print(json.dumps(result | {"machine": described(), "run": described_run()}))


if __name__ == "__main__":
    main()
