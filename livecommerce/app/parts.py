"""Background tasks of a process, and which of them run in which kind of process.

*Work* is what a shop needs done somewhere, however many processes it has: holds expire, sales move
at their moments, payments a crash left behind are settled, events it left untold are told, old rows
are purged. It is safe in any number of processes at once; where one is enough, a lock in the
database says which. *Upkeep* is what every process with viewers does for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any

import structlog

from livecommerce.app.housekeeping import keep_house
from livecommerce.app.process import collect_when_idle
from livecommerce.app.services import Services
from livecommerce.gateway.gatekeeper import HouseGatekeeper

log = structlog.get_logger()

Parts = Mapping[str, Coroutine[Any, Any, None]]

_END_S = 5.0


def upkeep_of(services: Services, gatekeeper: HouseGatekeeper) -> Parts:
    """What a process with a door does for itself."""
    return {
        "people": services.people.run(),
        "moderation": services.moderation.run(),
        "shows": services.shows.run(),
        "gatekeeper": gatekeeper.run(services.hub),
        "collector": collect_when_idle(services.hub),
        # The sandbox plays the world outside, which goes on whether our worker is there or not.
        "sandbox": services.sandbox.run(services.payments.receive_sandbox),
    }


def work_of(services: Services) -> Parts:
    """What a shop needs done by at least one of its processes."""
    return {
        "outbox": services.outbox.run(),
        "housekeeping": keep_house(services),
        "stock": services.stock.run(),
        "orders": services.orders.run(),
    }


def own_work_of(services: Services) -> Parts:
    """What is left of that in a process that leaves it to a worker: what began in this process."""
    return {
        "outbox": services.outbox.run(relays=False),
        "orders": services.orders.run(may_lead=False),
    }


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[asyncio.Event]:
    """Runs parts until the way out. The event it gives is set when one of them dies.

    A part that dies is a bug, and going on without it would be a silent failure (no holds expire,
    no events are relayed). So it is logged and the process ends, for its supervisor to start again.
    """
    failed = asyncio.Event()
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in parts.items()]

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("background work ended", part=task.get_name(), exc_info=task.exception())
            failed.set()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield failed
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        # A part that swallows its cancellation is a bug, but not one to keep a process alive for.
        ended_by_now, stuck = await asyncio.wait(tasks, timeout=_END_S)
        await asyncio.gather(*ended_by_now, return_exceptions=True)
        for task in stuck:
            log.error("background work did not end", part=task.get_name())
