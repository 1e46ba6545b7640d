"""How often something may happen: a token bucket, and one for everybody."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused

KEYS_MAX: Final = 50_000
"""The least recently seen are forgotten first; a forgotten one starts with a full bucket."""


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


class Throttle:
    """A bucket for each key: an account, an address."""

    def __init__(self, *, rate_per_s: float, burst: float, clock: Clock) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    @classmethod
    def per_minute(cls, count: int, *, clock: Clock) -> Throttle:
        """So many a minute, at once or spread over it."""
        return cls(rate_per_s=count / 60, burst=count, clock=clock)

    def take(self, key: str) -> None:
        """Counts one try. Raises Refused(RATE_LIMITED) with the wait."""
        self._buckets[key], wait_s = take(
            self._buckets.get(key),
            self._clock.mono_s(),
            rate_per_s=self._rate_per_s,
            burst=self._burst,
        )
        self._buckets.move_to_end(key)
        if len(self._buckets) > KEYS_MAX:
            self._buckets.popitem(last=False)
        if wait_s > 0:
            raise Refused(Code.RATE_LIMITED, retry_after_ms=int(wait_s * 1000) + 1)
