"""A real Chromium, the one the system has; none is ever downloaded."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ELSEWHERE = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

ARGUMENTS = (
    # a test needs no graphics card, and must not look for hosts of its own accord
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # sound and moving pictures start without a click, from a camera that is always there
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    # WebRTC on loopback: plain addresses instead of names that only multicast resolves
    "--disable-features=WebRtcHideLocalIpsWithMdns,OptimizationHints,MediaRouter",
)


def find_chromium() -> str:
    """Path of the system's Chromium or Chrome; `CHROMIUM` in the environment goes first."""
    candidates = [os.environ.get("CHROMIUM"), *map(shutil.which, NAMES), *ELSEWHERE]
    for candidate in candidates:
        if candidate and Path(candidate).exists():
            return candidate
    raise RuntimeError("Chromium is missing: run `make system`, or set CHROMIUM to its path")


def launch_arguments() -> list[str]:
    """Command-line arguments for a quiet, closed-off Chromium."""
    as_root = os.geteuid() == 0  # Chromium's sandbox refuses to be started by root
    return [*ARGUMENTS, *(["--no-sandbox"] if as_root else [])]


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    """A headless browser, closed at the end. Pages come from `browser.new_context()`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, args=launch_arguments()
        )
        try:
            yield browser
        finally:
            await browser.close()
