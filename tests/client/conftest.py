from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.house import OpenedHouse, running_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenedHouse]:
    async with running_house(tmp_path_factory.mktemp("house"), deflate=True) as opened:
        yield opened
