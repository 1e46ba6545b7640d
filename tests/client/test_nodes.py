"""Viewers of a room that two nodes serve, one of which dies."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
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


class Room:
    """A room on two nodes, with viewers of the shared port and a host who talks all the time."""

    def __init__(self, nodes: ServerProcess, settings: dict[str, str], shop: Shop) -> None:
        self._own_port = int(settings["LIVECOMMERCE_OWN_PORT"])
        self._shop = shop
        self.viewers = [
            Viewer(nodes.port, shop.room_id, codec)
            for _ in range(VIEWERS // 2)
            for codec in ("json", "msgpack")
        ]
        self.said: list[str] = []
        self._over = asyncio.Event()

    async def name_of(self, node: int) -> str:
        """What a node calls itself. Who asks a node's own port meets no other."""
        url = f"ws://{LOOPBACK}:{self._own_port + node - 1}/v1/live"
        async with asyncio.timeout(30), RoomClient(url, room=self._shop.room_id) as client:
            return str(client.welcome["node"])

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Talks and watches; on the way out waits until everybody has seen the last line."""
        url = f"ws://{LOOPBACK}:{self._own_port + 1}/v1/live"
        host = RoomClient(url, room=self._shop.room_id, token=self._shop.host.token)
        async with host, asyncio.TaskGroup() as tasks:
            async with asyncio.timeout(30):
                for viewer in self.viewers:
                    await viewer.client.__aenter__()
            watching = [tasks.create_task(viewer.watch()) for viewer in self.viewers]
            talking = tasks.create_task(self._talk(host))
            await self._until_said(20)
            yield
            await self._until_said(20)
            self._over.set()
            await talking
            async with asyncio.timeout(BACK_S):
                while any(viewer.lines[-1] != self.said[-1] for viewer in self.viewers):
                    await asyncio.sleep(0.05)
            for viewer in self.viewers:
                await viewer.client.close()
            await asyncio.wait(watching)

    async def _talk(self, host: RoomClient) -> None:
        while not self._over.is_set():
            text = f"line {len(self.said)}"
            await host.call(SendChat(id=new_id(), text=text))
            self.said.append(text)
            await asyncio.sleep(0.02)

    async def _until_said(self, more: int) -> None:
        wanted = len(self.said) + more
        async with asyncio.timeout(30):
            while len(self.said) < wanted:
                await asyncio.sleep(0.05)

    def check(self) -> None:
        """Every viewer has seen every line, once and in order, and none was shown the room anew."""
        assert len(self.said) > 30
        for viewer in self.viewers:
            assert viewer.lines == self.said
            assert viewer.client.snapshots == 1


async def test_nothing_is_lost_and_nothing_comes_twice_when_a_node_is_killed(
    nodes: ServerProcess, settings: dict[str, str], shop: Shop
):
    room = Room(nodes, settings, shop)
    dying, staying = await room.name_of(1), await room.name_of(2)
    async with room.watched():
        struck = [viewer for viewer in room.viewers if viewer.node == dying]
        assert struck, "no viewer was at the node that is to die: one chance in 4096"
        os.kill(nodes.nodes()[1], signal.SIGKILL)
        async with asyncio.timeout(BACK_S):
            while any(viewer.node == dying for viewer in struck):
                await asyncio.sleep(0.01)
    room.check()
    assert staying in {viewer.node for viewer in struck}
    for viewer in room.viewers:
        assert (viewer.client.reconnects > 0) == (viewer in struck)
        assert viewer.client.recoveries == (1 if viewer in struck else 0)


async def test_nothing_is_lost_and_nothing_comes_twice_in_a_rolling_restart(
    nodes: ServerProcess, settings: dict[str, str], shop: Shop
):
    room = Room(nodes, settings, shop)
    before = {await room.name_of(1), await room.name_of(2)}
    async with room.watched():
        nodes.signal(signal.SIGHUP)
        async with asyncio.timeout(60):
            while any(viewer.node in before for viewer in room.viewers):
                await asyncio.sleep(0.05)
    room.check()
    for viewer in room.viewers:
        # Each was asked to move, and had its next connection before it closed the one it had.
        assert viewer.client.hand_overs > 0
        assert viewer.client.reconnects == 0
        assert viewer.client.recoveries == viewer.client.hand_overs
