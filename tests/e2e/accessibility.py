"""axe-core inside of a page: what a person with an impairment would stumble over."""

from functools import cache
from pathlib import Path

from playwright.async_api import Frame, Page

AXE = Path(__file__).parents[2] / "clients/web/node_modules/axe-core/axe.min.js"
_GRAVE = ("serious", "critical")

# a colour that is still fading in has a contrast nobody will see
_SETTLE = """() => Promise.all(document.getAnimations()
  .filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => undefined)))"""
_RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations
  .map(({ id, impact, help, nodes }) => ({ id, impact, help,
     where: nodes.map((node) => `${node.target.join(' ')}: ${node.failureSummary}`) }))"""


@cache
def _source() -> str:
    if not AXE.exists():
        raise RuntimeError("axe-core is missing: run `make setup`")
    return AXE.read_text(encoding="utf-8")


async def grave_findings(page: Page | Frame) -> list[str]:
    """Serious and critical findings on the page as it is now, one line each."""
    await page.evaluate(_SETTLE)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_source())
    found = await page.evaluate(_RUN)
    return [
        f"{one['impact']} {one['id']} ({one['help']}): {' | '.join(one['where'])}"
        for one in found
        if one["impact"] in _GRAVE
    ]
