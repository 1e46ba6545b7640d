"""How often one account, or one address, may try."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from typing import Final

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Bucket, take

KEYS_MAX: Final = 50_000
"""The least recently seen are forgotten first; a forgotten one starts with a full bucket."""


def network_of(ip: str) -> str:
    """Returns what counts as one address: of IPv6 the /64, which every customer has to itself."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if address.version == 4:
        return ip
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


class Throttle:
    """So many a minute for each key."""

    def __init__(self, per_minute: int, *, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Counts one try. Raises Refused(RATE_LIMITED) with the wait."""
        self._buckets[key], wait_s = take(
            self._buckets.get(key),
            self._clock.mono_s(),
            rate_per_s=self._per_minute / 60,
            burst=self._per_minute,
        )
        self._buckets.move_to_end(key)
        if len(self._buckets) > KEYS_MAX:
            self._buckets.popitem(last=False)
        if wait_s > 0:
            raise Refused(Code.RATE_LIMITED, retry_after_ms=int(wait_s * 1000) + 1)
