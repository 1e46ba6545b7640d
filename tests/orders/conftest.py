"""Every test that asks for `market` runs on both databases and ends with `verify`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.orders.market import Market, open_market
from tests.support.tables import postgres_url

__all__ = ["postgres_url"]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite+aiosqlite:///{tmp_path}/shop.db"


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
