"""Without a mouse, and from one language to the other."""

import pytest
from playwright.async_api import Locator, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinView
from tests.e2e.house import House
from tests.e2e.views import LOOKS, Look, View, Visits
from tests.e2e.words import Words

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

TABS_MAX = 60
UNITS = 5

_FOCUS_RING = """(element) => {
  const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
  return (outlineStyle !== 'none' && parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
}"""


async def tab_to(view: View, target: Locator) -> None:
    """Presses Tab until the target has the focus, and sees that this shows."""
    for _ in range(TABS_MAX):
        await view.page.keyboard.press("Tab")
        if await target.evaluate("(element) => element === document.activeElement"):
            ring = await target.evaluate(_FOCUS_RING)
            assert ring, f"the focus on {target} cannot be seen"
            return
    raise AssertionError(f"{target} is not reached with Tab")


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_buying_with_the_keyboard_alone(look: Look, house: House, visit: Visits):
    room = await house.room(units=UNITS, products=["oud-malaki"])
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    view = await visit(look, await house.buyer("Layan", card=None))
    await view.enter(room.path)
    left = view.left(offer.id)
    await expect(left).to_have_attribute("data-left", str(UNITS))
    keyboard = view.page.keyboard
    buy = view.buy_button(view.card(offer.id))

    await tab_to(view, buy)
    await keyboard.press("Enter")
    sheet = view.sheet
    await expect(sheet).to_be_visible()

    # Escape leaves it, and the focus is where it was
    await keyboard.press("Escape")
    await expect(view.page.get_by_role("dialog")).to_have_count(0)
    await expect(buy).to_be_focused()
    await keyboard.press("Enter")
    await expect(sheet).to_be_visible()

    await tab_to(view, view.button("hold_units", sheet))
    await keyboard.press("Enter")
    await expect(sheet.get_by_test_id("hold")).to_be_visible()
    cash = sheet.get_by_role("radio", name=view.words("pay_on_delivery"))
    await tab_to_group(view, cash)
    await tab_to(view, view.button("pay_total", sheet))
    await keyboard.press("Enter")

    await expect(sheet).to_contain_text(view.words.says("order_confirmed"))
    await expect(left).to_have_attribute("data-left", str(UNITS - 1))
    await tab_to(view, view.button("back_to_show", sheet))
    await keyboard.press("Enter")
    await expect(view.page.get_by_role("dialog")).to_have_count(0)
    await expect(buy).to_be_focused()


async def tab_to_group(view: View, radio: Locator) -> None:
    """Reaches the radios that `radio` is one of, and chooses it with the arrow keys."""
    name = await radio.get_attribute("name")
    for _ in range(TABS_MAX):
        await view.page.keyboard.press("Tab")
        if await view.page.evaluate("document.activeElement.name") == name:
            break
    else:
        raise AssertionError(f"the radios {name} are not reached with Tab")
    for _ in range(12):
        if await radio.is_checked():
            return
        await view.page.keyboard.press("ArrowDown")
    await view.page.keyboard.press("Space")
    await expect(radio).to_be_checked()


@pytest.mark.parametrize("look", [Look("en", "phone"), Look("ar", "desktop")], ids=str)
async def test_the_language_changes_and_the_page_stays(look: Look, house: House, visit: Visits):
    room = await house.room(products=["dallah-set"])
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    view = await visit(look, await house.person("Layan"))
    await view.enter(room.path)
    await expect_language(view, look.lang)
    await expect(view.card(offer.id)).to_contain_text(getattr(offer.title, look.lang))
    draft = view.page.get_by_role("textbox", name=view.words("chat_write"))
    await draft.fill("a half-written line")
    address = view.page.url
    await view.page.evaluate("window.isTheSamePage = true")
    then = "ar" if look.lang == "en" else "en"

    switch = view.page.locator(f"button[lang={then}]")
    await tab_to(view, switch)
    await view.page.keyboard.press("Enter")

    view.words = Words(then)
    await expect_language(view, then)
    await expect(view.card(offer.id)).to_contain_text(getattr(offer.title, then))
    draft = view.page.get_by_role("textbox", name=view.words("chat_write"))
    await expect(draft).to_have_value("a half-written line")
    assert view.page.url == address
    assert await view.page.evaluate("window.isTheSamePage") is True
    await view.inspect("after the switch")

    # the next page, and this one after a reload, remember it
    await view.page.reload()
    await expect_language(view, then)
    await view.page.goto("/account")
    await expect_language(view, then)
    await expect(view.page.get_by_role("link", name=view.words("orders")).first).to_be_visible()


async def expect_language(view: View, lang: str) -> None:
    """The page says its language, and is laid out in its direction."""
    html = view.page.locator("html")
    await expect(html).to_have_attribute("lang", lang)
    direction = "rtl" if lang == "ar" else "ltr"
    await expect(html).to_have_css("direction", direction)
    await expect(view.page.locator("body")).to_have_css("direction", direction)
