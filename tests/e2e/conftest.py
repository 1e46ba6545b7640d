"""One server and one browser for all scenarios; people, rooms and profiles are each test's own."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import emblems
from livecommerce.demo.shop import demo_shop
from tests.e2e.house import Flash, House
from tests.e2e.views import Visits
from tests.support.browser import running_browser
from tests.support.server import ServerProcess, running_server

expect.set_options(timeout=10_000)


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the host puts files of their own; `/media/` in addresses."""
    folder = tmp_path_factory.mktemp("e2e") / "media"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def server(media: Path) -> Iterator[ServerProcess]:
    """The product as it is started by a host, on SQLite."""
    emblems.poster(demo_shop().name, Lettering()).save(media / "poster.webp", quality=86, method=4)
    env = {
        "LIVECOMMERCE_DATA_DIR": str(media.parent),
        "LIVECOMMERCE_LOG_LEVEL": "warning",
        # every profile comes from an address of its own, or they would share one sign-in limit
        "LIVECOMMERCE_TRUSTED_PROXIES": "127.0.0.1/32",
    }
    if web := os.environ.get("LIVECOMMERCE_WEB_DIR"):
        env["LIVECOMMERCE_WEB_DIR"] = str(Path(web).resolve())
    with running_server(env) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all scenarios; each gets profiles of its own."""
    async with running_browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def house(server: ServerProcess) -> AsyncIterator[House]:
    made = House(server.url)
    yield made
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def flash(server: ServerProcess) -> AsyncIterator[Flash]:
    """A flash sale with a few units, enough for one in each look."""
    made = House(server.url)
    room = await made.room()
    yield Flash(room, await room.sale(room.offers[0], quota=8, duration_s=600))
    await made.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(server: ServerProcess, browser: Browser) -> AsyncIterator[Visits]:
    """Opens pages as somebody. Whatever a page complains about fails the test."""
    visits = Visits(browser, server.url)
    yield visits
    if faults := await visits.close():
        pytest.fail("\n".join(["the pages complained:", *dict.fromkeys(faults)]), pytrace=False)
