"""The chat stays at its newest line, unless its reader has gone further up."""

import pytest
from playwright.async_api import expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import SendChat
from tests.e2e.house import House, Room
from tests.e2e.link import running_link
from tests.e2e.views import Look, Visits
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

# A card is pinned below in the very moment in which the page is told of the last scrolling.
_MAKE_ROOM = """(list) => {
  list.closest('.talk').style.maxBlockSize = '150px';
  list.dispatchEvent(new Event('scroll'));
}"""

# Two pictures later, when the list has come to rest after what was done to it.
_GO_UP = """(list) => new Promise((done) => {
  const goUp = () => { list.scrollBy(0, -200); done(); };
  requestAnimationFrame(() => requestAnimationFrame(goUp));
})"""


async def talk(room: Room, first: int, last: int) -> None:
    async with room.socket() as socket:
        for turn in range(first, last):
            await socket.call(SendChat(id=new_id(), text=f"line number {turn}."))


@pytest.mark.parametrize("look", [Look("en", "desktop"), Look("ar", "phone")], ids=str)
async def test_stays_at_the_newest_line(look: Look, house: House, visit: Visits):
    room = await house.room(products=[])
    view = await visit(look)
    await view.enter(room.path)
    await talk(room, 0, 30)
    await expect(view.line("line number 29.")).to_be_in_viewport(ratio=0.5)

    lines = view.page.get_by_role("log")
    await lines.evaluate(_MAKE_ROOM)
    newest = view.button("chat_newest")
    await expect(view.line("line number 29.")).to_be_in_viewport(ratio=0.5)
    await expect(newest).to_have_count(0)

    # the reader goes up: what comes now waits below
    await lines.evaluate(_GO_UP)
    await expect(newest).to_be_visible()
    await talk(room, 30, 33)
    await expect(view.lines()).to_have_count(33)
    await expect(view.line("line number 32.")).not_to_be_in_viewport()
    await view.inspect("reading further up")
    await newest.click()
    await expect(view.line("line number 32.")).to_be_in_viewport(ratio=0.5)
    await expect(newest).to_have_count(0)


@pytest.mark.parametrize("look", [Look("en", "phone")], ids=str)
async def test_keeps_what_is_typed_while_a_line_is_sent(
    look: Look, house: House, visit: Visits, server: ServerProcess
):
    room = await house.room(products=[])
    async with running_link(server.port, one_way_s=0.4) as slow:
        view = await visit(look, await house.person("Layan"), url=slow.url)
        await view.enter(room.path)
        box = view.page.get_by_role("textbox", name=view.words("chat_write"))
        await box.fill("how much is it?")
        await box.press("Enter")
        await box.press_sequentially(" and in blue?")
        await expect(view.line("how much is it?")).to_be_visible()
        await expect(box).to_have_value("and in blue?")
        await box.press("Enter")
        await expect(view.lines()).to_have_count(2)
        await expect(box).to_have_value("")
        await view.page.goto("about:blank")
