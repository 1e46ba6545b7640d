"""A page of a server that deflates shows what a page of any other does."""

import pytest
from playwright.async_api import Browser, WebSocket, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import ChatPosted, SendChat
from tests.e2e.house import House
from tests.e2e.views import LOOKS, Visits
from tests.support.server import running_server

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINES = 12


async def test_a_room_that_comes_deflated(browser: Browser):
    env = {"LIVECOMMERCE_DEFLATE": "true", "LIVECOMMERCE_TRUSTED_PROXIES": "127.0.0.1/32"}
    with running_server(env) as server:
        house, visit = House(server.url), Visits(browser, server.url)
        visit.forgive(r"poster\.webp")  # this server has no files of its own
        room = await house.room(products=())
        kinds: list[type] = []

        def opened(socket: WebSocket) -> None:
            socket.on("framereceived", lambda payload: kinds.append(type(payload)))

        async def say(number: int) -> None:
            line = SendChat(id=new_id(), text=f"line number {number}, مرحبا")
            await room.command(line, ChatPosted)

        for number in range(LINES):
            await say(number)
        view = await visit(LOOKS[0])
        view.page.on("websocket", opened)
        await view.enter(room.path)
        await expect(view.lines()).to_have_count(LINES)
        # The snapshot came deflated, the welcome before it as text.
        assert {str, bytes} <= set(kinds)
        await say(LINES)
        await expect(view.lines()).to_have_count(LINES + 1)
        await expect(view.lines().last).to_contain_text(f"line number {LINES}, مرحبا")
        await house.close()
        assert await visit.close() == []
