"""Caps and paces of the Redis backplane, with the reason for each default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RedisSettings:
    """Durations in seconds, sizes in bytes.

    `urls` are shards: every node of a shop must have the same ones in the same order. With
    `is_cluster` they are addresses of one Redis Cluster (7 or newer), of which any may answer.
    """

    urls: tuple[str, ...]
    prefix: str = "livecommerce"
    is_cluster: bool = False

    keep_s: float = 120.0
    keep_bytes: int = 4 * 1024 * 1024
    """As long as a node's own ring: what no viewer can be given any more helps no node."""
    ids_max: int = 20_000
    """Ids remembered per room, far beyond what a relay repeats."""
    values_max: int = 10_000
    ttl_s: float = 3_600.0
    """Ids and values of a quiet room go after this long; both can be done without."""
    meta_ttl_s: float = 86_400.0
    """A quiet room's epoch lives this long; viewers that stayed longer get one snapshot."""

    timeout_s: float = 3.0
    """A Redis that has not answered for so long is taken for lost, and connected to anew."""
    publish_wait_s: float = 120.0
    """How long a batch waits for Redis: as long as it would be kept there. What was accepted before
    an outage was noticed has to be told after it; who needs it later still has an outbox row."""
    read_wait_s: float = 5.0
    queue_max: int = 10_000
    queue_bytes_max: int = 16 * 1024 * 1024
    pipeline_max: int = 512
    pipeline_bytes_max: int = 1024 * 1024
    subscribe_max: int = 512
    """Channels in one SUBSCRIBE."""
    blip_s: float = 1.0
    """A link that is away for less than this is not yet a reason to refuse anything."""
    retry_min_s: float = 0.05
    retry_max_s: float = 5.0
    probe_s: float = 2.0
    """How soon a node must hear itself."""
    flush_s: float = 2.0
    """How long closing waits for what is still to be published."""
