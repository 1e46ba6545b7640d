"""What `verify` says of orders that should not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from livecommerce.database.purge import HOUR_MS, KEYS_KEPT_MS
from livecommerce.orders import store
from tests.database.shop import change
from tests.orders.market import open_market


@pytest.mark.parametrize(
    ("apart_ms", "is_breach"),
    [(1, True), (KEYS_KEPT_MS - HOUR_MS, True), (KEYS_KEPT_MS + HOUR_MS, False)],
)
async def test_a_command_makes_one_order_while_its_id_is_remembered(
    url: str, tmp_path: Path, apart_ms: int, is_breach: bool
):
    market = await open_market(url, tmp_path)
    try:
        offer, buyer = await market.goods(), await market.buyer()
        first = await market.buy(buyer, offer, method=None)
        market.pass_time(apart_ms)
        second = await market.buy(buyer, offer, method=None)
        database = market.world.database
        row = await database.fetch_one(store.order_by_id(first.id))
        assert row is not None
        forged = change(store.orders, second.id, command_id=row["command_id"])
        await database.writer.submit(forged)
        found = {breach.invariant for breach in await market.breaches()}
        assert ("I24" in found) is is_breach
    finally:
        await market.close()
