"""Viewers of a room that two nodes serve, one of which dies."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from livecommerce.client import RoomClient
from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import ChatPosted, SendChat
from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK, free_ports
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess, running_server
from tests.support.shop import Api, Shop

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

BACK_S = 5.0
"""The promise: how soon the viewers of a node that died are back in the room."""
VIEWERS = 12


@pytest.fixture
def settings(
    postgres_server: PostgresServer, redis_server: RedisServer, tmp_path: Path
) -> Iterator[dict[str, str]]:
    with shared_settings(postgres_server, redis_server, tmp_path) as env:
        yield env | {
            "LIVECOMMERCE_OWN_PORT": str(free_ports(2)),
            "LIVECOMMERCE_MESSAGES_PER_S": "500",
        }


@pytest.fixture
def nodes(settings: dict[str, str]) -> Iterator[ServerProcess]:
    with running_server(settings, ["serve", "--workers", "2"]) as server:
        yield server


@pytest.fixture
async def shop(nodes: ServerProcess) -> AsyncIterator[Shop]:
    async with Api(nodes.url) as api:
        yield await Shop.open(api)


class Viewer:
    """Notes every line it is shown, and when it came back from where."""

    def __init__(self, port: int, room_id: str, codec: str) -> None:
        url = f"ws://{LOOPBACK}:{port}/v1/live"
        self.client = RoomClient(url, room=room_id, codec=codec)
        self.lines: list[str] = []

    @property
    def node(self) -> str:
        return str(self.client.welcome["node"])

    async def watch(self) -> None:
        async for event in self.client.events():
            if isinstance(event, ChatPosted):
                self.lines.append(event.text)


async def test_nothing_is_lost_and_nothing_comes_twice_when_a_node_is_killed(
    nodes: ServerProcess, settings: dict[str, str], shop: Shop
):
    first_port, second_port = (int(settings["LIVECOMMERCE_OWN_PORT"]) + each for each in (0, 1))
    url = f"ws://{LOOPBACK}:{{}}/v1/live"
    viewers = [
        Viewer(nodes.port, shop.room_id, codec)
        for _ in range(VIEWERS // 2)
        for codec in ("json", "msgpack")
    ]
    # Which node a viewer of the shared port meets is the system's choice; who asks the nodes' own
    # ports knows their names.
    async with (
        RoomClient(url.format(first_port), room=shop.room_id) as probe,
        RoomClient(url.format(second_port), room=shop.room_id, token=shop.host.token) as host,
        asyncio.TaskGroup() as tasks,
    ):
        dying, staying = str(probe.welcome["node"]), str(host.welcome["node"])
        await probe.close()
        for viewer in viewers:
            await viewer.client.__aenter__()
        watching = [tasks.create_task(viewer.watch()) for viewer in viewers]
        struck = [viewer for viewer in viewers if viewer.node == dying]
        said: list[str] = []
        over = asyncio.Event()

        async def say() -> None:
            while not over.is_set():
                text = f"line {len(said)}"
                await host.call(SendChat(id=new_id(), text=text))
                said.append(text)
                await asyncio.sleep(0.02)

        talking = tasks.create_task(say())
        await asyncio.sleep(1.0)
        os.kill(nodes.nodes()[1], signal.SIGKILL)
        killed_s = time.monotonic()
        async with asyncio.timeout(BACK_S):
            while any(viewer.node == dying for viewer in struck):
                await asyncio.sleep(0.01)
        back_s = time.monotonic() - killed_s
        await asyncio.sleep(1.0)
        over.set()
        await talking
        async with asyncio.timeout(BACK_S):
            while any(viewer.lines[-1] != said[-1] for viewer in viewers):
                await asyncio.sleep(0.05)
        for viewer in viewers:
            await viewer.client.close()
        await asyncio.wait(watching)
    assert struck, "no viewer was at the node that died; that is one chance in 4096"
    assert len(said) > 30
    for viewer in viewers:
        assert viewer.lines == said
        assert (viewer.client.reconnects > 0) == (viewer in struck)
        # Who came back was given what it missed, not the room anew.
        assert viewer.client.snapshots == 1
        assert viewer.client.recoveries == (1 if viewer in struck else 0)
    assert staying in {viewer.node for viewer in struck}
    assert back_s < BACK_S
