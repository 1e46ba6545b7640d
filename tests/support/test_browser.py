from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

PAGE = """<!doctype html><title>Room</title>
<button onclick="this.textContent = 'bought'">buy</button><p lang="ar" dir="rtl">مرحبا</p>"""


@pytest.fixture
async def page(browser: Browser, aiohttp_server: Any) -> Page:
    async def ours(request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", ours)
    server = await aiohttp_server(app)
    opened = await browser.new_page()
    await opened.goto(str(server.make_url("/")))
    return opened


async def test_shows_a_page_and_clicks(page: Page):
    await page.get_by_role("button").click()

    assert await page.title() == "Room"
    assert await page.get_by_role("button").text_content() == "bought"
    assert (await page.screenshot()).startswith(b"\x89PNG")


async def test_has_a_camera_and_a_microphone(page: Page):
    tracks = await page.evaluate(
        "navigator.mediaDevices.getUserMedia({video: true, audio: true})"
        ".then(stream => stream.getTracks().map(track => track.kind).sort())"
    )

    assert tracks == ["audio", "video"]
