"""Likes: taps are summed, never stored one by one, and nobody counts for more than 15 a second."""

from __future__ import annotations

from livecommerce.kernel.limits import Bucket, take

LIKES_PER_S = 15.0
BURST = 15.0


def admit(bucket: Bucket | None, count: int, *, now_s: float) -> tuple[Bucket, int]:
    """Takes as many of `count` taps as this person has left; the rest is not counted.

    There is no refusal: a finger that is too quick has done nothing wrong.
    """
    assert count >= 1
    bucket, wait_s = take(bucket, now_s, rate_per_s=LIKES_PER_S, burst=BURST, cost=count)
    if not wait_s:
        return bucket, count
    admitted = int(bucket.tokens)
    if admitted:
        bucket = Bucket(bucket.tokens - admitted, bucket.at_s)
    return bucket, admitted
