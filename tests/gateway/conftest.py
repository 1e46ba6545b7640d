"""What meets real sockets here runs on both event loops: asyncio's own and uvloop."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

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


@pytest.fixture(scope="module")
def web_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The house's web client: a page and two assets."""
    return small_web_client(tmp_path_factory.mktemp("house") / "web")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(web_dir: Path) -> AsyncIterator[OpenedHouse]:
    """The whole product, once a module."""
    async with running_house(
        web_dir.parent, web_dir=str(web_dir), allowed_origins=(PARTNER,)
    ) as opened:
        yield opened
