import pytest

from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.service import throttle as throttling
from livecommerce.people.service.throttle import Throttle, network_of


def test_so_many_a_minute():
    clock = FakeClock()
    throttle = Throttle(5, clock=clock)
    for _ in range(5):
        throttle.take("a")
    throttle.take("b")
    with pytest.raises(Refused) as refused:
        throttle.take("a")
    assert refused.value.code is Code.RATE_LIMITED
    assert refused.value.retry_after_ms == 12_001
    clock.advance(12_001)
    throttle.take("a")


def test_a_flood_of_keys_fills_no_memory(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttling, "KEYS_MAX", 100)
    throttle = Throttle(5, clock=FakeClock())
    for n in range(1_000):
        throttle.take(str(n))
    assert len(throttle._buckets) == 100


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(ip: str, network: str):
    assert network_of(ip) == network
