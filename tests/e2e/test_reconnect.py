"""Ten seconds without a network: nothing is missing afterwards, and nothing is there twice."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import expect

from livecommerce.client import CallRefused
from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import ChatPosted, DeleteMessage, PinOffer, PinView, SendChat
from tests.e2e.house import House, Room
from tests.e2e.lines import appeared, shown, watch_lines
from tests.e2e.link import running_link
from tests.e2e.views import LOOKS, Visits
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AWAY_S = 10.0
EVERY_S = 0.4


async def talk(room: Room, sent: list[str], is_over: asyncio.Event) -> None:
    """The host says something all the while."""
    async with room.socket() as socket:
        turn = 0
        while not is_over.is_set():
            turn += 1
            line = SendChat(id=new_id(), text=f"line number {turn}")
            try:
                posted: ChatPosted = await socket.call(line)
                sent.append(posted.id)
            except CallRefused as refused:
                if refused.after_ms is None:
                    raise
                await asyncio.sleep(refused.after_ms / 1000)
            await asyncio.sleep(EVERY_S)


@pytest.mark.parametrize("knows", [True, False], ids=["flight mode", "cable pulled"])
async def test_ten_seconds_away(knows: bool, house: House, visit: Visits, server: ServerProcess):
    """`knows`: the browser itself has noticed that there is no network."""
    visit.forgive(r"ERR_|WebSocket connection")  # there is no network: that may be said
    room = await house.room(units=9)
    first, second = room.offers
    await room.command(PinOffer(id=new_id(), offer_id=first.id), PinView)
    async with AsyncExitStack() as stack:
        links, views = [], []
        for look in LOOKS:
            link = await stack.enter_async_context(running_link(server.port))
            view = await visit(look, url=link.url)
            await view.enter(room.path)
            await expect(view.card(first.id)).to_be_visible()
            await watch_lines(view.page)
            links.append(link)
            views.append(view)
        sent: list[str] = []
        is_over = asyncio.Event()
        talking = asyncio.create_task(talk(room, sent, is_over))
        for view in views:
            await expect(view.line("line number 3")).to_be_visible()

        for link, view in zip(links, views, strict=True):
            link.cut()
            if knows:
                await view.context.set_offline(True)
        known_before = len(sent)
        await asyncio.sleep(AWAY_S / 2)
        # meanwhile the host pins something else, takes a line back, and somebody buys
        await room.command(PinOffer(id=new_id(), offer_id=second.id), PinView)
        regretted = sent[known_before + 2]
        await room.command(DeleteMessage(id=new_id(), message_id=regretted), dict)
        for view in views:
            state = view.page.get_by_test_id("connection-state")
            await expect(state).to_contain_text(view.words("reconnecting"))
        await views[0].inspect("without a network")
        await asyncio.sleep(AWAY_S / 2)
        assert len(sent) - known_before > 10
        for link, view in zip(links, views, strict=True):
            link.mend()
            if knows:
                await view.context.set_offline(False)

        for view in views:
            await expect(view.card(second.id)).to_be_visible(timeout=25_000)
            await expect(view.page.get_by_test_id("connection-state")).to_have_count(0)
            # what had to be fetched while there was no network comes when it is needed
            await view.button("menu").click()
            await expect(view.sheet).to_be_visible()
        is_over.set()
        await talking
        expected = [each for each in sent if each != regretted]
        for view in views:
            await expect(view.lines()).to_have_count(len(expected))
            assert await shown(view.page) == expected
            ever = await appeared(view.page)
            assert len(ever) == len(set(ever))
            assert regretted not in ever
