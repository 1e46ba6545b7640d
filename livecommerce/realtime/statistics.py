"""What a hub can say about itself; /metrics reads it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubStatistics:
    """Gauges first, then counters since the start."""

    connections: int
    people: int
    """People and sign-ins that have connections here."""
    rooms: int
    log_events: int
    """Events that rooms can still tell to those who come back."""
    told: int
    """Words to people that are remembered against repetition."""
    lagging: int
    write_cost_us: float
    """Smoothed cost of one write of a flush."""

    published: int
    batches: int
    publish_failures: int
    deliveries: int
    frames: int
    """Frames written by flushes."""
    joins: int
    rooms_loaded: int
    repairs: int
    resyncs: int
    closed_slow: int
    closed_silent: int
    probe_failures: int
    interruptions: int
    """How often the link was away and back."""
