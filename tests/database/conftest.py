"""Every test that asks for `url` or `database` runs on both databases."""

from collections.abc import AsyncIterator

import pytest

from livecommerce.database.engine import Database
from tests.database.shop import insert, levels, open_shop


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """A shop with 1,000 shirts."""
    database = await open_shop(url)
    await database.writer.submit(insert(levels, id="shirt", on_hand=1_000))
    yield database
    await database.close()
