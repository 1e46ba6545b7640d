"""Every test that asks for `market` runs on both databases and ends with `verify`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.orders.market import Market, open_market
from tests.support.tables import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture
async def market(url: str, tmp_path: Path) -> AsyncIterator[Market]:
    """A room that sells, with nothing in its bag yet."""
    market = await open_market(url, tmp_path)
    try:
        yield market
        assert await market.breaches() == []
    finally:
        await market.close()


@pytest.fixture
async def markets(postgres_url: str, tmp_path: Path) -> AsyncIterator[tuple[Market, Market]]:
    """Two processes of one shop on PostgreSQL, sharing the provider's book."""
    first = await open_market(postgres_url, tmp_path)
    second = await open_market(postgres_url, tmp_path, like=first)
    try:
        yield first, second
        await second.world.outbox.close()
        assert await first.breaches() == []
    finally:
        await second.close()
        await first.close()
