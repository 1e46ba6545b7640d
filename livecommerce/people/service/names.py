"""Display names by id, for lists of people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.people.service.cache import RecentValues
from livecommerce.people.service.newcomers import Newcomers
from livecommerce.people.store.tables import people

AGE_S: Final = 60.0
_UNKNOWN: Final = ""


class Names:
    """Looks names up, and keeps them for a minute."""

    def __init__(self, *, database: Database, clock: Clock, newcomers: Newcomers) -> None:
        self._database = database
        self._newcomers = newcomers
        self._names = RecentValues(self._load, clock=clock)

    async def names(self, person_ids: Iterable[str]) -> dict[str, str]:
        ids = dict.fromkeys(person_ids)
        new = {id: name for id in ids if (name := self._newcomers.name(id)) is not None}
        old = await self._names.get_many([id for id in ids if id not in new], age_s=AGE_S)
        unknown = [id for id, name in old.items() if name == _UNKNOWN]
        # Somebody who was nobody a moment ago may have come in.
        late = await self._names.get_many(unknown)
        return {id: name for id, name in {**old, **late, **new}.items() if name != _UNKNOWN}

    def forget(self, person_id: str) -> None:
        self._names.forget(person_id)

    async def _load(self, person_ids: Collection[str]) -> Mapping[str, str]:
        rows = await self._database.fetch(
            sa.select(people.c.id, people.c.name).where(people.c.id.in_(person_ids))
        )
        return {**dict.fromkeys(person_ids, _UNKNOWN), **{row["id"]: row["name"] for row in rows}}
