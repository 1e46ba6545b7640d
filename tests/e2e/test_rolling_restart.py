"""Pages that watch while every node is replaced: they see every line once, and no break."""

import asyncio
import signal
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, WebSocket, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import ChatPosted, SendChat
from tests.e2e.house import House
from tests.e2e.lines import appeared, shown, watch_lines
from tests.e2e.views import LOOKS, View, Visits
from tests.support.cluster import shared_settings
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess, running_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.asyncio(loop_scope="session"),
]


# Every word about the connection that ever appears.
_WATCH_BREAKS = """() => {
  window.breaks = 0;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      if (node.dataset?.testid === 'connection-state') window.breaks += 1;
    }
  }).observe(document.body, { childList: true, subtree: true });
}"""


@pytest.fixture
def nodes(
    postgres_server: PostgresServer,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ServerProcess]:
    """Two nodes on one port."""
    folder = tmp_path_factory.mktemp("cluster")
    with shared_settings(postgres_server, redis_server, folder) as env:
        env |= {
            "LIVECOMMERCE_TRUSTED_PROXIES": "127.0.0.1/32",
            "LIVECOMMERCE_DRAIN_S": "3",
        }
        with running_server(env, ["serve", "--workers", "2"]) as server:
            yield server


class Sockets:
    """How many live sockets a page has, and the fewest it had since it had one."""

    def __init__(self, view: View) -> None:
        self.opened = 0
        self.now = 0
        self.fewest = 1
        view.page.on("websocket", self._open)

    def _open(self, socket: WebSocket) -> None:
        self.opened += 1
        self.now += 1
        socket.on("close", self._closed)

    def _closed(self, _: WebSocket) -> None:
        self.now -= 1
        self.fewest = min(self.fewest, self.now)


async def test_a_rolling_restart_is_not_seen(nodes: ServerProcess, browser: Browser):
    house, visit = House(nodes.url), Visits(browser, nodes.url)
    visit.forgive(r"poster\.webp")  # this server has no files of its own
    room = await house.room(products=())
    pages = []
    for look in LOOKS[:2]:
        view = await visit(look)
        sockets = Sockets(view)
        await view.enter(room.path)
        await watch_lines(view.page)
        await view.page.evaluate(_WATCH_BREAKS)
        pages.append((view, sockets))
    sent: list[str] = []
    is_over = asyncio.Event()

    async def talk() -> None:
        async with room.socket() as host:
            while not is_over.is_set():
                line = SendChat(id=new_id(), text=f"line number {len(sent)}")
                posted: ChatPosted = await host.call(line)
                sent.append(posted.id)
                await asyncio.sleep(0.2)

    talking = asyncio.create_task(talk())
    before = set(nodes.nodes().values())
    nodes.signal(signal.SIGHUP)
    async with asyncio.timeout(90):
        while before & set(nodes.nodes().values()) or any(each.opened < 2 for _, each in pages):
            await asyncio.sleep(0.1)
        while any(each.now != 1 for _, each in pages):
            await asyncio.sleep(0.1)
    is_over.set()
    await talking
    assert len(sent) > 10
    for view, sockets in pages:
        await expect(view.lines()).to_have_count(len(sent))
        assert await shown(view.page) == sent
        assert await appeared(view.page) == sent
        assert await view.page.evaluate("window.breaks") == 0
        # The next socket was there before the one before it went.
        assert sockets.fewest == 1
    await house.close()
    assert await visit.close() == []
