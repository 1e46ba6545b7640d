"""The services of a room on real databases: every test that asks for `world` runs on both."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.shows.world import World, open_world
from tests.support.tables import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
async def world(url: str, tmp_path: Path) -> AsyncIterator[World]:
    """A house with a host and an empty room."""
    world = await open_world(url, tmp_path)
    try:
        yield world
        assert await world.breaches() == []
    finally:
        await world.close()


@pytest.fixture
async def worlds(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[World, World]]:
    """Two processes of one house, on PostgreSQL; time is the same in both."""
    first = await open_world(postgres_url, tmp_path)
    second = await open_world(postgres_url, tmp_path, create=False, like=first)
    try:
        yield first, second
        await second.outbox.close()
        assert await first.breaches() == []
    finally:
        await second.close()
        await first.close()
