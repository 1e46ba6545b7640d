from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from livecommerce.demo.pictures import draw_all
from tests.support.house import OpenedHouse, running_house


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    draw_all(folder)
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenedHouse]:
    async with running_house(tmp_path_factory.mktemp("house")) as opened:
        yield opened
