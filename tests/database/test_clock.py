"""The time of a shop is its database's."""

import time

import pytest

from livecommerce.database.clock import TOLERATED_MS, DatabaseClock
from livecommerce.database.engine import Database
from livecommerce.kernel.clock import SystemClock

GENEROUS_MS = 5_000


class WrongClock(SystemClock):
    ahead_ms = 600_000

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


def off_by(clock: DatabaseClock) -> int:
    return abs(clock.now_ms() - time.time_ns() // 1_000_000)


@pytest.mark.parametrize("ahead_ms", [600_000, -600_000])
async def test_a_wrong_clock_is_set_right(postgres_url: str, ahead_ms: int):
    own = WrongClock()
    own.ahead_ms = ahead_ms
    clock = DatabaseClock(own)
    assert off_by(clock) > 2 * GENEROUS_MS
    database = await Database.open(postgres_url, clock=clock)
    async with clock.kept(database):
        assert off_by(clock) < GENEROUS_MS
        # Somebody sets it while we run: nothing that is on hold has to fear that.
        own.ahead_ms = 0
        assert off_by(clock) < GENEROUS_MS
        await clock.look(database)
        assert off_by(clock) < GENEROUS_MS
    await database.close()


async def test_a_right_clock_is_left_alone(postgres_url: str):
    own = WrongClock()
    own.ahead_ms = 0
    clock = DatabaseClock(own)
    database = await Database.open(postgres_url, clock=clock)
    await clock.look(database)
    before = own.now_ms()
    now = clock.now_ms()
    # What was read in two steps may differ by the rounding.
    assert before - 1 <= now <= own.now_ms() + TOLERATED_MS
    # Also when somebody puts it wrong between two looks.
    own.ahead_ms = 600_000
    assert off_by(clock) < GENEROUS_MS
    await database.close()


async def test_a_database_that_is_away_changes_nothing(tmp_path):
    clock = DatabaseClock(WrongClock())
    url = f"postgresql+asyncpg://postgres@/nowhere?host={tmp_path}"
    database = await Database.open(url, clock=clock)
    await clock.look(database)
    assert off_by(clock) > GENEROUS_MS
    await database.close()


async def test_with_sqlite_it_is_the_machines(tmp_path):
    clock = DatabaseClock(WrongClock())
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path}/shop.db", clock=clock)
    async with clock.kept(database):
        assert off_by(clock) > GENEROUS_MS
    await database.close()
