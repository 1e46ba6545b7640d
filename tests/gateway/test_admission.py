"""Caps, pace, and whose address counts."""

import heapq
import math

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
    assert caught.value.retry_after_ms is not None
    assert 1000 <= caught.value.retry_after_ms <= 5500
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


def test_a_crowd_that_comes_when_it_is_told_is_let_in_as_quickly_as_the_pace_allows():
    """20,000 whose node died: nobody knocks again and again, and the door is never idle."""
    clock = FakeClock()
    door = admission(clock, total_max=50_000, per_ip_max=50_000, rate_per_s=1000, burst=2000)
    start_s = clock.mono_s()
    coming = [(start_s, number) for number in range(20_000)]
    tries = 0
    ended_s = 0.0
    while coming:
        at_s, number = heapq.heappop(coming)
        clock.advance(max(0, math.ceil((at_s - clock.mono_s()) * 1000)))
        tries += 1
        try:
            door.enter("a")
            ended_s = clock.mono_s() - start_s
        except Refused as refused:
            heapq.heappush(coming, (at_s + (refused.retry_after_ms or 0) / 1000, number))
    assert door.total == 20_000
    assert door.refused == tries - 20_000
    assert tries < 3 * 20_000
    assert ended_s < 2 * 18


def test_nobody_is_told_to_stay_away_for_ever():
    door = admission(FakeClock(), rate_per_s=0.001, burst=1)
    door.enter("a")
    for _ in range(1000):
        with pytest.raises(Refused) as caught:
            door.enter("b")
        assert caught.value.retry_after_ms is not None
        assert caught.value.retry_after_ms <= 65_000
    assert door.statistics().refused == 1000


def test_who_cannot_read_when_to_come_does_not_make_others_wait_for_long():
    """Browsers knock by a clock of their own: what they are told must not add up."""
    clock = FakeClock()
    door = admission(clock, total_max=50, per_ip_max=50, rate_per_s=10, burst=1)
    door.enter("a")
    for _ in range(10_000):
        with pytest.raises(Refused):
            door.enter("b")
    clock.advance(60_000)
    door.enter("c")
    with pytest.raises(Refused) as caught:
        door.enter("d")
    assert caught.value.retry_after_ms is not None
    assert caught.value.retry_after_ms <= 5_100


def test_an_address_that_knocks_too_often_makes_nobody_else_wait_longer():
    door = admission(FakeClock(), total_max=4, rate_per_s=10, burst=10)
    for _ in range(3):
        door.enter("a")
    for _ in range(1000):
        assert code_of(door, "a") is Code.RATE_LIMITED
    door.enter("b")
    assert code_of(door, "c") is Code.SERVER_BUSY


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
