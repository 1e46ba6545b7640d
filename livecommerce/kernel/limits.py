"""A token bucket as a pure function of its state and the time."""

from __future__ import annotations

from typing import NamedTuple


class Bucket(NamedTuple):
    """What is left of a burst, and when that was so (monotonic seconds)."""

    tokens: float
    at_s: float


def take(
    bucket: Bucket | None, now_s: float, *, rate_per_s: float, burst: float, cost: float = 1.0
) -> tuple[Bucket, float]:
    """Takes `cost` tokens if they are there.

    Returns the bucket after, and the seconds to wait: 0.0 when the tokens were taken, otherwise how
    long until they would be there (nothing was taken). A fresh bucket (None) is full.
    """
    tokens = burst
    if bucket is not None:
        elapsed_s = max(0.0, now_s - bucket.at_s)
        tokens = min(burst, bucket.tokens + elapsed_s * rate_per_s)
    if tokens >= cost:
        return Bucket(tokens - cost, now_s), 0.0
    return Bucket(tokens, now_s), (cost - tokens) / rate_per_s
