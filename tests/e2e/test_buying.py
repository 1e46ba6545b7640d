"""One tap buys; everybody sees the counter fall; buyer and host find the order."""

import re

import pytest
from playwright.async_api import expect

from livecommerce.catalogue.wire import ProductPatch, ProductView
from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinSale, PinView
from tests.e2e.house import Flash, House
from tests.e2e.views import LOOKS, Look, Visits
from tests.e2e.words import number

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

UNITS = 12


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_one_click_buys(look: Look, house: House, visit: Visits):
    room = await house.room(units=UNITS)
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    buyer = await house.buyer("ليان")
    mine = await visit(look, buyer)
    other = await visit(Look("ar" if look.lang == "en" else "en", look.device))
    host = await visit(Look(look.lang, "desktop"), room.host)
    await mine.enter(room.path)
    await other.enter(room.path)
    await host.page.goto(room.studio)
    for view in (mine, other):
        await expect(view.left(offer.id)).to_have_attribute("data-left", str(UNITS))
    # the card says beforehand what one tap will do: pay with what, deliver where
    await expect(mine.card(offer.id)).to_contain_text(mine.words.says("one_tap"))

    await mine.buy_button(mine.card(offer.id)).click()

    await expect(mine.notice("order_confirmed")).to_be_visible()
    await expect(mine.page.get_by_role("dialog")).to_have_count(0)
    for view in (mine, other):
        await expect(view.left(offer.id)).to_have_attribute("data-left", str(UNITS - 1))
    in_bag = host.page.locator(f"li[data-offer-id='{offer.id}']")
    await expect(in_bag).to_contain_text(host.words.says("units_left", count=number(UNITS - 1)))

    orders = await room.orders()
    assert [(one.state, one.qty) for one in orders.orders] == [("confirmed", 1)]
    row = host.page.locator(
        f"[data-testid=room-order][data-order-id='{orders.orders[0].order_id}']"
    )
    await expect(row).to_have_attribute("data-state", "confirmed")
    await expect(row).to_contain_text(buyer.name)
    await expect(host.page.get_by_test_id("tile-orders")).to_have_text(re.compile(f"^{number(1)}$"))

    account = await visit.another(mine.context, look)
    await account.page.goto("/account#orders")
    order = account.page.get_by_test_id("order")
    await expect(order).to_have_count(1)
    await expect(order).to_have_attribute("data-state", "confirmed")
    await expect(order).to_contain_text(orders.orders[0].number)
    await expect(order).to_contain_text(getattr(offer.title, look.lang))
    await mine.inspect("after buying")
    await account.inspect("orders")
    await host.inspect("orders")


async def test_what_the_merchant_takes_off_the_shelves_cannot_be_bought(
    house: House, visit: Visits
):
    room = await house.room(units=UNITS)
    single, other = room.offers
    await room.command(PinOffer(id=new_id(), offer_id=single.id), PinView)
    sale = await room.sale(other, quota=3)
    await room.command(PinSale(id=new_id(), sale_id=sale.id, slot=2), PinView)
    viewer = await visit(Look("en", "phone"))
    await viewer.enter(room.path)
    pinned, flash = viewer.card(single.id), viewer.sale(sale.id)
    await expect(viewer.buy_button(pinned)).to_be_enabled()
    await expect(flash.get_by_role("button")).to_have_count(1)
    for offer in (single, other):
        archived = ProductPatch(version=1, state="archived")
        path = f"/v1/products/{offer.product_id}"
        await room.host.api.patch(path, archived, ProductView)
    await expect(viewer.buy_button(pinned)).to_be_disabled()
    await expect(flash.get_by_role("button")).to_have_count(0)
    for card in (pinned, flash):
        await expect(card).to_contain_text(viewer.words("sold_out"))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_guest_becomes_a_buyer_and_keeps_the_held_unit(
    look: Look, house: House, visit: Visits, flash: Flash
):
    room, sale = flash.room, flash.sale
    guest = await visit(look)
    name = f"Guest {new_id()[-6:]}"
    await guest.enter(room.path)
    card = guest.sale(sale.id)
    await expect(card).to_have_attribute("data-phase", "live", timeout=20_000)
    count = card.get_by_test_id("sale-count")
    taken = await room.orders()
    before = sale.quota - taken.held - taken.confirmed
    await expect(count).to_have_attribute("data-available", str(before))

    await guest.buy_button(card).click()
    sheet = guest.sheet
    await sheet.get_by_role("textbox", name=guest.words("your_name")).fill(name)
    await guest.inspect("a name is asked")
    await guest.button("hold_units", sheet).click()

    # the unit is the guest's, for as long as the clock runs
    timer = sheet.get_by_test_id("hold").get_by_role("timer")
    await expect(timer).to_be_visible()
    assert 60 < int(await timer.get_attribute("data-left-s") or 0) <= sale.hold_s
    held = [one for one in (await room.orders()).orders if one.buyer_name == name]
    assert [one.state for one in held] == ["held"]
    await expect(count).to_have_attribute("data-available", str(before - 1))

    # they look at the show for a moment, and come back to it
    await guest.button("close", sheet).click()
    bar = guest.page.get_by_test_id("held-bar")
    await guest.button("finish_order", bar).click()
    sheet = guest.sheet
    await guest.fill_address(sheet)
    await sheet.get_by_role("radio", name=guest.words("test_card_tok_visa")).check()
    await guest.inspect("address and payment")
    await guest.button("pay_total", sheet).click()

    await expect(sheet).to_contain_text(guest.words.says("order_confirmed"))
    after = [one for one in (await room.orders()).orders if one.buyer_name == name]
    assert [(one.order_id, one.state) for one in after] == [(held[0].order_id, "confirmed")]
    await expect(count).to_have_attribute("data-available", str(before - 1))
    await guest.inspect("thanks")
    await guest.button("back_to_show", sheet).click()
    await expect(guest.page.get_by_role("dialog")).to_have_count(0)
    # who has bought once buys with one tap from now on
    await expect(bar).to_have_count(0)
