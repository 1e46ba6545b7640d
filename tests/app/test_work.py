"""`livecommerce work` beside a node that leaves it the work."""

import asyncio
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from livecommerce.client import RoomClient
from livecommerce.stock.wire import StockChanged
from tests.support.cluster import shared_settings
from tests.support.house import OpenedHouse, running_house
from tests.support.postgres import PostgresServer, database_of
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess, running_server
from tests.support.shop import Goods, Host, Shop, furnish

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.asyncio(loop_scope="module"),
]

ROUNDS_S = 2.5
"""Two rounds of whoever would be at work."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def settings(
    postgres_server: PostgresServer, redis_server: RedisServer, folder: Path
) -> Iterator[dict[str, str]]:
    with shared_settings(postgres_server, redis_server, folder) as env:
        yield env


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(settings: dict[str, str], folder: Path) -> AsyncIterator[OpenedHouse]:
    """A node that leaves the work to a worker."""
    async with running_house(
        folder,
        works=False,
        database_url=settings["LIVECOMMERCE_DATABASE_URL"],
        redis_url=settings["LIVECOMMERCE_REDIS_URL"],
        redis_prefix=settings["LIVECOMMERCE_REDIS_PREFIX"],
        secret=settings["LIVECOMMERCE_SECRET"],
    ) as opened:
        yield opened


@pytest.fixture
def worker(settings: dict[str, str]) -> Iterator[ServerProcess]:
    server = running_server(settings, ["work"], port_setting="LIVECOMMERCE_OWN_PORT")
    with server as process:
        yield process


async def held(house: OpenedHouse, postgres: PostgresServer, url: str) -> tuple[Shop, Host, Any]:
    """The last unit of something, held by somebody whose time is up."""
    shop = await house.shop()
    goods: Goods = await shop.add_goods("lamp", on_hand=1, slot=1)
    buyer = await house.person()
    await furnish(house.api, buyer.token, number=1)
    order = await buyer.command(
        shop.room_id,
        "buy",
        variant_id=goods.variant_id,
        offer_id=goods.offer_id,
        expected_total_minor=goods.price_minor + await shop.delivery_minor(),
        currency="SAR",
    )
    postgres.sql("UPDATE holds SET expires_at = 1", database_of(url))
    return shop, buyer, order


async def state_of(buyer: Host, order: Any) -> str:
    return str((await buyer.ask("GET", f"/v1/orders/{order['id']}"))["state"])


async def came_back(client: RoomClient) -> None:
    """Waits until the room is told that there is a unit again."""
    async for event in client.events():
        if isinstance(event, StockChanged) and event.available == 1:
            return


async def test_holds_wait_for_the_worker_and_the_room_hears_of_it(
    house: OpenedHouse,
    postgres_server: PostgresServer,
    settings: dict[str, str],
    request: pytest.FixtureRequest,
):
    url = settings["LIVECOMMERCE_DATABASE_URL"]
    shop, buyer, order = await held(house, postgres_server, url)
    async with house.client(shop.room_id) as client:
        await asyncio.sleep(ROUNDS_S)
        before = await state_of(buyer, order)
        process: ServerProcess = await asyncio.to_thread(request.getfixturevalue, "worker")
        async with asyncio.timeout(5):
            await came_back(client)
        assert await state_of(buyer, order) == "expired" != before
    assert await asyncio.to_thread(process.stop) == 0
    assert "Traceback" not in process.output()


async def test_a_worker_says_that_it_is_well_and_how_it_does(worker: ServerProcess):
    def asked(path: str) -> tuple[int, bytes]:
        with urllib.request.urlopen(f"{worker.url}/{path}", timeout=5) as answer:
            return answer.status, answer.read()

    assert asked("healthz")[0] == 200
    assert asked("readyz") == (200, b'{"ok":true,"checks":{"database":true,"backplane":true}}')
    assert b"livecommerce_writer_backlog" in asked("metrics")[1]


async def test_the_second_of_two_workers_takes_over(
    house: OpenedHouse, postgres_server: PostgresServer, settings: dict[str, str]
):
    def start() -> Any:
        return running_server(settings, ["work"], port_setting="LIVECOMMERCE_OWN_PORT")

    with start() as first, start() as second:
        first.signal(signal.SIGKILL)
        url = settings["LIVECOMMERCE_DATABASE_URL"]
        _, buyer, order = await held(house, postgres_server, url)
        async with asyncio.timeout(8):
            while await state_of(buyer, order) != "expired":
                await asyncio.sleep(0.1)
        assert second.is_ready()
