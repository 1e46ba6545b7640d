"""A page from before an upgrade: parts of it that it has not fetched yet are gone."""

import re

import pytest
from playwright.async_api import Route, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinView
from tests.e2e.house import House
from tests.e2e.test_payments import enter, pay_with, set_aside
from tests.e2e.views import LOOKS, Look, View, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SHEETS = re.compile(r"/assets/sheets-[^/]+\.js$")
ARABIC = re.compile(r"/assets/ar-[^/]+\.js$")
NO_PLAYER_OF_ITS_OWN = "HTMLMediaElement.prototype.canPlayType = () => ''"
PLAYER = re.compile(r"/assets/hls[^/]+\.js$")


async def gone(route: Route) -> None:
    """What the server says of a file that went with the upgrade."""
    await route.fulfill(status=404, content_type="application/problem+json", body="{}")


async def nothing(route: Route) -> None:
    """A page that is long in coming."""
    await route.fulfill(status=200, content_type="text/html", body="<body></body>")


async def load_anew(view: View) -> None:
    """Takes the offer to reload; the page that comes is of the new version."""
    await expect(view.sheet).to_have_accessible_name(view.words("part_missing"))
    await view.page.unroute(SHEETS)
    await view.button("reload", view.sheet).click()


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_who_taps_buy_gets_the_sheet_by_a_reload(look: Look, house: House, visit: Visits):
    visit.forgive(r"404|ERR_INTERNET_DISCONNECTED|WebSocket connection")
    room = await house.room()
    wanted = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=wanted.id), PinView)
    view = await visit(look, await house.person("ليان"))
    await view.page.route(SHEETS, gone)
    await view.enter(room.path)
    await view.buy_button(view.card(wanted.id)).click()
    await expect(view.sheet).to_have_accessible_name(view.words("part_missing"))
    await view.inspect("a part is missing")

    # nobody gives up this page for none
    await view.context.set_offline(True)
    await view.button("reload", view.sheet).click()
    await expect(view.sheet).to_have_accessible_name(view.words("error_offline"))
    await view.context.set_offline(False)
    await view.page.unroute(SHEETS)
    await view.button("reload", view.sheet).click()

    await expect(view.button("hold_units", view.sheet)).to_be_enabled()
    await expect(view.sheet).to_contain_text(getattr(wanted.title, look.lang))


async def test_what_is_held_stays_held(house: House, visit: Visits):
    visit.forgive("404")
    room = await house.room()
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    view = await visit(LOOKS[0], await house.person("ليان"))
    await view.enter(room.path)
    await view.buy_button(view.card(offer.id)).click()
    await view.button("hold_units", view.sheet).click()
    await expect(view.sheet.get_by_test_id("hold")).to_be_visible()

    await view.page.route(SHEETS, gone)
    await view.page.reload()
    await view.button("finish_order", view.page.get_by_test_id("held-bar")).click()
    await load_anew(view)

    await expect(view.sheet.get_by_test_id("hold")).to_be_visible()
    assert [order.state for order in (await room.orders()).orders] == ["held"]


async def test_a_product_that_was_looked_at_opens_by_a_reload(house: House, visit: Visits):
    visit.forgive("404")
    room = await house.room()
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    view = await visit(LOOKS[0])
    await view.page.route(SHEETS, gone)
    await view.enter(room.path)
    await view.card(offer.id).get_by_role("button", name=offer.title.en).first.click()
    await load_anew(view)
    await expect(view.button("buy_now", view.sheet)).to_be_visible()


async def test_a_part_that_did_not_come_is_asked_for_again(house: House, visit: Visits):
    visit.forgive("404")
    room = await house.room()
    view = await visit(LOOKS[0])
    await view.page.route(SHEETS, gone)
    await view.enter(room.path)
    await view.button("menu").click()
    await view.button("close", view.sheet).click()
    await expect(view.page.get_by_role("dialog")).to_have_count(0)
    await view.page.unroute(SHEETS)
    await view.button("menu").click()
    await expect(view.sheet.get_by_role("link", name=view.words("to_lobby"))).to_be_visible()


async def test_what_was_wanted_in_one_room_does_not_open_in_another(house: House, visit: Visits):
    visit.forgive("404")
    room, other = await house.room(), await house.room()
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    view = await visit(LOOKS[0])
    await view.page.route(SHEETS, gone)
    await view.enter(room.path)
    await view.card(offer.id).get_by_role("button", name=offer.title.en).first.click()
    # they do not wait for the page that is loaded anew
    await view.page.route(f"**{room.path}", nothing)
    await load_anew(view)
    await view.page.wait_for_function("document.body.textContent === ''")
    await view.enter(other.path)
    await view.page.wait_for_function("sessionStorage.getItem('lc.wanted') === null")
    await view.button("menu").click()
    await expect(view.sheet.get_by_role("link", name=view.words("to_lobby"))).to_be_visible()
    await expect(view.page.get_by_role("dialog")).to_have_count(1)


async def test_a_language_whose_texts_are_gone_comes_with_the_page_anew(
    house: House, visit: Visits
):
    visit.forgive("404")
    room = await house.room(products=[])
    view = await visit(LOOKS[0])
    await view.page.route(ARABIC, gone)
    await view.enter(room.path)
    await view.page.get_by_role("button", name=view.words("language_switch")).click()
    await expect(view.sheet).to_have_accessible_name(view.words("part_missing"))
    await view.page.unroute(ARABIC)
    await view.button("reload", view.sheet).click()
    await expect(view.page.locator("html[dir=rtl]")).to_be_attached()
    await expect(view.page.get_by_role("log")).to_be_visible()


async def test_a_player_that_is_gone_is_offered_by_a_reload(house: House, visit: Visits):
    visit.forgive("404")
    room = await house.room(products=[], playback_url="/media/none.m3u8")
    view = await visit(LOOKS[0], scripts=[NO_PLAYER_OF_ITS_OWN])
    await view.page.route(PLAYER, gone)
    await view.enter(room.path)
    await expect(view.sheet).to_have_accessible_name(view.words("part_missing"))
    await view.button("close", view.sheet).click()
    await expect(view.page.get_by_role("dialog")).to_have_count(0)


async def test_the_banks_page_that_cannot_be_shown_can_be_shut(house: House, visit: Visits):
    visit.forgive("404")
    view, room = await enter(LOOKS[0], house, visit)
    await pay_with(view, await set_aside(view, room), "test_card_tok_challenge")
    await expect(view.sheet).to_have_accessible_name(view.words("challenge_title"))

    await view.page.route(SHEETS, gone)
    await view.page.reload()
    await expect(view.sheet).to_have_accessible_name(view.words("part_missing"))
    await view.button("close", view.sheet).click()
    await expect(view.page.get_by_role("dialog")).to_have_count(0)

    await view.button("finish_order", view.page.get_by_test_id("held-bar")).click()
    await load_anew(view)
    await expect(view.sheet).to_have_accessible_name(view.words("challenge_title"))
