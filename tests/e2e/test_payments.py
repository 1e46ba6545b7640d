"""Cards that are declined, banks that ask first, and money at the door."""

import re

import pytest
from playwright.async_api import Locator, Route, expect

from livecommerce.kernel.ids import new_id
from livecommerce.payments.wire import CardDraft, CardView
from livecommerce.people.wire import AddressList
from livecommerce.shows.wire import PinOffer, PinView
from tests.e2e.accessibility import grave_findings
from tests.e2e.house import House, Room
from tests.e2e.views import LOOKS, Look, View, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

UNITS = 10


async def enter(look: Look, house: House, visit: Visits) -> tuple[View, Room]:
    """A buyer with an address and without a card, before a pinned product."""
    room = await house.room(units=UNITS)
    await room.command(PinOffer(id=new_id(), offer_id=room.offers[0].id), PinView)
    view = await visit(look, await house.buyer("Layan", card=None))
    await view.enter(room.path)
    return view, room


async def set_aside(view: View, room: Room) -> Locator:
    """Taps Buy and has the unit held, as nothing is known yet to pay with."""
    await view.buy_button(view.card(room.offers[0].id)).click()
    await view.button("hold_units", view.sheet).click()
    await expect(view.sheet.get_by_test_id("hold")).to_be_visible()
    return view.sheet


async def pay_with(view: View, sheet: Locator, means: str) -> None:
    choice = sheet.get_by_role("radio", name=view.words(means))
    if not await choice.is_visible():
        await sheet.get_by_text(view.words("test_cards")).click()
    await choice.check()
    await view.button("pay_total", sheet).click()


async def states(room: Room) -> list[str]:
    """What became of the orders, the newest first."""
    return [order.state for order in (await room.orders()).orders]


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_declined_card_and_then_a_bank_that_asks(look: Look, house: House, visit: Visits):
    view, room = await enter(look, house, visit)
    sheet = await set_aside(view, room)

    await pay_with(view, sheet, "test_card_tok_declined")
    await expect(sheet.get_by_role("alert")).to_have_text(view.words("error_payment_declined"))
    await expect(sheet.get_by_test_id("hold")).to_be_visible()
    assert await states(room) == ["held"]
    await view.inspect("declined")

    # the bank says no …
    await pay_with(view, sheet, "test_card_tok_challenge")
    await answer_bank(view, "deny")
    await expect(sheet.get_by_role("alert")).to_have_text(view.words("error_payment_declined"))
    assert await states(room) == ["held"]

    # … and then yes: the same unit, the same order
    await pay_with(view, sheet, "test_card_tok_challenge")
    await answer_bank(view, "approve")
    await expect(view.page.get_by_role("dialog")).to_have_count(1)
    await expect(view.sheet).to_contain_text(view.words.says("order_confirmed"))
    assert await states(room) == ["confirmed"]
    left = view.left(room.offers[0].id)
    await expect(left).to_have_attribute("data-left", str(UNITS - 1))


async def answer_bank(view: View, answer: str) -> None:
    """Presses a button on the bank's page, which stands over the room."""
    dialog = view.page.get_by_role("dialog", name=view.words("challenge_title"))
    await expect(dialog).to_be_visible()
    frame = dialog.frame_locator("iframe")
    button = frame.locator(f"button[value={answer}]")
    await expect(button).to_be_visible()
    await view.inspect("the bank asks")
    for inside in view.page.frames[1:]:
        assert await grave_findings(inside) == []
    await button.click()


@pytest.mark.parametrize("look", [Look("en", "desktop"), Look("ar", "phone")], ids=str)
async def test_pay_on_delivery(look: Look, house: House, visit: Visits):
    view, room = await enter(look, house, visit)
    sheet = await set_aside(view, room)
    await pay_with(view, sheet, "pay_on_delivery")
    await expect(sheet).to_contain_text(view.words("pay_at_door"))
    assert await states(room) == ["confirmed"]
    account = await visit.another(view.context, look)
    await account.page.goto("/account#orders")
    order = account.page.get_by_test_id("order")
    await expect(order).to_contain_text(account.words("payment_due_on_delivery"))

    # changed their mind: the order is cancelled, and the unit is for sale again
    await account.button("cancel_order", order).click()
    await account.inspect("cancel?")
    await account.button("cancel_order", account.sheet).click()
    await expect(order).to_have_attribute("data-state", "cancelled")
    left = view.left(room.offers[0].id)
    await expect(left).to_have_attribute("data-left", str(UNITS))


@pytest.mark.parametrize("look", [Look("en", "phone"), Look("ar", "desktop")], ids=str)
async def test_why_a_payment_failed_stands_in_the_orders(look: Look, house: House, visit: Visits):
    view, room = await enter(look, house, visit)
    sheet = await set_aside(view, room)
    await pay_with(view, sheet, "test_card_tok_declined")
    declined = view.words("error_payment_declined")
    await expect(sheet.get_by_role("alert")).to_have_text(declined)
    account = await visit.another(view.context, look)
    await account.page.goto("/account#orders")
    order = account.page.get_by_test_id("order")
    await expect(order.get_by_test_id("failure")).to_have_text(declined)
    await account.inspect("declined")

    # a stolen card ends the order; nobody is told to try another one
    await pay_with(view, sheet, "test_card_tok_stolen")
    over = view.words("over_payment_declined")
    await expect(sheet.get_by_role("alert")).to_have_text(over)
    await view.inspect("over")
    await account.page.reload()
    await expect(order).to_have_attribute("data-state", "cancelled")
    await expect(order.get_by_test_id("failure")).to_have_text(over)


@pytest.mark.parametrize("look", [Look("en", "phone")], ids=str)
async def test_a_refusal_after_one_tap_is_told(look: Look, house: House, visit: Visits):
    room = await house.room(units=UNITS)
    await room.command(PinOffer(id=new_id(), offer_id=room.offers[0].id), PinView)
    buyer = await house.buyer("Layan", card="tok_visa")
    await buyer.api.post("/v1/me/cards", CardDraft(token="tok_declined"), CardView)
    view = await visit(look, buyer)
    await view.enter(room.path)
    card = view.card(room.offers[0].id)
    await expect(card).to_contain_text(view.words.says("one_tap"))
    await view.buy_button(card).click()
    sheet, notice = view.sheet, view.notice("error_payment_declined")
    # whichever is quicker, bank or server: the sheet says it, or a notice that leads there
    await expect(sheet.get_by_role("alert").or_(notice)).to_be_visible()
    if await notice.is_visible():
        await view.button("finish_order", notice).click()
    await expect(sheet.get_by_role("alert")).to_have_text(view.words("error_payment_declined"))
    # another card than the one that was declined, now and the next time
    await expect(sheet.get_by_role("radio", name=re.compile("4242"))).to_be_checked()
    await view.button("pay_total", sheet).click()
    await expect(sheet).to_contain_text(view.words.says("order_confirmed"))
    await view.button("back_to_show", sheet).click()
    await expect(card).to_contain_text("4242")


@pytest.mark.parametrize("look", [Look("ar", "phone")], ids=str)
async def test_a_new_address_is_saved_once(look: Look, house: House, visit: Visits):
    visit.forgive("ERR_FAILED")
    room = await house.room(units=UNITS)
    await room.command(PinOffer(id=new_id(), offer_id=room.offers[0].id), PinView)
    person = await house.person("Layan")
    view = await visit(look, person)
    await view.enter(room.path)
    sheet = await set_aside(view, room)
    await view.fill_address(sheet)

    async def lose_the_answer(route: Route) -> None:
        await route.fetch()
        await route.abort()

    # it is saved, and the answer gets lost
    await view.page.route("**/v1/me/addresses", lose_the_answer, times=1)
    await pay_with(view, sheet, "test_card_tok_declined")
    await expect(sheet.get_by_role("alert")).to_have_text(view.words("error_offline"))
    # tried again, and refused by the bank
    await view.button("pay_total", sheet).click()
    await expect(sheet.get_by_role("alert")).to_have_text(view.words("error_payment_declined"))
    await pay_with(view, sheet, "test_card_tok_visa")
    await expect(sheet).to_contain_text(view.words.says("order_confirmed"))
    listed = await person.api.get("/v1/me/addresses", AddressList)
    assert len(listed.addresses) == 1
