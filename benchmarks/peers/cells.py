"""One cell of the comparison: a server, a room's size, a load, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEEPS_UP = 0.95
"""Of the offered events, what has to arrive for a server not to count as saturated."""


@dataclass(frozen=True, slots=True)
class Load:
    """Events a second for a room of so many viewers."""

    rate: float
    viewers: int


@dataclass(frozen=True, slots=True)
class Cell:
    """What one server did with one load in one window."""

    load: Load
    delivered_per_s: float
    delivered_per_cpu_s: float
    """Events that reached viewers for each CPU second of all the server's processes."""
    cpu_share: float
    """Of one core."""
    saturated: bool
    """Fewer arrived than were offered, so latency is a matter of how long one waits to look."""
    tick_ms: float
    """From one frame to the next, as a viewer sees them."""
    latency_ms_p50: float | None
    latency_ms_p99: float | None
    latency_ms_p999: float | None
    missed: int
    """Events that witnesses never got, though later ones came."""
    gone: int
    """Viewers that the server hung up on."""

    def described(self) -> dict[str, Any]:
        """For the result: numbers a person can read."""

        def ms(value: float | None) -> float | None:
            return None if value is None else round(value, 1)

        return {
            "offered_per_s": round(self.load.rate, 1),
            "viewers": self.load.viewers,
            "delivered_per_s": round(self.delivered_per_s),
            "delivered_per_cpu_s": round(self.delivered_per_cpu_s),
            "cpu_share": round(self.cpu_share, 3),
            "saturated": self.saturated,
            "tick_ms": ms(self.tick_ms),
            "latency_ms_p50": ms(self.latency_ms_p50),
            "latency_ms_p99": ms(self.latency_ms_p99),
            "latency_ms_p999": ms(self.latency_ms_p999),
            "missed": self.missed,
            "gone": self.gone,
        }


def cell_of(load: Load, report: dict[str, Any]) -> Cell:
    """Reads a window's report (`Audience.measure`)."""
    events, frames = report["witness_events"], report["witness_frames"]
    per_event = report["witness_bytes"] / events if events else float("inf")
    delivered = report["sink_bytes"] / per_event + events
    offered = report["offered"] * load.viewers
    return Cell(
        load=load,
        delivered_per_s=delivered / report["seconds"],
        delivered_per_cpu_s=delivered / report["cpu_s"],
        cpu_share=report["cpu_s"] / report["seconds"],
        saturated=delivered < KEEPS_UP * offered,
        tick_ms=1000 * report["seconds"] * report["witnesses"] / max(1, frames),
        latency_ms_p50=report["latency_ms_p50"],
        latency_ms_p99=report["latency_ms_p99"],
        latency_ms_p999=report["latency_ms_p999"],
        missed=report["missed"] + report["misordered"],
        gone=report["gone"],
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """A server under one offered load, and, if that was too much, under one that it can carry."""

    offered: Cell
    carried: Cell | None = None

    @property
    def delivered_per_cpu_s(self) -> float:
        """The better of both: overload may cost a server more than its work."""
        cells = [self.offered] if self.carried is None else [self.offered, self.carried]
        return max(cell.delivered_per_cpu_s for cell in cells)

    def described(self) -> dict[str, Any]:
        told = self.offered.described() | {"best_per_cpu_s": round(self.delivered_per_cpu_s)}
        if self.carried is not None:
            told["carried"] = self.carried.described()
        return told


def worse(one: Outcome, other: Outcome) -> Outcome:
    """Of two outcomes of one server under one load, the one with less delivered for its CPU, and
    with the longer latencies of both."""
    kept = min(one.offered, other.offered, key=lambda cell: cell.delivered_per_cpu_s)
    slow = max(one.offered, other.offered, key=lambda cell: cell.latency_ms_p99 or float("inf"))
    return Outcome(
        Cell(
            load=kept.load,
            delivered_per_s=kept.delivered_per_s,
            delivered_per_cpu_s=kept.delivered_per_cpu_s,
            cpu_share=kept.cpu_share,
            saturated=one.offered.saturated or other.offered.saturated,
            tick_ms=kept.tick_ms,
            latency_ms_p50=slow.latency_ms_p50,
            latency_ms_p99=slow.latency_ms_p99,
            latency_ms_p999=slow.latency_ms_p999,
            missed=one.offered.missed + other.offered.missed,
            gone=one.offered.gone + other.offered.gone,
        )
    )
