"""Units that arrive, and units that leave other than by a sale."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock import levels, store
from livecommerce.stock.service.holding import Holding
from livecommerce.stock.service.shelf import record_movement
from livecommerce.stock.wire import StockView


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjust(Write[StockView]):
    movement_id: str
    variant_id: str
    delta: int
    reason: str
    actor_id: str
    idempotency: Idempotency[StockView] | None
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield Need(store.stock_levels, levels.level_id(self.variant_id), lock=True)

    def decide(self, rows: Rows, now: int) -> StockView:
        id = levels.level_id(self.variant_id)
        row = rows.get(store.stock_levels, id)
        if row is None:
            raise Refused(Code.NOT_FOUND)
        self.holding.shift(rows, id, levels.adjust(store.level_of(row), self.delta), now)
        record_movement(
            rows,
            id=self.movement_id,
            level=id,
            delta=self.delta,
            reason=self.reason,
            by=self.actor_id,
            now=now,
        )
        after = rows.get(store.stock_levels, id)
        assert after is not None
        level = store.level_of(after)
        return StockView(
            variant_id=self.variant_id,
            on_hand=level.on_hand,
            available=level.available,
            version=level.version,
        )
