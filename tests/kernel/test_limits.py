import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel import limits
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Bucket, Throttle, take


def test_a_fresh_bucket_allows_its_burst_and_then_tells_the_wait() -> None:
    bucket: Bucket | None = None
    for _ in range(3):
        bucket, wait_s = take(bucket, 0.0, rate_per_s=2.0, burst=3.0)
        assert wait_s == 0.0
    bucket, wait_s = take(bucket, 0.0, rate_per_s=2.0, burst=3.0)
    assert wait_s == 0.5
    _, wait_s = take(bucket, 0.5, rate_per_s=2.0, burst=3.0)
    assert wait_s == 0.0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket, _ = take(None, 10.0, rate_per_s=1.0, burst=1.0)
    _, wait_s = take(bucket, 5.0, rate_per_s=1.0, burst=1.0)
    assert wait_s == 1.0


@given(st.lists(st.floats(min_value=0, max_value=2), max_size=50))
def test_never_more_than_the_burst_plus_the_rate_is_taken(pauses: list[float]) -> None:
    rate, burst, now_s, taken = 3.0, 5.0, 0.0, 0
    bucket: Bucket | None = None
    for pause in pauses:
        now_s += pause
        bucket, wait_s = take(bucket, now_s, rate_per_s=rate, burst=burst)
        taken += wait_s == 0.0
    assert taken <= burst + rate * now_s + 1e-6


def test_so_many_a_minute():
    clock = FakeClock()
    throttle = Throttle.per_minute(5, clock=clock)
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
    monkeypatch.setattr(limits, "KEYS_MAX", 100)
    throttle = Throttle.per_minute(5, clock=FakeClock())
    for n in range(1_000):
        throttle.take(str(n))
    assert len(throttle._buckets) == 100
