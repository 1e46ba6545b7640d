"""A message that is deleted is gone everywhere; who is silenced or shut out notices at once."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinView
from tests.e2e.house import House
from tests.e2e.views import Look, Visits

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


# The watchers see it in the other language on the other device, so that two make all four.
PAIRS = (Look("en", "phone"), Look("ar", "phone"))


def other(look: Look) -> Look:
    """The other language on the other device."""
    return Look("ar" if look.lang == "en" else "en", "desktop" if look.is_phone else "phone")


@pytest.mark.parametrize("look", PAIRS, ids=str)
async def test_a_deleted_message_is_gone_everywhere(look: Look, house: House, visit: Visits):
    room = await house.room(products=[])
    speaker = await visit(look, await house.person("سلمان"))
    watcher = await visit(other(look))
    host = await visit(look, room.host)
    for view in (speaker, watcher, host):
        await view.enter(room.path)
    await speaker.say("a line that stays")
    await speaker.say("a line nobody should read")
    for view in (speaker, watcher, host):
        await expect(view.lines()).to_have_count(2)

    actions = await host.actions_of("a line nobody should read")
    await host.inspect("actions on a message")
    await host.button("delete_message", actions).click()

    for view in (speaker, watcher, host):
        await expect(view.lines()).to_have_count(1)
        await expect(view.line("a line that stays")).to_be_visible()
    late = await visit(other(look))
    await late.enter(room.path)
    await expect(late.lines()).to_have_count(1)
    await watcher.page.reload()
    await expect(watcher.line("a line that stays")).to_be_visible()
    await expect(watcher.lines()).to_have_count(1)
    for view in (speaker, watcher, host, late):
        assert "nobody should read" not in await view.page.content()


async def test_texts_that_did_not_come_are_asked_for_again(house: House, visit: Visits):
    visit.forgive("ERR_FAILED")
    room = await house.room(products=[])
    speaker = await visit(Look("en", "desktop"), await house.person("Salman"))
    host = await visit(Look("en", "desktop"), room.host)
    is_cut = asyncio.Event()

    async def cut(route: Route) -> None:
        is_cut.set()
        await route.abort()

    await host.page.route("**/assets/later.*", cut, times=1)
    await speaker.enter(room.path)
    await host.enter(room.path)
    await asyncio.wait_for(is_cut.wait(), 10)
    await speaker.say("a line")
    actions = await host.actions_of("a line")
    await expect(host.button("delete_message", actions)).to_be_visible()


@pytest.mark.parametrize("look", PAIRS, ids=str)
async def test_time_out_and_ban(look: Look, house: House, visit: Visits):
    room = await house.room(products=["oud-malaki"])
    offer = room.offers[0]
    await room.command(PinOffer(id=new_id(), offer_id=offer.id), PinView)
    rude = await visit(look, await house.person("Rude"))
    watcher = await visit(other(look))
    host = await visit(look, room.host)
    await rude.enter(room.path)
    await watcher.enter(room.path)
    await host.page.goto(room.studio)
    await host.pane("pane_chat")

    # silenced: the lines go, and no new ones come
    await rude.say("first offence")
    await expect(watcher.line("first offence")).to_be_visible()
    actions = await host.actions_of("first offence")
    await host.button("time_out_minutes", actions).first.click()
    await expect(rude.notice("you_timed_out")).to_be_visible()
    for view in (rude, watcher, host):
        await expect(view.lines()).to_have_count(0)
    box = rude.page.get_by_role("textbox", name=rude.words("chat_write"))
    await box.fill("can you hear me?")
    await box.press("Enter")
    await expect(rude.notice("wait_muted")).to_be_visible()
    await rude.inspect("silenced")

    # and may write again as soon as that is lifted
    await host.page.locator("summary").filter(has_text=host.words("sanctions")).click()
    await host.inspect("who is silenced")
    await host.button("lift").click()
    await expect(rude.notice("you_lifted")).to_be_visible()
    await rude.page.reload()
    await rude.say("second offence")
    await expect(watcher.line("second offence")).to_be_visible()

    # shut out, after a second thought: the page says so, now and when it comes back
    buy = rude.buy_button(rude.card(offer.id))
    await expect(buy).to_be_enabled()
    actions = await host.actions_of("second offence")
    await host.button("ban_person", actions).click()
    await host.inspect("ban?")
    await host.button("ban_not", host.sheet).click()
    await expect(host.page.get_by_role("dialog")).to_have_count(0)
    await expect(host.line("second offence")).to_be_visible()
    actions = await host.actions_of("second offence")
    await host.button("ban_person", actions).click()
    await host.button("ban_short", host.sheet).click()
    for view in (watcher, host):
        await expect(view.lines()).to_have_count(0)
    state = rude.page.get_by_test_id("connection-state")
    await expect(state).to_contain_text(rude.words("ending_banned"))
    await expect(buy).to_be_disabled()
    await rude.inspect("shut out")
    await rude.page.reload()
    await expect(state).to_contain_text(rude.words("ending_banned"))
    await expect(rude.lines()).to_have_count(0)
    await expect(buy).to_be_disabled()


@pytest.mark.parametrize("look", PAIRS, ids=str)
async def test_who_is_silenced_can_still_be_shut_out(look: Look, house: House, visit: Visits):
    room = await house.room(products=[])
    rude = await visit(look, await house.person("Rude"))
    host = await visit(other(look), room.host)
    await rude.enter(room.path)
    await host.page.goto(room.studio)
    await host.pane("pane_chat")
    await rude.say("an offence")
    actions = await host.actions_of("an offence")
    await host.button("time_out_minutes", actions).first.click()
    # the line is gone, and its menu with it: the list of the silenced has what is needed
    await expect(host.lines()).to_have_count(0)
    # for those who come later, too; a list that could not be read is not taken for an empty one
    visit.forgive("ERR_FAILED")
    await host.page.route("**/sanctions", lambda route: route.abort(), times=1)
    await host.page.reload()
    await host.pane("pane_chat")
    await expect(host.page.get_by_text(host.words("sanctions_unknown"))).to_be_visible()
    await host.inspect("nobody knows who is silenced")
    await host.button("try_again").click()
    await expect(host.page.get_by_text(host.words("sanctions_unknown"))).to_have_count(0)
    await host.page.locator("summary").filter(has_text=host.words("sanctions")).click()
    await host.button("ban_named").click()
    await host.button("ban_short", host.sheet).click()
    state = rude.page.get_by_test_id("connection-state")
    await expect(state).to_contain_text(rude.words("ending_banned"))
    await expect(host.button("ban_named")).to_have_count(0)
    await expect(host.button("lift")).to_be_visible()


@pytest.mark.parametrize("look", PAIRS, ids=str)
async def test_a_guest_cannot_be_made_a_moderator(look: Look, house: House, visit: Visits):
    visit.forgive("422|400")
    room = await house.room(products=[])
    guest, host = await visit(look), await visit(look, room.host)
    for view in (guest, host):
        await view.enter(room.path)
    box = guest.page.get_by_role("textbox", name=guest.words("chat_write"))
    await box.fill("hello from nowhere")
    await box.press("Enter")
    name = guest.sheet.get_by_role("textbox", name=guest.words("your_name"))
    await name.fill("Passer-by")
    await guest.button("join_talk", guest.sheet).click()
    actions = await host.actions_of("hello from nowhere")
    await host.button("make_moderator", actions).click()
    await expect(host.notice("error_bad_field_guest")).to_be_visible()
