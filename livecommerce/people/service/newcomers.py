"""People a platform sends us: stored when first seen, many at a time, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final

from livecommerce.database.engine import Database
from livecommerce.kernel.errors import Refused
from livecommerce.people.store.sign_ins import Seen, SeePeople
from livecommerce.people.tokens import Claims

KNOWN_MAX: Final = 100_000
BATCH_MAX: Final = 256
GATHER_S: Final = 0.02


class Newcomers:
    """Remembers whom it has stored, so that a person known costs one look into a dict.

    A crash loses only what the person's next request brings again.
    """

    def __init__(self, *, database: Database, default_market: str) -> None:
        self._database = database
        self._default_market = default_market
        self._known: OrderedDict[str, Seen] = OrderedDict()
        self._waiting: dict[str, Seen] = {}
        self._writing: dict[str, Seen] = {}
        self._some = asyncio.Event()
        self._turn = asyncio.Lock()

    def note(self, claims: Claims) -> None:
        """Takes down who came. Never waits."""
        seen = Seen(claims.actor.person_id, claims.actor.name, claims.market)
        if self._known.get(seen.person_id) == seen:
            return
        self._waiting[seen.person_id] = seen
        self._some.set()

    def name(self, person_id: str) -> str | None:
        """Returns the name of somebody seen, perhaps not stored yet."""
        places = (self._waiting, self._writing, self._known)
        seen = next((place[person_id] for place in places if person_id in place), None)
        return seen.name if seen is not None else None

    async def settle(self, person_id: str) -> None:
        """Returns when this person is stored, if there was anything to store."""
        while person_id in self._waiting or person_id in self._writing:
            await self.flush()

    async def flush(self) -> None:
        """Stores those who wait. Raises Refused when the database takes nothing."""
        async with self._turn:
            while self._waiting:
                ids = list(self._waiting)[:BATCH_MAX]
                self._writing = {id: self._waiting.pop(id) for id in ids}
                try:
                    await self._database.writer.submit(
                        SeePeople(tuple(self._writing.values()), self._default_market)
                    )
                except BaseException:
                    self._waiting = {**self._writing, **self._waiting}
                    raise
                else:
                    self._known.update(self._writing)
                finally:
                    self._writing = {}
                while len(self._known) > KNOWN_MAX:
                    self._known.popitem(last=False)

    async def run(self) -> None:
        """Stores newcomers as they come, gathering for a moment."""
        while True:
            await self._some.wait()
            self._some.clear()
            await asyncio.sleep(GATHER_S)
            try:
                await self.flush()
            except Refused:
                # They are still waiting; so does this loop, for the database.
                await asyncio.sleep(1.0)
                self._some.set()
