"""Every cap and pace of the hub, with the reason for its default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HubSettings:
    """Durations in seconds unless the name says otherwise, sizes in bytes."""

    tick_min_ms: float = 20.0
    tick_max_ms: float = 250.0
    urgent_ms: float = 10.0
    flush_share: float = 0.5
    """Of one core, what the flushes of one room may take before its tick grows: that of a node that
    publishes there and, a little shorter, that of one whose viewers read it."""
    flush_slice_ms: float = 0.5
    """A flush yields to commands after this long."""
    batch_events_max: int = 256
    """More pending events than this do not wait for the tick, and do not share a batch."""
    batch_bytes_max: int = 256 * 1024
    """What one message between nodes may weigh, unless a single event is heavier."""

    log_s: float = 120.0
    log_bytes_max: int = 4 * 1024 * 1024
    recover_bytes_max: int = 256 * 1024
    """A returning viewer that missed more gets a snapshot instead."""
    recent_max: int = 50
    snapshot_bytes: int = 8 * 1024
    """The recent list is cut to this; state never is."""
    snapshot_age_ms: float = 50.0
    """How old the clock in a shared snapshot may be."""

    thin_from_viewers: int = 1_000
    """In smaller rooms nothing is left out."""
    spare_per_s: float = 20.0
    """How many of the lines that may be left out a viewer of a larger room is shown; nobody reads
    more, and at 10,000 viewers each of them costs 10,000 writes or their bytes."""

    slow_after_s: float = 10.0
    """A viewer that took nothing for this long is closed with TOO_SLOW."""
    ping_s: float = 20.0
    pong_grace_s: float = 10.0
    wheel_step_s: float = 0.25
    standstill_s: float = 2.0
    """A process whose wheel has not turned for so long was stopped: what it knows may be old."""
    close_grace_s: float = 5.0
    """How long a closed peer may take to answer the close frame."""

    room_linger_s: float = 30.0
    """An empty room stays loaded this long: reconnects cost no database read."""
    told_s: float = 300.0
    """What a person was told is remembered this long after it was last repeated. A relay repeats
    what is unmarked every few seconds for as long as it is."""
    presence_s: float = 1.0
    presence_lease_s: float = 6.0
    visitors_s: float = 3.0
    visitors_keep_s: float = 6 * 3600.0
    """A room that was empty for this long counts its visitors anew: the next show has its own."""
    position_check_s: float = 3.0
    """A last batch that was lost is missed at the second check in which nothing came: after 6 s."""
    probe_s: float = 5.0

    drain_slice_ms: float = 250.0
