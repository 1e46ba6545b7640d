"""How much a viewer costs: writing to them, keeping them, letting them in, and how soon they know.

    python -m benchmarks.fan_out --quick

Measured: hub and front door in a process of their own under uvloop, over loopback sockets, without
TLS (it ends at the proxy). The crowd is another process: sinks that count bytes, and witnesses that
parse every frame and check that nothing is lost, doubled or out of order. Figures are CPU seconds
(user and kernel) of the measured process, so a busy machine disturbs them less than time would;
rounds alternate and medians are taken. Not measured: networks, and kernel memory of sockets (about
4 KiB each beside the figure here). The last line is the result as JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM

WITNESSES = 100


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


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


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
    with (
        Child("benchmarks.support.hub_server") as server,
        Child("benchmarks.support.crowd") as crowd,
    ):
        ports = server.ask("ports")
        say("joins …")
        joins = measure_joins(server, crowd, ports, plan)
        ratios, latency = {}, {}
        kib: dict[int, int] = {}
        viewers = 0
        for wanted in (1_000, 5_000, plan.idle_viewers):
            say(f"{wanted:,} viewers …")
            witnesses = WITNESSES if viewers == 0 else 0
            sinks = wanted - viewers - witnesses
            crowd.ask("open", port=ports["live"], room=ROOM, sinks=sinks, witnesses=witnesses)
            viewers = wanted
            kib[wanted] = server.ask("settle", connections=viewers)["rss_kib"]
            if wanted <= 5_000:
                ratios[str(wanted)] = measure_ratio(server, wanted, plan)
            if wanted == 5_000:
                latency = measure_latency(server, crowd, plan)
        report = crowd.ask("report")
    few, many = min(kib), max(kib)
    if report["faults"] or report["lost"]:
        raise SystemExit(f"the witnesses saw faults: {report}")
    if len(set(report["events"])) != 1:
        raise SystemExit(f"the witnesses did not see the same: {set(report['events'])}")
    result["ratio_to_raw_send"] = {name: value["ratio"] for name, value in ratios.items()}
    result["kib_per_connection"] = round((kib[many] - kib[few]) / (many - few), 2)
    result["join_to_aiohttp"] = joins["ratio"]
    result["latency_ms_p50"] = latency["latency_ms_p50"]
    result["latency_ms_p99"] = latency["latency_ms_p99"]
    result["events_per_witness"] = report["events"][0]
    result["details"] = {"ratios": ratios, "joins": joins, "latency": latency, "rss_kib": kib}
    result["machine"] = {"python": platform.python_version(), "system": platform.platform()}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="a minute instead of several")
    options = parser.parse_args()
    raise_open_files()
    print(json.dumps(run(QUICK if options.quick else LONG)))


if __name__ == "__main__":
    main()
