"""A phone on a slow network: the poster, the price and the pinned card are there in two seconds."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import PinOffer, PinView
from tests.e2e.clip import make_clip
from tests.e2e.house import House, Room
from tests.e2e.link import running_link
from tests.e2e.views import Look, View, Visits
from tests.support.server import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PROMISE_MS = 2_000
TRIES = 3
# Lighthouse's "slow 4G": 1.6 Mbit/s down, 0.75 Mbit/s up, 150 ms there and back.
RTT_MS = 150
DOWN_BYTES_PER_S = 1.6e6 / 8
UP_BYTES_PER_S = 0.75e6 / 8

# When each part stood on the screen, in milliseconds since the navigation began.
_SEEN = """(() => {
  const has = {
    poster: () => [...document.querySelectorAll('main img')].some((one) => one.complete
      && one.naturalWidth > 0 && one.src.endsWith('poster.webp') && shown(one)),
    card: () => {
      const card = document.querySelector('[data-testid=pinned-product]');
      const picture = card?.querySelector('img');
      return card !== null && shown(card) && picture?.complete && picture.naturalWidth > 0;
    },
    price: () => {
      const price = document.querySelector('[data-testid=pinned-product] .price .now');
      return price !== null && shown(price) && /[0-9\u0660-\u0669]/.test(price.textContent);
    },
  };
  const shown = (element) => {
    const { top, bottom, width } = element.getBoundingClientRect();
    const { display, visibility, opacity } = getComputedStyle(element);
    return width > 0 && bottom > 0 && top < innerHeight && display !== 'none'
      && visibility === 'visible' && opacity !== '0';
  };
  window.seenAt = {};
  let isDone;
  window.allSeen = new Promise((resolve) => { isDone = resolve; });
  const look = () => {
    for (const [name, isThere] of Object.entries(has)) {
      if (!(name in window.seenAt) && document.body !== null && isThere()) {
        // painted with the frame that is under way
        requestAnimationFrame(() => { window.seenAt[name] ??= Math.round(performance.now()); });
      }
    }
    if (Object.keys(window.seenAt).length < Object.keys(has).length) requestAnimationFrame(look);
    else isDone(window.seenAt);
  };
  requestAnimationFrame(look);
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def room(server: ServerProcess, media: Path) -> AsyncIterator[Room]:
    """A room as visitors find one: on air, with a video, and something pinned."""
    house = House(server.url)
    await asyncio.to_thread(make_clip, media / "clip.mp4")
    room = await house.room(playback_url="/media/clip.mp4#loop=0", products=["dallah-set"])
    await room.command(PinOffer(id=new_id(), offer_id=room.offers[0].id), PinView)
    yield room
    await house.close()


async def slow_4g(view: View) -> None:
    """Throttles this page as the developer tools do."""
    session = await view.context.new_cdp_session(view.page)
    await session.send("Network.enable")
    await session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": RTT_MS,
            "downloadThroughput": DOWN_BYTES_PER_S,
            "uploadThroughput": UP_BYTES_PER_S,
        },
    )


async def seen(view: View, path: str) -> dict[str, float]:
    """Opens the room with an empty cache; returns when each part was seen."""
    await view.page.goto(path, wait_until="commit")
    async with asyncio.timeout(20):
        times: dict[str, float] = await view.page.evaluate("window.allSeen")
    return times


def is_another_worth_it(times: list[dict[str, float]]) -> bool:
    """A machine that is busy with other things gets another try."""
    return len(times) < TRIES and all(max(one.values()) > PROMISE_MS for one in times)


def report(name: str, times: list[dict[str, float]]) -> float:
    """Prints what was measured; returns the best of the tries, as the machine may be busy."""
    best = min(times, key=lambda one: max(one.values()))
    each = ", ".join(f"{max(one.values()):.0f}" for one in times)
    parts = ", ".join(f"{part} {ms:.0f}" for part, ms in sorted(best.items()))
    print(f"\n  {name}: {parts} ms (all there after {each} ms)")
    return max(best.values())


@pytest.mark.parametrize("lang", ["en", "ar"])
async def test_on_slow_4g(lang: str, room: Room, visit: Visits):
    """The network as the developer tools throttle it."""
    times: list[dict[str, float]] = []
    while is_another_worth_it(times):
        view = await visit(Look(lang, "phone"), scripts=[_SEEN])
        await slow_4g(view)
        times.append(await seen(view, room.path))
    assert report(f"slow 4G, {lang}", times) <= PROMISE_MS


@pytest.mark.parametrize("lang", ["en", "ar"])
async def test_on_a_slow_wire(lang: str, room: Room, visit: Visits, server: ServerProcess):
    """The same network with the handshakes of real connections, and one wire for all of them."""
    times: list[dict[str, float]] = []
    while is_another_worth_it(times):
        link = running_link(server.port, one_way_s=RTT_MS / 2_000, bytes_per_s=DOWN_BYTES_PER_S)
        async with link as slow:
            view = await visit(Look(lang, "phone"), url=slow.url, scripts=[_SEEN])
            times.append(await seen(view, room.path))
            await view.page.goto("about:blank")
    assert report(f"slow wire, {lang}", times) <= PROMISE_MS
