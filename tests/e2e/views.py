"""What people see: a page in a language and on a device, opened as somebody."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.e2e.accessibility import grave_findings
from tests.e2e.house import PASSWORD, Person, new_address
from tests.e2e.words import Words

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 800}
LOCALES = {"en": "en-GB", "ar": "ar-SA"}

# The page asks for a session only when it had one before; the cookie is in the context already.
_KNOWN = "try { localStorage.setItem('lc.known', '1') } catch {}"


@dataclass(frozen=True, slots=True)
class Look:
    """A language on a device."""

    lang: str
    device: str

    def __str__(self) -> str:
        return f"{self.lang}-{self.device}"

    @property
    def is_phone(self) -> bool:
        return self.device == "phone"


LOOKS = tuple(Look(lang, device) for lang in ("en", "ar") for device in ("phone", "desktop"))


@dataclass(slots=True)
class View:
    """A page, the words it uses, and the parts of it that scenarios touch."""

    page: Page
    look: Look
    words: Words
    faults: list[str] = field(default_factory=list)

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def fault(self, text: str) -> None:
        """Notes what fails the test at its end."""
        path = urlsplit(self.page.url).path
        self.faults.append(f"[{self.look} {re.sub('room-[0-9a-f]+', '*', path)}] {text}")

    async def inspect(self, state: str) -> None:
        """Lets axe look at the page as it is now; its findings fail the test at the end."""
        for finding in await grave_findings(self.page):
            self.fault(f"{state}: {finding}")

    # ---- the room ----------------------------------------------------------------------------

    async def enter(self, path: str) -> None:
        """Opens a room and waits until its connection has told everything."""
        await self.page.goto(path)
        await expect(self.page.get_by_role("log")).to_be_visible()

    def card(self, offer_id: str) -> Locator:
        return self.page.locator(f"[data-testid=pinned-product][data-offer-id='{offer_id}']")

    def left(self, offer_id: str) -> Locator:
        return self.card(offer_id).get_by_test_id("stock-left")

    def sale(self, sale_id: str) -> Locator:
        return self.page.locator(f"[data-testid=flash-sale][data-sale-id='{sale_id}']")

    def buy_button(self, inside: Locator) -> Locator:
        return inside.get_by_role("button", name=self.words.like("buy_named"))

    @property
    def sheet(self) -> Locator:
        """The dialog on top."""
        return self.page.get_by_role("dialog").last

    def button(self, key: str, inside: Locator | None = None, **values: str) -> Locator:
        return (inside or self.page).get_by_role("button", name=self.words.like(key, **values))

    def notice(self, key: str, **values: str) -> Locator:
        """A toast."""
        return self.page.locator(".notice").filter(has_text=self.words.says(key, **values))

    async def fill_address(self, inside: Locator) -> None:
        """Fills in what a delivery in Saudi Arabia needs at least."""
        fields = {
            "field_recipient": "Layan",
            "field_phone": "٠٥١٢٣٤٥٦٧٨",  # Arabic digits are read, too
            "field_short_address": "RRRD2929",
            "field_city": "Riyadh",
        }
        for key, value in fields.items():
            await inside.get_by_label(self.words.says(key)).first.fill(value)

    # ---- the chat ----------------------------------------------------------------------------

    def lines(self) -> Locator:
        return self.page.get_by_role("log").locator("[data-message-id]")

    def line(self, text: str) -> Locator:
        return self.lines().filter(has_text=text)

    async def say(self, text: str) -> None:
        """Writes a line and sends it."""
        box = self.page.get_by_role("textbox", name=self.words("chat_write"))
        await box.fill(text)
        await box.press("Enter")
        await expect(box).to_have_value("")

    async def actions_of(self, text: str) -> Locator:
        """Opens what can be done with a message."""
        more = self.line(text).get_by_role("button", name=self.words.like("message_actions"))
        await more.click()
        return self.page.get_by_role("dialog", name=self.words.like("message_actions"))

    # ---- the studio --------------------------------------------------------------------------

    async def pane(self, key: str) -> Locator:
        """A part of the studio; on a phone it is turned to first."""
        if self.look.is_phone:
            rail = self.page.get_by_role("navigation", name=self.words("studio"))
            await rail.get_by_role("button", name=self.words(key), exact=True).click()
        pane = self.page.locator(f".pane.{key.removeprefix('pane_')}")
        await expect(pane).to_be_visible()
        return pane


class Visits:
    """Opens pages, each in a browser profile of its own, and closes them at the end of a test."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._views: list[View] = []
        self._forgiven: list[re.Pattern[str]] = []

    def forgive(self, pattern: str) -> None:
        """Console errors like this belong to the scenario."""
        self._forgiven.append(re.compile(pattern))

    async def __call__(
        self,
        look: Look,
        person: Person | None = None,
        *,
        url: str | None = None,
        scripts: Sequence[str] = (),
    ) -> View:
        """A new profile, signed in as `person` when there is one.

        Args:
            url: address of the server as this profile sees it.
            scripts: run in every page before its own.
        """
        base = url or self._url
        context = await self._browser.new_context(
            base_url=base,
            viewport=PHONE if look.is_phone else DESKTOP,  # type: ignore[arg-type]
            has_touch=look.is_phone,
            is_mobile=look.is_phone,
            locale=LOCALES[look.lang],
            timezone_id="Asia/Riyadh",
            reduced_motion="reduce",
            extra_http_headers={"X-Forwarded-For": new_address()},
        )
        context.set_default_timeout(10_000)
        if person is not None:
            body = {"login": person.login, "password": PASSWORD}
            headers = {"Origin": base}
            answer = await context.request.post("/v1/auth/sign-in", data=body, headers=headers)
            assert answer.ok, await answer.text()
            await context.add_init_script(_KNOWN)
        for script in scripts:
            await context.add_init_script(script)
        return await self.another(context, look)

    async def another(self, context: BrowserContext, look: Look) -> View:
        """Another page of the same profile."""
        view = View(await context.new_page(), look, Words(look.lang))
        view.page.on("pageerror", lambda error: view.fault(f"uncaught: {error}"))
        view.page.on("console", lambda message: self._hear(view, message))
        self._views.append(view)
        return view

    def _hear(self, view: View, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        text = f"{message.text} ({message.location.get('url', '')})"
        if not any(pattern.search(text) for pattern in self._forgiven):
            view.fault(text)

    async def close(self) -> list[str]:
        """Closes everything; returns what went wrong inside of the pages."""
        for context in {view.context for view in self._views}:
            await context.close()
        return [fault for view in self._views for fault in view.faults]
