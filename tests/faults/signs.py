"""What a row waits for: signs of a node's health, as operators and viewers see them."""

from __future__ import annotations

import asyncio
import time

from tests.faults.playing import Playing
from tests.faults.report import Report
from tests.faults.stage import Node, until

NOTICED_S = 20.0
"""12 s are promised: a probe every 5 s, 2 s for its answer, and the patience of a link, 3 s."""
REPAIRED_S = 30.0
ANSWERED_S = 5.0
"""How long anything may take to be answered, whatever Redis does: far below its outage."""


async def red(node: Node) -> float:
    """Waits until `/readyz` says no; gives how long it took."""

    async def is_red() -> bool:
        return not await node.is_ready()

    return await until(is_red, NOTICED_S)


async def refused(
    play: Playing, talker: int, report: Report, *, since_s: float | None = None
) -> None:
    """Waits until lines are refused, and not only accepted to be told some day."""
    began_s = time.monotonic() if since_s is None else since_s

    async def is_refused() -> bool:
        when_s = play.talkers[talker].refused_s
        return bool(when_s) and when_s[-1] > began_s

    await until(is_refused, NOTICED_S)
    report.bound("lines refused after", time.monotonic() - began_s, NOTICED_S)


async def counts_go_on(play: Playing, report: Report) -> None:
    """Counters are shown on their own node meanwhile."""
    shown = play.clients[0].likes()
    await play.talkers[0].like()

    async def is_shown() -> bool:
        return play.clients[0].likes() > shown

    report.bound("likes shown on their node after", await until(is_shown, ANSWERED_S), ANSWERED_S)


async def ping_for(play: Playing, seconds: float) -> int:
    """The slowest answer in milliseconds to pings on every node."""
    slowest_ms = 0
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        for talker in play.talkers:
            slowest_ms = max(slowest_ms, await talker.client.ping())
        await asyncio.sleep(0.05)
    return slowest_ms
