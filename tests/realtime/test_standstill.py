"""Who comes to a process that stood still waits until it knows what it missed."""

import asyncio

from livecommerce.kernel.clock import FakeClock
from livecommerce.realtime.standstill import Standstill


class Comparison:
    """What a hub does to catch up; takes until it is let."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()

    async def __call__(self) -> None:
        self.begun += 1
        await self.may_end.wait()


async def test_newcomers_wait_until_everything_is_compared():
    clock, compare = FakeClock(), Comparison()
    standstill = Standstill(clock=clock, limit_s=2.0, catch_up=compare)
    clock.advance(60_000)
    assert not standstill.is_behind(), "before the first turn nothing is missed"
    standstill.turn()
    clock.advance(1_900)
    assert not standstill.is_behind()
    clock.advance(200)
    assert standstill.is_behind()
    standstill.turn()
    waiting = [asyncio.create_task(standstill.over()) for _ in range(3)]
    await asyncio.sleep(0)
    clock.advance(500)
    standstill.turn()
    assert standstill.is_behind()
    assert compare.begun == 1
    assert not any(each.done() for each in waiting)
    compare.may_end.set()
    await asyncio.gather(*waiting)
    assert not standstill.is_behind()


async def test_a_comparison_that_fails_keeps_nobody_waiting():
    async def fail() -> None:
        raise ConnectionError("away")

    clock = FakeClock()
    standstill = Standstill(clock=clock, limit_s=2.0, catch_up=fail)
    standstill.turn()
    clock.advance(3_000)
    assert standstill.is_behind()
    await standstill.over()
    assert not standstill.is_behind()
    await standstill.close()


async def test_closing_ends_a_comparison():
    clock, compare = FakeClock(), Comparison()
    standstill = Standstill(clock=clock, limit_s=2.0, catch_up=compare)
    standstill.turn()
    clock.advance(3_000)
    assert standstill.is_behind()
    await asyncio.sleep(0)
    await standstill.close()
    assert not standstill.is_behind()
