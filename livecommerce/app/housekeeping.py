"""What has to go in time: old keys, told events, markers of empty commits."""

from __future__ import annotations

import asyncio

import structlog

from livecommerce.app.services import Services
from livecommerce.database.leader import Leadership
from livecommerce.database.purge import purge
from livecommerce.kernel.errors import Refused

log = structlog.get_logger()

ROUND_S = 60.0


async def keep_house(services: Services) -> None:
    """Purges both databases every minute, in one process of all, until cancelled."""
    leadership = Leadership(services.database, "housekeeping")
    databases = dict.fromkeys((services.database, services.vault_database))
    try:
        while True:
            await asyncio.sleep(ROUND_S)
            if not await leadership.held():
                continue
            try:
                gone = sum([await purge(one, services.clock.now_ms()) for one in databases])
            except Refused:
                # The database is away; what is old now is older in a minute.
                continue
            if gone:
                log.info("purged", rows=gone)
    finally:
        await leadership.close()
