"""A stock level: how many units of a variant lie in a warehouse, and for whom.

    on_hand = allocated + reserved + set_aside + available

`allocated` belongs to confirmed orders, `reserved` to holds, `set_aside` to flash sales that have
not sold it yet. The database refuses whatever breaks this (`ck_stock_levels_within`).

The rules return differences: the writer adds them up over a batch and adds the sum to the row.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from livecommerce.kernel.errors import Code, Refused

MAIN_WAREHOUSE = "main"

Deltas = Mapping[str, int]


def level_id(variant_id: str, warehouse_id: str = MAIN_WAREHOUSE) -> str:
    return f"{variant_id}@{warehouse_id}"


class StockLevel(msgspec.Struct, frozen=True):
    variant_id: str
    on_hand: int = 0
    allocated: int = 0
    reserved: int = 0
    set_aside: int = 0
    version: int = 1

    @property
    def committed(self) -> int:
        """Units that somebody was promised."""
        return self.allocated + self.reserved + self.set_aside

    @property
    def available(self) -> int:
        """Units that anybody may take at the regular price."""
        return self.on_hand - self.committed

    @property
    def is_sound(self) -> bool:
        parts = (self.allocated, self.reserved, self.set_aside)
        return all(part >= 0 for part in parts) and self.committed <= self.on_hand

    def plus(self, deltas: Deltas) -> StockLevel:
        """The level after these differences."""
        values = {name: getattr(self, name) + delta for name, delta in deltas.items()}
        return msgspec.structs.replace(self, **values, version=self.version + 1)


def hold(level: StockLevel, qty: int, *, from_sale: bool) -> Deltas:
    """Reserves units for a buyer; those of a sale were set aside for it.

    Raises:
        Refused: SOLD_OUT when there are not so many.
    """
    if from_sale:
        if level.set_aside < qty:
            raise Refused(Code.SOLD_OUT, available=level.set_aside)
        return {"reserved": qty, "set_aside": -qty}
    if level.available < qty:
        raise Refused(Code.SOLD_OUT, available=max(0, level.available))
    return {"reserved": qty}


def release(qty: int, *, to_sale: bool) -> Deltas:
    """Gives units of a hold back: to the sale they came from while it is open, or to everybody."""
    return {"reserved": -qty, "set_aside": qty} if to_sale else {"reserved": -qty}


def consume(qty: int) -> Deltas:
    """Turns units of a hold into units of a confirmed order."""
    return {"reserved": -qty, "allocated": qty}


def give_back(qty: int, *, to_sale: bool) -> Deltas:
    """Takes units out of an order that was cancelled before anything was sent."""
    return {"allocated": -qty, "set_aside": qty} if to_sale else {"allocated": -qty}


def set_aside(level: StockLevel, qty: int) -> Deltas:
    """Keeps units for a flash sale.

    Raises:
        Refused: STOCK_COMMITTED when there are not so many available.
    """
    if level.available < qty:
        raise Refused(Code.STOCK_COMMITTED, available=max(0, level.available), quota=qty)
    return {"set_aside": qty}


def put_back(qty: int) -> Deltas:
    """Returns what a flash sale has not sold."""
    return {"set_aside": -qty}


def adjust(level: StockLevel, delta: int) -> Deltas:
    """Books units that arrived (positive) or left other than by a sale (negative).

    Raises:
        Refused: STOCK_COMMITTED when units would go that somebody was promised.
    """
    if level.on_hand + delta < level.committed:
        raise Refused(Code.STOCK_COMMITTED, committed=level.committed, on_hand=level.on_hand)
    return {"on_hand": delta}
