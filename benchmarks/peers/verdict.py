"""What the comparison says, from its cells alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from benchmarks.peers.cells import Load, Outcome

WITHIN_MS = 100.0
"""What viewers may wait for the slowest of a hundred events, for us and in the headline."""

Outcomes = Mapping[Load, Outcome]


def best_figure(peers: Mapping[str, Outcomes], load: Load) -> tuple[str, float] | None:
    """The peer that delivers most for its CPU under a load, and how much."""
    figures = {
        name: outcomes[load].delivered_per_cpu_s
        for name, outcomes in peers.items()
        if load in outcomes
    }
    if not figures:
        return None
    name = max(figures, key=lambda each: figures[each])
    return name, figures[name]


def times_best(ours: Outcomes, peers: Mapping[str, Outcomes], load: Load) -> float | None:
    """Ours over the best peer's; None with no peer to compare with."""
    best = best_figure(peers, load)
    if best is None:
        return None
    return round(ours[load].offered.delivered_per_cpu_s / best[1], 2)


def times_each(
    ours: Outcomes, peers: Mapping[str, Outcomes], load: Load
) -> dict[str, float | None]:
    """Ours over every peer's."""
    return {name: times_best(ours, {name: outcomes}, load) for name, outcomes in peers.items()}


def waiting(ours: Outcomes, peers: Mapping[str, Outcomes]) -> dict[str, Any]:
    """How long our viewers wait, against peers as installed.

    Where no peer keeps up, our p99 over that of the best of them; where one does, ours has to be
    short by itself: a tick is a wait that was chosen.
    """
    ratios, ours_where_kept = [], []
    for load, outcome in ours.items():
        there = [outcomes[load].offered for outcomes in peers.values() if load in outcomes]
        own = outcome.offered.latency_ms_p99
        if not there or own is None:
            continue
        if any(not cell.saturated for cell in there):
            ours_where_kept.append(own)
            continue
        theirs = [cell.latency_ms_p99 for cell in there if cell.latency_ms_p99 is not None]
        if theirs:
            ratios.append(own / min(theirs))
    return {
        "p99_to_best_peer": round(max(ratios), 3) if ratios else None,
        "p99_ms_where_a_peer_keeps_up": round(max(ours_where_kept), 1) if ours_where_kept else None,
    }


def headline(
    ours: Outcomes,
    default: Mapping[str, Outcomes],
    batched: Mapping[str, Outcomes],
    load: Load,
    *,
    compared: Collection[str],
) -> dict[str, Any]:
    """The figures of the load that the promise is about.

    Args:
        compared: who can be the best peer. All are told.
    """
    own = ours[load].offered
    billed_default = {name: default[name] for name in default if name in compared}
    billed_batched = {name: batched[name] for name in batched if name in compared}
    best = {
        "default": best_figure(billed_default, load),
        "batched": best_figure(billed_batched, load),
    }
    return {
        "times_best_peer_default": times_best(ours, billed_default, load),
        "times_best_peer_batched": times_best(ours, billed_batched, load),
        "best_peer": {variant: found and found[0] for variant, found in best.items()},
        "times_each_peer_default": times_each(ours, default, load),
        "times_each_peer_batched": times_each(ours, batched, load),
        "delivered_per_cpu_s": round(own.delivered_per_cpu_s),
        "tick_ms": round(own.tick_ms, 1),
        "p99_ms": None if own.latency_ms_p99 is None else round(own.latency_ms_p99, 1),
        "p99_within_100_ms": own.latency_ms_p99 is not None and own.latency_ms_p99 <= WITHIN_MS,
        **waiting(ours, default),
    }
