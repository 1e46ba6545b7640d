"""Every page and every sheet: it opens, complains of nothing, and axe finds nothing grave."""

import pytest
from playwright.async_api import expect

from livecommerce.catalogue.wire import Text
from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinText, PinView, PlanShow, ShowView
from tests.e2e.house import PASSWORD, House
from tests.e2e.views import LOOKS, Look, View, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def close(view: View) -> None:
    await view.page.keyboard.press("Escape")
    await expect(view.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_lobby_and_account(look: Look, house: House, visit: Visits):
    room = await house.room(products=["headphones"])
    coming = await house.room(is_live=False, products=[])
    title = Text(en="Perfume night", ar="ليلة العطور")
    plan = PlanShow(id=new_id(), title=title, starts_at=4_000_000_000_000)
    await coming.command(plan, ShowView)
    person = await house.buyer("ليان العتيبي")
    view = await visit(look)
    page, words = view.page, view.words

    await page.goto("/")
    mine = page.locator(f"[data-testid=room-card][href='{room.path}']")
    await expect(mine).to_be_visible()
    await view.inspect("lobby")

    await page.goto("/account#sign-up")
    await expect(page.get_by_role("heading", name=words("sign_up_title"))).to_be_visible()
    await view.inspect("sign-up")
    await page.goto(f"/account?next={room.path}#sign-in")
    await page.reload()
    await page.get_by_label(words("login")).fill(person.login)
    await page.get_by_label(words("password")).fill("not the passphrase")
    submit = page.locator("form").get_by_role("button", name=words("sign_in"))
    visit.forgive("401")
    await submit.click()
    await expect(page.get_by_role("alert")).to_have_text(words("error_wrong_credentials"))
    await view.inspect("sign-in refused")
    await page.get_by_label(words("password")).fill(PASSWORD)
    await submit.click()
    await page.wait_for_url(f"**{room.path}")

    for section in ("orders", "addresses", "cards", "settings"):
        await page.goto(f"/account#{section}")
        current = page.get_by_role("link", name=words(section), exact=True)
        await expect(current).to_have_attribute("aria-current", "page")
        await view.inspect(section)
        if section == "addresses":
            await view.button("address_add").click()
            await expect(page.get_by_label(words("field_recipient"))).to_be_visible()
            await view.inspect("new address")
    await view.button("sign_out").click()
    await expect(page.get_by_role("heading", name=words("sign_in_title"))).to_be_visible()


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_sheets_of_the_room(look: Look, house: House, visit: Visits):
    room = await house.room(products=["oud-malaki", "headphones"])
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    await room.command(PinText(id=new_id(), text="أهلًا بكم في المجلس"), PinView)
    view = await visit(look)
    await view.enter(room.path)
    await expect(view.page.get_by_test_id("announcement")).to_be_visible()
    await expect(view.card(offer.id)).to_be_visible()
    await view.inspect("room of a visitor")

    await view.card(offer.id).get_by_role("button").first.click()
    await expect(view.button("buy_now", view.sheet)).to_be_enabled()
    await view.inspect("product")
    await close(view)

    if look.is_phone:
        await view.button("open_bag").click()
        await expect(view.sheet.get_by_role("listitem")).to_have_count(2)
        await view.inspect("bag")
        await close(view)

    await view.button("menu").click()
    await expect(view.sheet).to_be_visible()
    await view.inspect("menu")
    await close(view)

    # a visitor who writes is asked for a name, and nothing else
    box = view.page.get_by_role("textbox", name=view.words("chat_write"))
    await box.fill("السلام عليكم")
    await box.press("Enter")
    await view.sheet.get_by_role("textbox", name=view.words("your_name")).fill("زائر")
    await view.inspect("a name is asked")
    await view.button("join_talk", view.sheet).click()
    await expect(view.line("السلام عليكم")).to_be_visible()
    await view.inspect("room with a message")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_studio(look: Look, house: House, visit: Visits):
    room = await house.room(products=["dallah-set", "sukkari-bowl"])
    view = await visit(look, room.host)
    await view.page.goto("/studio")
    link = view.page.locator(f"a[href='{room.studio}']")
    await expect(link).to_be_visible()
    await view.inspect("rooms")
    await link.click()

    show = await view.pane("pane_show")
    await view.inspect("show")
    await view.button("room_settings", show).click()
    await view.inspect("room settings")
    await close(view)
    await view.button("go_end", show).click()
    await view.inspect("end the show?")
    await close(view)

    bag = await view.pane("pane_bag")
    announcement = bag.get_by_role("textbox", name=view.words("announce"))
    await announcement.fill("Ten minutes to go · بقيت عشر دقائق")
    await announcement.press("Enter")
    slot = bag.get_by_test_id("slot-3")
    await expect(slot).to_contain_text("Ten minutes to go")
    await view.inspect("pins")
    await view.button("undo_slot", slot).click()
    await expect(slot).not_to_contain_text("Ten minutes to go")
    await view.button("bag_add", bag).click()
    await expect(view.sheet.get_by_role("listitem").first).to_be_visible()
    await view.inspect("products to add")
    await close(view)

    sale = await view.pane("pane_sale")
    await view.button("sale_plan", sale).click()
    await view.inspect("planning a flash sale")
    await close(view)
    for name in ("pane_orders", "pane_chat"):
        await view.pane(name)
        await view.inspect(name)
