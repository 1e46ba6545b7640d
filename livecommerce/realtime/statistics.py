"""What a hub can say about itself; /metrics reads it."""

from __future__ import annotations

from dataclasses import dataclass

from livecommerce.kernel.figures import Total


@dataclass(frozen=True, slots=True)
class HubStatistics:
    """What is now first, then totals since the start."""

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

    published: Total
    batches: Total
    publish_failures: Total
    deliveries: Total
    frames: Total
    """Frames written by flushes."""
    joins: Total
    rooms_loaded: Total
    repairs: Total
    resyncs: Total
    closed_slow: Total
    closed_silent: Total
    probe_failures: Total
    interruptions: Total
    """How often the link was away and back."""
