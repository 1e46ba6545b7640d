"""The lines of chat on a page: those that stand there, and all that ever came."""

from __future__ import annotations

from playwright.async_api import Page

# Every line that ever appears, so that one shown twice is found even when it is gone again.
_WATCH = """() => {
  window.appeared = [];
  const lines = document.querySelector('[role=log]');
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      if (node.dataset?.messageId) window.appeared.push(node.dataset.messageId);
    }
  }).observe(lines, { childList: true });
}"""
_SHOWN = """() => [...document.querySelectorAll('[data-message-id]')].map(
  (line) => line.dataset.messageId)"""


async def watch_lines(page: Page) -> None:
    """Notes every line from now on."""
    await page.evaluate(_WATCH)


async def shown(page: Page) -> list[str]:
    """Ids of the messages in the page now, oldest first."""
    ids: list[str] = await page.evaluate(_SHOWN)
    return ids


async def appeared(page: Page) -> list[str]:
    """Ids of all that came into the page since `watch_lines`."""
    ids: list[str] = await page.evaluate("window.appeared")
    return ids
