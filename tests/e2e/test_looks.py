"""What a designer would look at: nothing is cut, and what belongs together stands together."""

import pytest
from playwright.async_api import Locator, Route, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import ChatPosted, PinOffer, PinText, PinView, SendChat
from tests.e2e.house import House, Room
from tests.e2e.views import LOOKS, Look, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LINES = {"en": "So elegant", "ar": "كم السعر مع التوصيل؟"}
APART_MAX_PX = 24
MIDDLE = 0.56
"""What the video shows is in the upper part of a phone, down to here."""
FOUR_LINES_PX = 115

# how far the first letters of a text are from what stands before it, and how much lower
_APART = """(line) => {
  const range = document.createRange();
  const text = line.querySelector('.text p');
  range.setStart(text.lastChild, 0);
  range.setEnd(text.lastChild, 1);
  const first = range.getClientRects()[0];
  const before = text.querySelector('.before').getBoundingClientRect();
  range.selectNodeContents(text.lastChild);
  const words = range.getBoundingClientRect();
  return [
    Math.max(words.left - before.right, before.left - words.right),
    Math.max(first.top - before.bottom, before.top - first.bottom),
  ];
}"""
# how far the name and each line of a text are from the paragraph's left, and from its right
_EDGES = """(line) => {
  const text = line.querySelector('.text p');
  const box = text.getBoundingClientRect();
  const range = document.createRange();
  range.selectNodeContents(text.lastChild);
  const edges = (rects) => [
    Math.min(...rects.map(({ left }) => left)) - box.left,
    box.right - Math.max(...rects.map(({ right }) => right)),
  ];
  const rects = [...range.getClientRects()];
  const rows = [...new Set(rects.map(({ top }) => Math.round(top)))].sort((a, b) => a - b);
  return {
    name: edges([text.querySelector('.before').getBoundingClientRect()]),
    rows: rows.map((row) => edges(rects.filter(({ top }) => Math.round(top) === row))),
  };
}"""
# letters may reach out of their line; a line that is missing is more than that
_IS_CUT = """(text) => text.scrollWidth > text.clientWidth + 1
  || text.scrollHeight > text.clientHeight + parseFloat(getComputedStyle(text).fontSize)"""
_BEGINS_IN_SIGHT = """(box) => {
  const range = document.createRange();
  const text = document.createTreeWalker(box, NodeFilter.SHOW_TEXT).nextNode();
  range.setStart(text, 0);
  range.setEnd(text, 1);
  const [first, seen] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
  return first.left >= seen.left - 1 && first.right <= seen.right + 1;
}"""


async def talk(room: Room, times: int) -> None:
    for turn in range(times):
        for text in LINES.values():
            line = SendChat(id=new_id(), text=f"{text} {turn}")
            await room.command(line, ChatPosted)


async def is_cut(text: Locator) -> bool:
    return bool(await text.evaluate(_IS_CUT))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_line_of_either_direction_stands_beside_its_name(
    look: Look, house: House, visit: Visits
):
    room = await house.room(products=[])
    await talk(room, 1)
    view = await visit(look)
    await view.enter(room.path)
    for text in LINES.values():
        apart, lower = await view.line(text).evaluate(_APART)
        assert apart <= APART_MAX_PX, text
        assert lower <= 0, text


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_each_line_of_a_long_text_begins_at_its_own_side(
    look: Look, house: House, visit: Visits
):
    room = await house.room(products=[])
    long = {lang: " ".join([text] * 6) for lang, text in LINES.items()}
    for text in long.values():
        await room.command(SendChat(id=new_id(), text=text), ChatPosted)
    view = await visit(look)
    await view.enter(room.path)
    for lang, text in long.items():
        edges = await view.line(text).evaluate(_EDGES)
        assert edges["name"][look.lang == "ar"] <= 1, "the name keeps its place"
        begins = [row[lang == "ar"] for row in edges["rows"]]
        assert len(begins) > 1, text
        assert all(at <= 1 for at in begins[1:]), (text, edges)
        if lang != look.lang:
            assert begins[0] <= 1, (text, edges)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_title_is_whole_and_the_talk_leaves_the_video_free(
    look: Look, house: House, visit: Visits
):
    room = await house.room(products=["oud-malaki", "headphones"])
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    await room.command(PinText(id=new_id(), text=" ".join([LINES["en"]] * 12)), PinView)
    await talk(room, 6)
    view = await visit(look)
    await view.enter(room.path)
    log, card = view.page.get_by_role("log"), view.card(offer.id)
    await expect(view.lines()).to_have_count(6 * len(LINES))
    height = view.page.viewport_size["height"] if view.page.viewport_size else 0

    async def is_fine(inside: Locator) -> None:
        await expect(inside.locator("strong")).to_have_text(getattr(offer.title, look.lang))
        assert not await is_cut(inside.locator("strong"))
        box = await log.bounding_box()
        assert box is not None
        if look.is_phone:
            assert box["y"] >= MIDDLE * height
            assert box["height"] >= FOUR_LINES_PX  # and there is something to read
            told = await view.page.get_by_test_id("announcement").bounding_box()
            assert told is not None
            assert MIDDLE * height <= told["y"] <= box["y"] - told["height"]

    await is_fine(card)
    sale = await room.sale(offer, quota=9)
    await expect(card).to_have_count(0)
    await is_fine(view.sale(sale.id))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_the_lobby_shows_what_its_only_show_sells(look: Look, house: House, visit: Visits):
    room = await house.room(products=["oud-malaki", "headphones"])

    async def only_this(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        told["rooms"] = [one for one in told["rooms"] if one["id"] == room.view.id]
        await route.fulfill(response=answer, json=told)

    view = await visit(look)
    await view.page.route("**/v1/rooms", only_this)
    await view.page.goto("/")
    shown = view.page.get_by_test_id("on-offer")
    await expect(shown).to_have_count(2)
    assert not await is_cut(shown.first.locator("strong"))
    await view.inspect("lobby with one show")
    await shown.first.click()
    await view.page.wait_for_url(f"**{room.path}")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_the_studio_cuts_an_announcement_at_its_end(look: Look, house: House, visit: Visits):
    room = await house.room(products=[])
    for lang, text in LINES.items():
        if lang != look.lang:
            await room.command(PinText(id=new_id(), text=" ".join([text] * 12)[:280]), PinView)
    view = await visit(look, room.host)
    await view.page.goto(room.studio)
    tiles = [await view.page.locator("dl > div").nth(at).bounding_box() for at in range(4)]
    assert len({round(tile["height"]) for tile in tiles if tile}) == 1
    link = view.page.locator(".link p")
    await expect(link).to_contain_text(room.path)
    assert not await is_cut(link)
    bag = await view.pane("pane_bag")
    title = bag.get_by_test_id("slot-3").locator("strong")
    await expect(title).to_be_visible()
    assert await title.evaluate(_BEGINS_IN_SIGHT)
