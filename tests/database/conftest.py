"""Every test that asks for `url` or `database` runs on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from livecommerce.database.engine import Database
from tests.database.shop import insert, levels, open_shop


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite+aiosqlite:///{tmp_path}/shop.db"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A shop with 1,000 shirts."""
    database = await open_shop(url)
    await database.writer.submit(insert(levels, id="shirt", on_hand=1_000))
    yield database
    await database.close()
