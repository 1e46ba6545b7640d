import asyncio

import pytest

from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.service.cache import BATCH_MAX, RecentValues


class Source:
    """A table in memory that counts its readings and can be made to wait or to fail."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.readings: list[list[str]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.is_away = False

    async def load(self, keys):
        self.readings.append(sorted(keys))
        # Read first, answer later: as a database does.
        found = {key: self.values.get(key, "none") for key in keys}
        await self.open.wait()
        if self.is_away:
            raise Refused(Code.UNAVAILABLE)
        return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def recent(source: Source, clock: FakeClock) -> RecentValues[str]:
    return RecentValues(source.load, clock=clock)


async def test_a_value_is_read_once_while_it_is_fresh(recent, source, clock):
    assert await recent.get("a") == "none"
    source.values["a"] = "1"
    clock.advance(2_000)
    assert await recent.get("a") == "none"
    clock.advance(1)
    assert await recent.get("a") == "1"
    assert len(source.readings) == 2


async def test_an_older_value_is_good_enough_for_who_says_so(recent, source, clock):
    await recent.get("a")
    clock.advance(50_000)
    assert await recent.get("a", age_s=60) == "none"
    assert recent.peek("a") is None
    assert len(source.readings) == 1


async def test_those_who_wait_share_a_reading(recent, source):
    source.open.clear()
    waiting = [asyncio.create_task(recent.get(f"k{n % 300}")) for n in range(3_000)]
    await asyncio.sleep(0)
    source.open.set()
    await asyncio.gather(*waiting)
    assert [len(keys) for keys in source.readings] == [1, 300]


async def test_readings_have_a_size(recent, source):
    values = await recent.get_many([f"k{n}" for n in range(BATCH_MAX * 2)])
    assert len(values) == BATCH_MAX * 2
    assert max(len(keys) for keys in source.readings) <= BATCH_MAX + 1


async def test_one_who_gives_up_does_not_take_the_others_along(recent, source):
    source.open.clear()
    first, second = (asyncio.create_task(recent.get("a")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    source.open.set()
    assert await second == "none"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_a_change_while_reading_is_not_missed(recent, source):
    source.open.clear()
    waiting = asyncio.create_task(recent.get("a"))
    await asyncio.sleep(0)
    source.values["a"] = "new"
    recent.forget("a")
    source.open.set()
    assert await waiting == "new"


async def test_a_refresh_does_not_bring_back_what_was_forgotten(recent, source):
    await recent.get("a")
    source.open.clear()
    refreshing = asyncio.create_task(recent.refresh())
    await asyncio.sleep(0)
    source.values["a"] = "new"
    recent.forget("a")
    source.open.set()
    await refreshing
    assert await recent.get("a") == "new"


async def test_refreshing_keeps_what_is_in_use(recent, source, clock):
    await recent.get_many(["used", "unused"])
    for _ in range(70):
        clock.advance(1_000)
        await recent.refresh()
        assert recent.peek("used") is not None
    assert source.readings[-1] == ["used"]
    assert recent.peek("unused") is None


async def test_a_database_that_is_away_is_asked_once_by_all(recent, source, clock):
    source.is_away = True
    got = await asyncio.gather(*(recent.get(f"k{n}") for n in range(100)), return_exceptions=True)
    assert {one.code for one in got if isinstance(one, Refused)} == {Code.UNAVAILABLE}
    assert len(source.readings) == 1
    source.is_away = False
    clock.advance(500)
    assert await recent.get("k1") == "none"
