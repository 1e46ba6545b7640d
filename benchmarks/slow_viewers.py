"""What viewers that read nothing cost the others: `python -m benchmarks.slow_viewers [--quick]`.

One node under uvloop, loopback, the crowd in a process on another core. A stalled viewer joins with
a receive buffer of 4 KiB, reads nothing and answers nothing; when the server hangs up on it, it
comes back and stalls again. 2,000 viewers, of which 100 parse every frame, hear 200 chat lines a
second.

* `others_p99_ratio`: the p99 from publish to a witness's read while 1 % are stalled, over the same
  without them: rounds in turns in one run, the same server; the median of the pairs. A round is
  long enough for the stalled to fill up, to be set aside, to be hung up on and to come back.
* `kib_per_stalled`: at its worst moment, from joining until it is gone: growth of the server's
  resident memory, and what the kernel holds for the server's end of the connection (SO_MEMINFO:
  queued bytes with their overhead). Not in it: the socket itself (`benchmarks.memory` has that),
  and the viewer's own end, which is another machine's.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.control import Child, raise_open_files
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import on_core
from benchmarks.support.results import conclude, say

SERVER_CORE, CROWD_CORE = 0, 1
VIEWERS, WITNESSES = 2_000, 100
STALLED = VIEWERS // 100
WEIGHED = 300
"""Stalled ones that are weighed: enough for a few KiB each to show in resident memory."""
PER_S = 200
RING_EVENTS = 14_000
"""Fill a room's ring, so that it does not grow while viewers are weighed."""
GONE_AFTER_S = 21.0
"""Filling up, `slow_after_s` and `close_grace_s`."""


@dataclass(frozen=True, slots=True)
class Length:
    """Seconds of a round, and pairs of rounds."""

    round_s: float
    pairs: int


QUICK = Length(round_s=11.0, pairs=5)
LONG = Length(round_s=30.0, pairs=7)
SETTLE_S = 2.0


def orphans() -> int:
    """Connections of this machine that no process has any more and the kernel still keeps."""
    fields = Path("/proc/net/sockstat").read_text().split("TCP:")[1].split()
    return int(fields[fields.index("orphan") + 1])


def weigh(server: Child, crowd: Child, port: int) -> dict[str, Any]:
    """Memory of stalled viewers over their whole life."""
    before, orphans_before = server.ask("memory"), orphans()
    ports = crowd.ask("stall", port=port, room=ROOM, count=WEIGHED)["ports"]
    crowd.ask("stop_stalling", keep=True)
    watched = server.ask("watch", ports=ports)["watched"]
    assert watched == WEIGHED, f"{watched} of {WEIGHED} were found"
    server.ask("flow", per_s=PER_S)
    peak, user, kernel = 0.0, 0.0, 0.0
    until_s = time.monotonic() + GONE_AFTER_S
    lagging = 0
    while time.monotonic() < until_s:
        now = server.ask("memory")
        lagging = max(lagging, now["lagging"])
        grown_kib = now["rss_kib"] - before["rss_kib"]
        if grown_kib + now["kernel_kib"] > peak:
            peak, user, kernel = grown_kib + now["kernel_kib"], grown_kib, now["kernel_kib"]
        time.sleep(0.2)
    after = server.ask("memory")
    held = orphans() - orphans_before
    server.ask("flow", per_s=0)
    crowd.ask("stop_stalling")
    assert lagging >= WEIGHED, f"only {lagging} of {WEIGHED} were set aside"
    return {
        "kib_per_stalled": round(peak / WEIGHED, 1),
        "user_kib": round(user / WEIGHED, 1),
        "kernel_kib": round(kernel / WEIGHED, 1),
        "closed_slow": after["closed_slow"] - before["closed_slow"],
        "kept_by_the_kernel_after": held,
        "weighed": WEIGHED,
    }


def round_of(
    server: Child, crowd: Child, port: int, length: Length, stalled: int
) -> dict[str, Any]:
    """Latency of the others in one round."""
    before = server.ask("figures")
    if stalled:
        crowd.ask("stall", port=port, room=ROOM, count=stalled)
    time.sleep(SETTLE_S)
    crowd.ask("begin")
    start = server.ask("figures")
    time.sleep(length.round_s)
    end = server.ask("figures")
    report = crowd.ask("latencies", port=port)
    if stalled:
        crowd.ask("stop_stalling")
    if report["faults"] or report["lost"]:
        raise SystemExit(f"the witnesses saw faults: {report}")
    after = server.ask("figures")
    return {
        **{name: round(report[name], 2) for name in ("p50", "p99", "p999")},
        "samples": report["samples"],
        "cpu_share": round((end["cpu_s"] - start["cpu_s"]) / (end["at_s"] - start["at_s"]), 3),
        "closed_slow": after["closed_slow"] - before["closed_slow"],
    }


def run(length: Length) -> dict[str, Any]:
    with on_core(SERVER_CORE):
        server = Child("benchmarks.support.node")
    with on_core(CROWD_CORE):
        crowd = Child("benchmarks.support.viewers")
    with server, crowd:
        port = server.ask("ports")["live"]
        server.ask("fill", events=RING_EVENTS)
        crowd.ask("audience", port=port, room=ROOM, sinks=VIEWERS - WITNESSES, witnesses=WITNESSES)
        server.ask("settle", connections=VIEWERS)
        # Once around without the stalled: buffers of the others grow to their size.
        server.ask("flow", per_s=PER_S)
        time.sleep(3.0)
        server.ask("flow", per_s=0)
        server.ask("settle", connections=VIEWERS)
        memory = weigh(server, crowd, port)
        say(f"stalled: {memory}")
        server.ask("settle", connections=VIEWERS)
        server.ask("flow", per_s=PER_S)
        with_stalled: list[dict[str, Any]] = []
        without: list[dict[str, Any]] = []
        for number in range(length.pairs):
            for stalled in (STALLED, 0) if number % 2 == 0 else (0, STALLED):
                seen = round_of(server, crowd, port, length, stalled)
                (with_stalled if stalled else without).append(seen)
                say(f"{stalled} stalled: {seen}")
        server.ask("flow", per_s=0)
    pairs = list(zip(with_stalled, without, strict=True))
    ratios = [slow["p99"] / free["p99"] for slow, free in pairs]
    return {
        "others_p99_ratio": round(statistics.median(ratios), 3),
        "kib_per_stalled": memory["kib_per_stalled"],
        "p99_ms_with": statistics.median(each["p99"] for each in with_stalled),
        "p99_ms_without": statistics.median(each["p99"] for each in without),
        "p50_ms_with": statistics.median(each["p50"] for each in with_stalled),
        "p50_ms_without": statistics.median(each["p50"] for each in without),
        "viewers": VIEWERS,
        "stalled": STALLED,
        "events_per_s": PER_S,
        "pairs": [round(each, 3) for each in ratios],
        "memory": memory,
        "details": {"with": with_stalled, "without": without},
    }


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.slow_viewers", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="three minutes instead of eight")
    length = QUICK if reader.parse_args().quick else LONG
    raise_open_files()
    conclude("slow_viewers", run(length))
    return 0


if __name__ == "__main__":
    sys.exit(main())
