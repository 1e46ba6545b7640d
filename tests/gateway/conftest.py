"""What meets real sockets here runs on both event loops: asyncio's own and uvloop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import pytest_asyncio
import uvloop

from tests.support.house import PARTNER, OpenedHouse, running_house, small_web_client

ON_BOTH_LOOPS = {"test_front_door.py", "test_websocket.py"}


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    if item.path.name in ON_BOTH_LOOPS:
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenedHouse]:
    """The whole product, once a module; its web client is a page and two assets."""
    folder = tmp_path_factory.mktemp("house")
    web_dir = str(small_web_client(folder / "web"))
    async with running_house(folder, web_dir=web_dir, allowed_origins=(PARTNER,)) as opened:
        yield opened
