"""Takes the pictures of the documents: every page, in two languages, on a phone and a desktop.

`make screenshots` opens the demo's room with a simulated audience, looks at it as four viewers and
its host, and writes `docs/images/`. The first run draws and renders for a minute or two.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, expect

from tests.e2e.hero import compose
from tests.e2e.views import DESKTOP, LOCALES, LOOKS, PHONE, Look, View
from tests.e2e.words import Words
from tests.e2e.words import number as digits
from tests.support.browser import running_browser
from tests.support.ports import free_port

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SLUG = "majlis"
QUALITY = 82
SHOWN_NUMBER = 1
BOUGHT_NUMBERS = (16, 9, 12, 19)
"""Numbers in the demo's bag: an abaya in several sizes, and products of which there is one kind."""
ALL_MAX_BYTES = 6_000_000
# a phone's picture is dense, as its screen is
SCALES = {"phone": 2.0, "desktop": 1.5}
_PICTURES_THERE = """() => Promise.all([...document.images]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)
  .map((one) => one.decode().catch(() => undefined))).then(() => undefined)"""
_LINK = re.compile(r"(viewer|host)\s+(http://\S+)")


@dataclass(frozen=True, slots=True)
class Doors:
    """Sign-in links of a demo that runs."""

    base: str
    viewer: str
    host: str


@asynccontextmanager
async def running_demo(folder: Path, crowd: int) -> AsyncIterator[Doors]:
    """The demo's living room, closed at the end."""
    # an evening that has just begun: what was drawn and rendered stays, the shop is new
    for old in [*folder.glob("*.db*"), folder / "pictures"]:
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
    port = free_port()
    command = [sys.executable, "-c", "from livecommerce.cli import main; main()", "demo"]
    options = ["--port", str(port), "--folder", str(folder), "--crowd", str(crowd)]
    process = await asyncio.create_subprocess_exec(
        *command,
        *options,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "400", "NO_COLOR": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        links: dict[str, str] = {}
        async with asyncio.timeout(600):
            while len(links) < 2:
                line = (await process.stdout.readline()).decode()
                if not line:
                    raise RuntimeError("the demo ended before its room was open")
                links.update(_LINK.findall(line))
        draining = asyncio.create_task(process.stdout.read())
        yield Doors(f"http://localhost:{port}", links["viewer"], links["host"])
        draining.cancel()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGTERM)
        await process.wait()


class Camera:
    """Opens profiles and keeps what they show."""

    def __init__(self, browser: Browser, doors: Doors, stack: AsyncExitStack) -> None:
        self._browser = browser
        self._doors = doors
        self._stack = stack
        self.taken: list[Path] = []

    async def open(self, look: Look, link: str | None = None) -> View:
        """A profile, signed in by a link when there is one."""
        context = await self._browser.new_context(
            base_url=self._doors.base,
            viewport=PHONE if look.is_phone else DESKTOP,  # type: ignore[arg-type]
            device_scale_factor=SCALES[look.device],
            has_touch=look.is_phone,
            is_mobile=look.is_phone,
            locale=LOCALES[look.lang],
            timezone_id="Asia/Riyadh",
            reduced_motion="reduce",
        )
        self._stack.push_async_callback(context.close)
        view = View(await context.new_page(), look, Words(look.lang))
        if link is not None:
            await view.page.goto(link)
            await view.page.wait_for_url(f"**/{SLUG}")
        return view

    async def take(self, view: View, name: str) -> None:
        """Keeps what the page shows now as `<name>-<language>-<device>.webp`."""
        # pictures that were asked for are there, and the pointer is out of the way
        await view.page.mouse.move(0, 0)
        await view.page.evaluate("document.activeElement?.blur()")
        await view.page.evaluate("document.fonts.ready.then(() => undefined)")
        await view.page.evaluate(_PICTURES_THERE)
        raw = await view.page.screenshot(type="png", caret="hide")
        out = IMAGES / f"{name}-{view.look}.webp"
        with tempfile.NamedTemporaryFile(suffix=".png") as file:
            file.write(raw)
            file.flush()
            with Image.open(file.name) as image:
                image.convert("RGB").save(out, "WEBP", quality=QUALITY, method=6)
        self.taken.append(out)
        print(f"  {out.name}")


async def wait_for_product(view: View) -> None:
    """A product is pinned, no sale is on, and people talk."""
    await expect(view.page.get_by_test_id("flash-sale")).to_have_count(0, timeout=120_000)
    await expect(view.page.get_by_test_id("pinned-product").first).to_be_visible(timeout=180_000)
    await expect(view.lines().nth(5)).to_be_visible(timeout=60_000)


async def wait_for_sale(view: View) -> None:
    """A flash sale is live, and some of it is sold."""
    sale = view.page.locator("[data-testid=flash-sale][data-phase=live]")
    await expect(sale).to_be_visible(timeout=200_000)
    some = view.page.locator("[data-testid=sale-count]:not([data-sold='0'])")
    await expect(some).to_be_visible(timeout=60_000)


async def close_sheet(view: View) -> None:
    await view.page.keyboard.press("Escape")
    await expect(view.page.get_by_role("dialog")).to_have_count(0)


async def find_in_bag(view: View, number: int) -> None:
    """Opens the product with this number; the bag is a sheet on a phone."""
    if view.look.is_phone:
        await view.button("open_bag").click()
    search = view.page.get_by_role("searchbox", name=view.words("bag_search"))
    await search.fill(str(number))
    badge = view.page.locator(".number", has_text=re.compile(f"^{digits(number)}$"))
    await view.page.locator("li button.open").filter(has=badge).click()
    await expect(view.sheet.locator(".prose")).to_be_visible()
    if not view.look.is_phone:
        await search.evaluate("(box) => { box.value = ''; box.dispatchEvent(new Event('input')); }")


async def rooms(camera: Camera, viewers: list[View]) -> None:
    """The room with a pinned product, and what opens over it."""
    await asyncio.gather(*(wait_for_product(view) for view in viewers))
    for view in viewers:
        await wait_for_product(view)
        await camera.take(view, "room")
    for view in viewers:
        if view.look.is_phone:
            await view.button("open_bag").click()
            await expect(view.sheet.get_by_role("listitem").nth(5)).to_be_visible()
            await camera.take(view, "bag")
            await close_sheet(view)
        await find_in_bag(view, SHOWN_NUMBER)
        await camera.take(view, "product")
        await close_sheet(view)


async def sales(camera: Camera, viewers: list[View], hosts: list[View]) -> None:
    """The flash sale, its buy sheet, and the host's desk while it runs."""
    await asyncio.gather(*(wait_for_sale(view) for view in viewers))
    for view in viewers:
        await wait_for_sale(view)
        await camera.take(view, "flash-sale")
    for view in hosts:
        live = view.page.locator("[data-testid=sale][data-phase=live]")
        await expect(live).to_have_count(1, timeout=200_000)
        await view.pane("pane_bag")
        await expect(view.page.locator("li[data-offer-id]").first).to_be_visible()
        await camera.take(view, "studio")
        if view.look.is_phone:
            await view.pane("pane_sale")
            await camera.take(view, "studio-sale")
            await view.pane("pane_orders")
            await camera.take(view, "studio-orders")


async def buying(camera: Camera, view: View, number: int) -> None:
    """The buy sheet with everything still open to change, and then the order itself."""
    await find_in_bag(view, number)
    await view.button("buy_now", view.sheet).click()
    pay = view.button("pay_total", view.sheet)
    await expect(pay).to_be_visible()
    await camera.take(view, "buy")
    await pay.click()
    await expect(view.sheet).to_contain_text(view.words.says("order_confirmed"))
    await camera.take(view, "thanks")
    await view.button("back_to_show", view.sheet).click()


async def pages(camera: Camera, visitor: View, buyer: View) -> None:
    """The pages around the rooms."""
    await visitor.page.goto("/")
    await expect(visitor.page.get_by_test_id("on-offer").first).to_be_visible()
    await camera.take(visitor, "lobby")
    await visitor.page.goto("/account#sign-in")
    await expect(visitor.page.get_by_label(visitor.words("password"))).to_be_visible()
    await camera.take(visitor, "sign-in")
    await buyer.page.goto("/account#orders")
    await expect(buyer.page.get_by_test_id("order").first).to_be_visible()
    await camera.take(buyer, "orders")
    await buyer.page.goto("/account#addresses")
    await buyer.button("address_add").click()
    await camera.take(buyer, "addresses")


async def photograph(browser: Browser, doors: Doors) -> list[Path]:
    """Takes all pictures."""
    async with AsyncExitStack() as stack:
        camera = Camera(browser, doors, stack)
        viewers = [await camera.open(look, doors.viewer) for look in LOOKS]
        hosts = [await camera.open(look, doors.host) for look in LOOKS]
        await rooms(camera, viewers)
        await sales(camera, viewers, hosts)
        for view, number in zip(viewers, BOUGHT_NUMBERS, strict=True):
            await buying(camera, view, number)
        for view in viewers:
            await pages(camera, await camera.open(view.look), view)
        return camera.taken


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the demo keeps its shop (default: none)")
    parser.add_argument("--crowd", type=int, default=40)
    arguments = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="livecommerce-demo-") as scratch:
        print("opening the demo's room …")
        async with (
            running_demo(arguments.folder or Path(scratch), arguments.crowd) as doors,
            running_browser() as browser,
        ):
            taken = await photograph(browser, doors)
    hero = compose(IMAGES)
    total = sum(path.stat().st_size for path in [*taken, hero])
    print(f"{len(taken) + 1} pictures, {total / 1e6:.1f} MB, in {IMAGES}")
    if total > ALL_MAX_BYTES:
        raise SystemExit(f"more than {ALL_MAX_BYTES / 1e6:.0f} MB")


if __name__ == "__main__":
    asyncio.run(main())
