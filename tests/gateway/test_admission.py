"""Caps, pace, and whose address counts."""

import pytest

from livecommerce.gateway.admission import Admission, ClientAddresses
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused


def admission(clock: FakeClock, **changes: float) -> Admission:
    caps = {"total_max": 5, "per_ip_max": 3, "rate_per_s": 1000, "burst": 1000} | changes
    return Admission(clock=clock, **caps)  # type: ignore[arg-type]


def code_of(door: Admission, ip: str) -> Code:
    with pytest.raises(Refused) as caught:
        door.enter(ip)
    assert caught.value.retry_after_ms in range(1000, 5001, 1000)
    return caught.value.code


def test_one_address_has_a_cap():
    door = admission(FakeClock())
    for _ in range(3):
        door.enter("a")
    assert code_of(door, "a") is Code.RATE_LIMITED
    door.enter("b")
    door.leave("a")
    door.enter("a")
    assert (door.total, door.refused) == (4, 1)


def test_all_together_have_a_cap_and_nothing_is_remembered_of_who_left():
    door = admission(FakeClock())
    for ip in "abcde":
        door.enter(ip)
    assert code_of(door, "f") is Code.SERVER_BUSY
    for ip in "abcde":
        door.leave(ip)
    assert door.total == 0
    assert not door._count_by_ip


def test_admissions_are_paced():
    clock = FakeClock()
    door = admission(clock, total_max=100, per_ip_max=100, rate_per_s=10, burst=2)
    door.enter("a")
    door.enter("a")
    assert code_of(door, "a") is Code.SERVER_BUSY
    clock.advance(100)
    door.enter("a")


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["not an address"], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("::ffff:203.0.113.7", [], "203.0.113.7"),
        (None, [], "local"),
    ],
)
def test_the_address_that_counts(peer, forwarded, wanted):
    assert ClientAddresses(["10.0.0.0/8"]).resolve(peer, forwarded) == wanted


def test_without_proxies_nothing_is_believed():
    addresses = ClientAddresses([])
    assert addresses.resolve("10.0.0.1", ["198.51.100.1"]) == "10.0.0.1"
    assert not addresses.trusts("10.0.0.1")
