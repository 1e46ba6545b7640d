import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from livecommerce.app import housekeeping, open_house
from livecommerce.config import Settings
from livecommerce.database.tables import commits
from livecommerce.kernel.clock import SystemClock
from livecommerce.people.wire import GuestDraft

DAY_MS = 86_400_000


class LateClock(SystemClock):
    """The time of day, some days later when asked to."""

    days = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.days * DAY_MS


async def test_what_is_old_goes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(housekeeping, "ROUND_S", 0.05)
    clock = LateClock()
    async with open_house(Settings(data_dir=tmp_path, port=0), clock=clock) as house:
        services = house.services
        await services.people.guest_in(GuestDraft(name="Sara"), ip="127.0.0.1")
        first = await services.database.fetch_one(sa.select(commits.c.id).limit(1))
        assert first is not None
        clock.days = 30
        async with asyncio.timeout(5):
            # Purging is a write too, so commits are counted by name, not by number.
            while await services.database.fetch_one(
                sa.select(commits.c.id).where(commits.c.id == first["id"])
            ):
                await asyncio.sleep(0.05)
