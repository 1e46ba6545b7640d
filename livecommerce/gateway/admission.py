"""Who may open another live connection: caps and pace, checked before the upgrade."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.figures import Total
from livecommerce.kernel.limits import Bucket, take

CHANCE_S = (1.0, 5.0)
TURN_MAX_S = 60.0
"""Nobody is told to stay away for longer, however many wait."""
V6_PREFIX = 64
"""An IPv6 household has a whole /64; counting single addresses would cap nothing."""


@dataclass(frozen=True, slots=True)
class AdmissionStatistics:
    admitted: int
    """Live connections that hold a place now."""
    refused: Total
    """Upgrades refused since the start: for the pace, or for a cap."""


class ClientAddresses:
    """Finds the address a connection comes from; believes forwarded headers of known proxies only.

    Args:
        trusted_proxies: addresses or networks, such as "10.0.0.0/8".
    """

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted: tuple[IPv4Network | IPv6Network, ...] = tuple(
            ip_network(each, strict=False) for each in trusted_proxies
        )

    def trusts(self, peer: str | None) -> bool:
        if not self._trusted:
            return False
        address = _parsed(peer)
        return address is not None and any(
            address.version == network.version and address in network for network in self._trusted
        )

    def resolve(self, peer: str | None, forwarded_for: Iterable[str]) -> str:
        """Returns the client's address, and the /64 of an IPv6 one.

        Reads X-Forwarded-For from the right, as each trusted proxy appended what it saw: what
        stands left of the first stranger is that stranger's own invention.
        """
        client = peer
        if self.trusts(peer):
            hops = [hop.strip() for header in forwarded_for for hop in header.split(",")]
            for hop in reversed(hops):
                if _parsed(hop) is None:
                    break
                client = hop
                if not self.trusts(hop):
                    break
        return _counted(client)


class Admission:
    """Counts live connections and paces new ones, before anything is spent on them.

    Who is refused for the pace is told when it will be their turn: as many a second as are let in,
    with some seconds of chance. A crowd that was all told the same few seconds would knock, and be
    refused, over and over.

    Args:
        per_ip_max: generous by default: a mobile carrier's NAT puts thousands of phones behind one
            address.
    """

    def __init__(
        self, *, clock: Clock, total_max: int, per_ip_max: int, rate_per_s: float, burst: float
    ) -> None:
        self._clock = clock
        self._total_max = total_max
        self._per_ip_max = per_ip_max
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._bucket: Bucket | None = None
        self._count_by_ip: dict[str, int] = {}
        self._outside = 0.0
        """How many were told to come later and whose turn is yet to come."""
        self._outside_s = float("-inf")
        self.total = 0
        self.refused = 0

    def enter(self, ip: str) -> None:
        """Takes a place.

        Raises:
            Refused: SERVER_BUSY or RATE_LIMITED, with a wait that spreads those who come again.
        """
        count = self._count_by_ip.get(ip, 0)
        if count >= self._per_ip_max:
            raise self._refusal(Code.RATE_LIMITED)
        if self.total >= self._total_max:
            raise self._refusal(Code.SERVER_BUSY, self._turn_s())
        self._bucket, wait_s = take(
            self._bucket, self._clock.mono_s(), rate_per_s=self._rate_per_s, burst=self._burst
        )
        if wait_s > 0.0:
            raise self._refusal(Code.SERVER_BUSY, self._turn_s())
        self._count_by_ip[ip] = count + 1
        self.total += 1

    def leave(self, ip: str) -> None:
        """Gives the place back."""
        count = self._count_by_ip[ip] - 1
        if count:
            self._count_by_ip[ip] = count
        else:
            del self._count_by_ip[ip]
        self.total -= 1

    def statistics(self) -> AdmissionStatistics:
        return AdmissionStatistics(admitted=self.total, refused=self.refused)

    def _turn_s(self) -> float:
        """In how many seconds it is this one's turn, after all who were told to wait before."""
        now_s = self._clock.mono_s()
        gone = (now_s - self._outside_s) * self._rate_per_s
        # Whoever cannot read the answer knocks again and again: so many do not come.
        most = self._rate_per_s * TURN_MAX_S
        self._outside = min(max(0.0, self._outside - gone) + 1.0, most)
        self._outside_s = now_s
        return self._outside / self._rate_per_s

    def _refusal(self, code: Code, turn_s: float = 0.0) -> Refused:
        self.refused += 1
        wait_s = turn_s + random.uniform(*CHANCE_S)
        return Refused(code, retry_after_ms=int(wait_s * 1000))


def _parsed(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text) if text else None
    except ValueError:
        return None


def _counted(address: str | None) -> str:
    if address is None:
        return "local"
    if ":" not in address:
        return address
    parsed = _parsed(address.partition("%")[0])
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, V6_PREFIX), strict=False))
