"""What `/readyz` asks before it says that a process should be sent people."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.gateway.metrics import Check
from livecommerce.kernel.errors import Refused
from livecommerce.realtime.hub import Hub


def checks_of(database: Database, hub: Hub) -> Mapping[str, Check]:
    """Makes the checks of a process: its database answers, and it hears the other processes."""

    async def database_answers() -> bool:
        try:
            await database.fetch_one(sa.select(sa.literal(1)))
        except Refused:
            return False
        return True

    async def hub_is_ready() -> bool:
        return hub.is_ready()

    return {"database": database_answers, "backplane": hub_is_ready}
