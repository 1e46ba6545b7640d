"""What `make cluster` shows: a room on two nodes, one of which is killed under its viewers.

Browsers and Python clients watch the same lines, and both are asked what they saw.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest
import pytest_asyncio
from playwright.async_api import WebSocket, expect

from livecommerce.client import ApiClient, CallRefused, RoomClient
from livecommerce.demo.doors import ROOM
from livecommerce.demo.seed import ROOM_SLUG
from livecommerce.kernel.ids import new_id
from livecommerce.people.wire import Tokens
from livecommerce.shows.wire import ChatPosted, RoomView, SendChat
from tests.demo.opened import OPEN_ON_NODES, Demo, demo
from tests.e2e.lines import appeared, shown, watch_lines
from tests.e2e.views import Look, View, Visits
from tests.support.browser import running_browser
from tests.support.ports import LOOPBACK, free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.redis,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
]

BACK_S = 5.0
"""The promise: how soon the viewers of a node that died are back in the room."""
CLIENTS = 8
EVERY_S = 0.15
TRIES = 25
"""A connection to the shared port meets either node: so many tries miss one of them never."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("cluster") / "demo"
    with demo(folder, pictures, "--cluster", port=free_ports(4)) as opened:
        opened.wait_for(OPEN_ON_NODES, within_s=120)
        yield opened


class Page:
    """A tab that is in the room; notes the nodes its sockets meet and how each received it."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.nodes: list[str] = []
        self.shown_anew = 0
        view.page.on("websocket", self._listen)

    @property
    def node(self) -> str:
        return self.nodes[-1]

    async def enter(self, address: str) -> None:
        """Comes in by a link or by the room's own address, and watches."""
        await self.view.page.goto(address)
        await expect(self.view.page.get_by_role("log")).to_be_visible()
        await watch_lines(self.view.page)
        async with asyncio.timeout(BACK_S):
            while not self.shown_anew:
                await asyncio.sleep(0.02)

    def _listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._receive)

    def _receive(self, frame: bytes | str) -> None:
        message = orjson.loads(frame)
        if message["t"] == "welcome":
            self.nodes.append(message["node"])
        self.shown_anew += message["t"] == "snapshot"


class Client:
    """A viewer in Python, who notes every line in the order it comes."""

    def __init__(self, client: RoomClient) -> None:
        self.client = client
        self.heard: list[str] = []

    @property
    def node(self) -> str:
        return str(self.client.welcome["node"])

    async def watch(self) -> None:
        async for event in self.client.events():
            if isinstance(event, ChatPosted):
                self.heard.append(event.id)


class Room:
    """The demo's room, as those see it who come from outside."""

    def __init__(self, cluster: Demo, visits: Visits) -> None:
        self.cluster = cluster
        self._visits = visits
        self.room_id = ""

    def live(self, node: int = 0) -> str:
        """Where a socket meets this node, or (0) any."""
        return f"ws://{LOOPBACK}:{self.cluster.port + node}/v1/live"

    async def token(self, door: str) -> str:
        """An access token of somebody the demo opened a door for."""
        used = urlsplit(self.cluster.door(door)).fragment.partition("link=")[2].partition("&")[0]
        async with ApiClient(f"http://{LOOPBACK}:{self.cluster.port}") as api:
            return (await api.post("/v1/auth/link", {"token": used}, Tokens)).access_token

    async def find(self) -> None:
        async with ApiClient(f"http://{LOOPBACK}:{self.cluster.port}") as api:
            self.room_id = (await api.get(f"/v1/rooms/{ROOM_SLUG}", RoomView)).id

    async def name_of(self, node: int) -> str:
        """What a node calls itself now."""
        async with RoomClient(self.live(node), room=self.room_id) as client:
            return str(client.welcome["node"])

    async def page(self, look: Look, address: str) -> Page:
        page = Page(await self._visits(look))
        await page.enter(address)
        return page

    async def page_at(self, look: Look, address: str, node: str) -> Page:
        """A page of the shared port whose socket has met this node."""
        for _ in range(TRIES):
            page = await self.page(look, address)
            if page.node == node:
                return page
            await page.view.context.close()
        raise AssertionError("the shared port leads to one node only")

    @asynccontextmanager
    async def client(self, node: int = 0, *, by: str | None = None) -> AsyncIterator[Client]:
        """A Python client that watches; `by` is the door it comes in by."""
        token = None if by is None else await self.token(by)
        client = RoomClient(self.live(node), room=self.room_id, token=token)
        async with client:
            seen = Client(client)
            watching = asyncio.create_task(seen.watch())
            try:
                yield seen
            finally:
                await client.close()
                await watching


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(cluster: Demo) -> AsyncIterator[Room]:
    async with running_browser() as browser:
        visits = Visits(browser, f"http://localhost:{cluster.port}")
        # The demo's video is empty here, and a node that is killed may be spoken of.
        visits.forgive(r"/media/|ERR_|WebSocket connection")
        opened = Room(cluster, visits)
        await opened.find()
        yield opened
        if faults := await visits.close():
            pytest.fail("\n".join(["the pages complained:", *dict.fromkeys(faults)]), pytrace=False)


async def test_what_is_said_on_one_node_is_seen_on_the_other(room: Room):
    first = await room.page(Look("en", "desktop"), room.cluster.door("viewer"))
    there = f"http://localhost:{room.cluster.port + 2}{ROOM}"
    second = await room.page(Look("ar", "phone"), there)
    async with room.client(1) as here, room.client(2, by="moderator") as other:
        assert first.node in {here.node, other.node}
        assert second.node == other.node != here.node
        await first.view.say("from a browser")
        await expect(second.view.line("from a browser")).to_be_visible()
        line = await other.client.call(SendChat(id=new_id(), text="from a program"))
        for page in (first, second):
            await expect(page.view.line("from a program")).to_be_visible()
        async with asyncio.timeout(BACK_S):
            while not all(line.id in each.heard for each in (here, other)):
                await asyncio.sleep(0.02)
    for page in (first, second):
        await page.view.context.close()


async def test_viewers_of_a_killed_node_are_back_with_nothing_lost_and_nothing_twice(room: Room):
    dying, staying = await room.name_of(1), await room.name_of(2)
    shared = f"http://localhost:{room.cluster.port}{ROOM}"
    struck = await room.page_at(Look("en", "desktop"), room.cluster.door("viewer"), dying)
    spared = await room.page_at(Look("ar", "phone"), shared, staying)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(room.client()) for _ in range(CLIENTS)]
        # Those who speak are on both nodes as well; the one is in the middle of it all.
        speakers = [
            await stack.enter_async_context(room.client(by=door)) for door in ("host", "moderator")
        ]
        for _ in range(TRIES):
            if speakers[0].node == dying:
                break
            speakers[0] = await stack.enter_async_context(room.client(by="host"))
        hit = [each for each in (*clients, *speakers) if each.node == dying]
        assert speakers[0] in hit

        said: list[str] = []
        is_over = asyncio.Event()
        talking = [
            asyncio.create_task(_talk(each, name, said, is_over))
            for each, name in zip(speakers, ("one", "two"), strict=True)
        ]
        await expect(struck.view.line("two says 5.")).to_be_visible()
        shown_before = struck.shown_anew, spared.shown_anew

        os.kill(room.cluster.nodes()[1], signal.SIGKILL)
        # Somebody says a thing into a socket that is dead already.
        asking = asyncio.create_task(struck.view.say("am I still here?"))
        async with asyncio.timeout(BACK_S):
            while struck.node == dying or any(each.node == dying for each in hit):
                await asyncio.sleep(0.02)
        await asking
        known = len(said)
        async with asyncio.timeout(BACK_S * 2):
            while len(said) < known + 20:
                await asyncio.sleep(0.05)
        is_over.set()
        await asyncio.gather(*talking)

        question = await struck.view.line("am I still here?").get_attribute("data-message-id")
        assert question is not None
        everything = {*said, question}
        assert len(everything) == len(said) + 1
        for page in (struck, spared):
            for id in (said[-1], question):
                await expect(page.view.page.locator(f"[data-message-id='{id}']")).to_be_attached()
            order = [id for id in await shown(page.view.page) if id in everything]
            assert len(order) == len(everything)
            assert set(order) == everything
            ever = await appeared(page.view.page)
            assert len(ever) == len(set(ever))
            for client in (*clients, *speakers):
                async with asyncio.timeout(BACK_S):
                    while not everything <= set(client.heard):
                        await asyncio.sleep(0.02)
                assert [id for id in client.heard if id in everything] == order
        # All of it as what was missed, not as the room shown anew.
        assert (struck.shown_anew, spared.shown_anew) == shown_before
        assert len(struck.nodes) > 1
        assert spared.nodes == [staying]
        for client in (*clients, *speakers):
            assert client.client.snapshots == 1
            assert (client.client.reconnects > 0) == (client in hit)


async def _talk(speaker: Client, name: str, said: list[str], is_over: asyncio.Event) -> None:
    """Says numbered lines; one without an answer is said again, by the client itself."""
    number = 0
    while not is_over.is_set():
        line = SendChat(id=new_id(), text=f"{name} says {number}.")
        try:
            posted: ChatPosted = await speaker.client.call(line)
        except CallRefused as refused:
            if refused.after_ms is None:
                raise
            await asyncio.sleep(refused.after_ms / 1000)
            continue
        said.append(posted.id)
        number += 1
        await asyncio.sleep(EVERY_S)
