"""The shelf: stock levels as the catalogue sees and makes them, as other writes declare them."""

from __future__ import annotations

from collections.abc import Collection

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows
from livecommerce.stock import store
from livecommerce.stock.levels import MAIN_WAREHOUSE, StockLevel, level_id
from livecommerce.stock.wire import StockChanged

_IN_MAX = 1_000


def level_need(variant_id: str, *, lock: bool = False) -> Need:
    """The level of a variant, for a write that publishes or changes it."""
    return Need(store.stock_levels, level_id(variant_id), lock=lock)


def stock_changed(
    rows: Rows, variant_id: str, now: int, *, dropped: bool = False
) -> StockChanged | None:
    """The counter of a variant whose level the write has declared; None when it has no level."""
    row = rows.get(store.stock_levels, level_id(variant_id))
    return None if row is None else counter_of(store.level_of(row), now, dropped=dropped)


def counter_of(level: StockLevel, now: int, *, dropped: bool = False) -> StockChanged:
    mark = ".dropped" if dropped else ""
    return StockChanged(
        id=f"stock:{level.variant_id}.{level.version}{mark}",
        at=now,
        key=f"stock:{level.variant_id}",
        version=level.version,
        variant_id=level.variant_id,
        available=max(0, level.available),
        held=level.reserved,
        sold=level.allocated,
        dropped=dropped,
    )


class Shelf:
    """Units of variants; satisfies what the catalogue asks for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def units(self, variant_ids: Collection[str]) -> dict[str, StockLevel]:
        """Levels by variant; unknown variants are missing."""
        found: dict[str, StockLevel] = {}
        wanted = sorted(set(variant_ids))
        for start in range(0, len(wanted), _IN_MAX):
            part = wanted[start : start + _IN_MAX]
            for row in await self._database.fetch(store.levels_of(part)):
                found[row["variant_id"]] = store.level_of(row)
        return found

    def stock_up(
        self, rows: Rows, *, variant_id: str, on_hand: int, actor_id: str, now: int
    ) -> None:
        """Within a write: makes the level of a new variant, with its first units."""
        id = level_id(variant_id)
        rows.insert(
            store.stock_levels,
            {
                "id": id,
                "variant_id": variant_id,
                "warehouse_id": MAIN_WAREHOUSE,
                "on_hand": on_hand,
            },
        )
        if on_hand:
            record_movement(
                rows, id=f"{id}.first", level=id, delta=on_hand, reason="", by=actor_id, now=now
            )


def record_movement(
    rows: Rows, *, id: str, level: str, delta: int, reason: str, by: str, now: int
) -> None:
    rows.insert(
        store.stock_movements,
        {
            "id": id,
            "level_id": level,
            "delta": delta,
            "cause": "received" if delta > 0 else "adjusted",
            "reason": reason,
            "actor_id": by,
            "created_at": now,
        },
    )
