"""How many orders one person may leave unpaid, so that nobody empties a shop for nothing.

Flash sales have a limit of their own for each buyer; this is about everything else.
"""

from __future__ import annotations

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Throttle
from livecommerce.orders import store
from livecommerce.stock.holds import DEADLINE_S

_DAY_MS = 86_400_000


class Unpaid:
    """Counts orders on hold, and the day's orders that are paid on delivery.

    The database is asked for every order that is to be paid on delivery. Of the others only for
    those of somebody who has made more than half of the limit: no more than the whole of it can
    come unasked in the lifetime of a hold. Orders placed in the same moment may all be let through,
    and each process lets its own half through: this guards against hoarding; stock itself is
    guarded by the writer.
    """

    def __init__(self, *, database: Database, clock: Clock, orders_max: int) -> None:
        self._database = database
        self._clock = clock
        self._orders_max = orders_max
        half = max(1, orders_max // 2)
        self._unasked = Throttle(rate_per_s=half / DEADLINE_S, burst=half, clock=clock)

    async def check(self, person_id: str, *, on_delivery: bool) -> None:
        """Call it once for each order. Raises Refused(TOO_MANY_UNPAID)."""
        if not on_delivery and self._is_usual(person_id):
            return
        since = self._clock.now_ms() - _DAY_MS
        row = await self._database.fetch_one(store.unpaid_of(person_id, since))
        assert row is not None
        if row["unpaid"] >= self._orders_max:
            raise Refused(Code.TOO_MANY_UNPAID, limit=self._orders_max)

    def _is_usual(self, person_id: str) -> bool:
        try:
            self._unasked.take(person_id)
        except Refused:
            return False
        return True
