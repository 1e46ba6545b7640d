"""What joining and being there costs with the systems people would pick instead, and with ours."""

from __future__ import annotations

import time
from typing import Any

from benchmarks.peers.catalogue import OURS, PEERS, Absent, Peer
from benchmarks.support.control import Child
from benchmarks.support.machine import on_core
from benchmarks.support.results import say

SETTLE_S = 2.0


def weigh_all(few: int, many: int) -> dict[str, dict[str, Any] | None]:
    """Every server in turn: what `weigh` says; None for one that is absent."""
    found: dict[str, dict[str, Any] | None] = {}
    for name, peer in {"livecommerce": OURS, **PEERS}.items():
        try:
            versions = peer.install()
        except Absent as absent:
            say(f"{peer.title}: {absent}")
            found[name] = None
            continue
        found[name] = {**weigh(peer, few, many), "versions": versions}
        say(f"{peer.title}: {found[name]}")
    return found


def weigh(peer: Peer, few: int, many: int) -> dict[str, Any]:
    """Opens `few`, then up to `many` viewers.

    Returns:
        The growth by viewer of the resident memory of all its processes, and the CPU time (user and
        kernel) of a join; viewers beyond `few` alone, so nothing is warmed up on their account.
    """
    with peer.serve(core=0) as served:
        with on_core(1):
            audience = Child("benchmarks.peers.audience")
        with audience:
            audience.ask("open", **served.address(), sinks=few)
            time.sleep(SETTLE_S)
            rss_kib, cpu_s = served.rss_kib(), served.cpu_s()
            started_s = time.monotonic()
            audience.ask("open", **served.address(), sinks=many - few)
            elapsed_s, spent_s = time.monotonic() - started_s, served.cpu_s() - cpu_s
            time.sleep(SETTLE_S)
            grown_kib = served.rss_kib() - rss_kib
    more = many - few
    return {
        "title": peer.title,
        "kib_per_connection": round(grown_kib / more, 2),
        "join_cpu_us": round(spent_s / more * 1e6, 1),
        "joins_per_s": round(more / elapsed_s),
    }
