"""A flash sale on four pages at once: one countdown, one counter, one end."""

import asyncio

import pytest
from playwright.async_api import Page, Route, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import SendChat
from livecommerce.stock.wire import EndSale, SaleList, SaleView
from tests.e2e.house import House, Person, Room
from tests.e2e.link import running_link
from tests.e2e.views import LOOKS, Look, View, Visits
from tests.e2e.words import number
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

AGREE_WITHIN_MS = 250
UNITS = 3
LINE_MAX_PX = 90
SLOW_ONE_WAY_S = 0.15
WATCHED_MS = 4_200
LAST_LINE = "what was said last"

# A wall clock that is more than half an hour off, as phones' are at times.
_WRONG_CLOCK = """(() => {
  const right = Date.now;
  Date.now = () => right() + 37 * 60_000;
})()"""

# What the page shows, second by second, by the machine's own clock: at each change of the shown
# second the sale has just that many seconds to go. A late timer only makes the estimate later,
# so the earliest of a few is what the page really counts down to.
_SHOWN_END = """(watchedMs) => new Promise((resolve) => {
  const timer = document.querySelector('[data-testid=flash-sale] [role=timer]');
  const ends = [];
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    ends.push(now + Number(timer.dataset.leftS) * 1000);
  }).observe(timer, { attributes: true, attributeFilter: ['data-left-s'] });
  setTimeout(() => resolve(ends.length > 0 ? Math.min(...ends) : null), watchedMs);
})"""


async def shown_ends(pages: list[Page]) -> list[float]:
    """The moments the pages' countdowns lead to, as their viewers see them."""
    ends: list[float] = await asyncio.gather(
        *(page.evaluate(_SHOWN_END, WATCHED_MS) for page in pages)
    )
    return ends


async def talk(room: Room) -> None:
    """Fills the chat."""
    async with room.socket() as socket:
        for turn in range(20):
            await socket.call(SendChat(id=new_id(), text=f"something about it, part {turn}"))
        await socket.call(SendChat(id=new_id(), text=LAST_LINE))


async def plan_in_studio(host: View) -> None:
    """The host plans the sale, makes it ready, and starts it."""
    pane = await host.pane("pane_sale")
    await host.button("sale_plan", pane).click()
    planner = host.sheet
    units = planner.get_by_label(host.words("sale_quota"))
    await units.fill(str(UNITS))
    # what is proposed once the product is known leaves alone what was typed before
    price = planner.get_by_label(host.words.says("sale_price"))
    await expect(price).not_to_have_value("")
    await expect(units).to_have_value(str(UNITS))
    await planner.get_by_label(host.words("sale_warm_up")).select_option("10")
    await host.inspect("planning a flash sale")
    await host.button("sale_plan", planner).click()
    row = pane.get_by_test_id("sale")
    # the units were there, so that it is ready at once
    await expect(row).to_have_attribute("data-phase", "armed")
    await host.button("sale_start", row).click()
    await expect(row).to_have_attribute("data-phase", "warm_up")


async def test_four_pages_see_one_sale(house: House, visit: Visits, server: ServerProcess):
    room = await house.room(units=20)
    buyers: list[Person] = [await house.buyer(f"Buyer {turn}") for turn in range(UNITS)]
    async with running_link(server.port, one_way_s=SLOW_ONE_WAY_S) as slow:
        views = []
        for look, person in zip(LOOKS, [*buyers, None], strict=True):
            # the last page is far away, and its clock is wrong
            far = person is None
            view = await visit(
                look,
                person,
                url=slow.url if far else None,
                scripts=[_WRONG_CLOCK] if far else [],
            )
            await view.enter(room.path)
            views.append(view)
        await talk(room)
        host = await visit(Look("en", "desktop"), room.host)
        await host.page.goto(room.studio)

        await plan_in_studio(host)
        for view in views:
            card = view.page.get_by_test_id("flash-sale")
            await expect(card).to_have_attribute("data-phase", "warm_up")
            await expect(card).to_contain_text(view.words("starts_in"))
            await expect(view.button("soon", card)).to_be_disabled()
            await expect(card.get_by_test_id("sale-delivery")).to_be_visible()
            # the card takes its room from the chat, which stays at its newest line
            await expect(view.line(LAST_LINE)).to_be_in_viewport(ratio=0.5)
        await views[0].inspect("warm-up")

        for view in views:
            card = view.page.get_by_test_id("flash-sale")
            await expect(card).to_have_attribute("data-phase", "live", timeout=15_000)
            await expect(view.buy_button(card)).to_be_enabled()
        sales = await room.host.api.get(f"/v1/rooms/{room.view.id}/sales", SaleList)
        promised = sales.sales[0].ends_at
        assert promised is not None
        ends = await shown_ends([view.page for view in views])
        apart_ms = max(ends) - min(ends)
        print(f"\n  countdowns apart: {apart_ms:.0f} ms; from the server's: ", end="")
        print(", ".join(f"{end - promised:+.0f}" for end in ends), "ms")
        assert apart_ms <= AGREE_WITHIN_MS
        assert max(abs(end - promised) for end in ends) <= AGREE_WITHIN_MS

        for sold, view in enumerate(views[:UNITS], start=1):
            await view.buy_button(view.page.get_by_test_id("flash-sale")).click()
            for each in views:
                count = each.page.get_by_test_id("sale-count")
                await expect(count).to_have_attribute("data-available", str(UNITS - sold))
            await expect(view.notice("order_confirmed")).to_be_visible()

        late = await visit(Look("ar", "phone"))
        await late.enter(room.path)
        for view in [*views, late]:
            card = view.page.get_by_test_id("flash-sale")
            await expect(card).to_have_attribute("data-phase", "sold_out")
            await expect(card).to_contain_text(view.words("sold_out"))
            await expect(card.get_by_role("timer")).to_have_count(0)
            await expect(view.buy_button(card)).to_have_count(0)
            # what is over is a line, and not a card
            box = await card.bounding_box()
            assert box is not None
            assert box["height"] <= LINE_MAX_PX
        await late.inspect("sold out")
        row = host.page.get_by_test_id("sale")
        await expect(row).to_have_attribute("data-phase", "sold_out")
        await expect(row).to_contain_text(
            host.words.says("units_sold", count=number(UNITS)), use_inner_text=True
        )
        # before its link is gone
        await views[-1].page.goto("about:blank")
        orders = await room.orders()
        assert (orders.confirmed, orders.held) == (UNITS, 0)


# A connection that never comes about: what is seen came with the page.
_NO_SOCKET = """(() => {
  window.WebSocket = class { send() {} close() {} };
})()"""


@pytest.mark.parametrize("look", [Look("en", "desktop"), Look("ar", "phone")], ids=str)
async def test_a_page_brings_the_counter_with_it(look: Look, house: House, visit: Visits):
    room = await house.room(units=20)
    sale = await room.sale(room.offers[0], quota=UNITS)
    buyer = await visit(look, await house.buyer("Layan"))
    await buyer.enter(room.path)
    card = buyer.sale(sale.id)
    await expect(card).to_have_attribute("data-phase", "live", timeout=15_000)
    await buyer.buy_button(card).click()
    await expect(buyer.notice("order_confirmed")).to_be_visible()

    late = await visit(look, scripts=[_NO_SOCKET])
    await late.page.goto(room.path)
    count = late.sale(sale.id).get_by_test_id("sale-count")
    await expect(count).to_have_attribute("data-available", str(UNITS - 1))


@pytest.mark.parametrize("look", LOOKS, ids=str)
async def test_a_sale_that_ends_under_its_buyer(look: Look, house: House, visit: Visits):
    room = await house.room(units=20)
    sale = await room.sale(room.offers[0], quota=UNITS)
    guest = await visit(look)
    await guest.enter(room.path)
    card = guest.sale(sale.id)
    await expect(card).to_have_attribute("data-phase", "live", timeout=15_000)
    await guest.buy_button(card).click()
    sheet = guest.sheet
    total = sheet.get_by_test_id("total")
    await expect(total).not_to_have_text("")
    cheap = await total.inner_text()
    name = sheet.get_by_role("textbox", name=guest.words("your_name"))
    await name.fill("Late")

    await room.command(EndSale(id=new_id(), sale_id=sale.id), SaleView)

    await expect(sheet.get_by_test_id("sale-left")).to_be_visible()
    await expect(total).not_to_have_text(cheap)
    await expect(name).to_have_value("Late")
    await guest.inspect("the sale is over")
    # what is held then is held at the usual price, at the first click
    await guest.button("hold_units", sheet).click()
    await expect(sheet.get_by_test_id("hold")).to_be_visible()
    orders = (await room.orders()).orders
    assert [one.total_minor > room.offers[0].price_minor for one in orders] == [True]


async def test_a_typed_price_stays(house: House, visit: Visits):
    room = await house.room()
    host = await visit(Look("en", "desktop"), room.host)
    is_known = asyncio.Event()

    async def keep_waiting(route: Route) -> None:
        await is_known.wait()
        await route.continue_()

    await host.page.route("**/v1/products/*", keep_waiting)
    await host.page.goto(room.studio)
    pane = await host.pane("pane_sale")
    await host.button("sale_plan", pane).click()
    price = host.sheet.get_by_label(host.words.says("sale_price"))
    await price.fill("77.00")
    is_known.set()
    # the product is there when its usual price is
    await expect(host.sheet).to_contain_text(host.words.says("sale_regular"))
    await expect(price).to_have_value("77.00")
    await host.page.unroute_all(behavior="wait")
