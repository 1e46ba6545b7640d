from livecommerce.kernel.clock import FakeClock, SystemClock


def test_a_fake_clock_stands_still_until_it_is_advanced() -> None:
    clock = FakeClock(1000)
    assert (clock.now_ms(), clock.mono_s()) == (1000, 0.0)
    clock.advance(1500)
    assert (clock.now_ms(), clock.mono_s()) == (2500, 1.5)


def test_the_system_clock_goes_forward() -> None:
    clock = SystemClock()
    assert clock.mono_s() <= clock.mono_s()
    assert clock.now_ms() > 1_700_000_000_000
