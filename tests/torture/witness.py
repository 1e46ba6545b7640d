"""A viewer who watches all the while: what it sees in the end is what the rows say."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from livecommerce.client import RoomClient
from livecommerce.stock.wire import SaleCounted, StockChanged
from tests.torture.findings import Finding
from tests.torture.judge import Judge

EQUAL_S = 30.0
"""The longest pause of a client that has tried in vain for a while is 20 s."""


async def check_equal(
    finding: Finding, witness: RoomClient, judge: Judge, sale_id: str, variant_ids: Sequence[str]
) -> None:
    """The counters of a sale and of variants, as a viewer sees them, against the rows."""
    until_s = time.monotonic() + EQUAL_S
    while differing := await _differing(witness, judge, sale_id, variant_ids):
        if time.monotonic() > until_s:
            finding.breaches.append(f"a viewer sees something else: {differing}")
            return
        await asyncio.sleep(0.2)


async def _differing(
    witness: RoomClient, judge: Judge, sale_id: str, variant_ids: Sequence[str]
) -> list[str]:
    counts = await judge.sale_counts(sale_id)
    seen = witness.mirror.state.get(f"sale_count:{sale_id}")
    differing = []
    if not isinstance(seen, SaleCounted):
        differing.append(f"no counter of the sale; rows: {counts}")
    elif (seen.held, seen.sold, seen.available) != (counts.held, counts.sold, counts.available):
        differing.append(f"{seen}; rows: {counts}")
    for variant_id in variant_ids:
        level = (
            await judge.rows(
                "SELECT reserved, allocated, version FROM stock_levels WHERE variant_id = :id",
                id=variant_id,
            )
        )[0]
        stock = witness.mirror.state.get(f"stock:{variant_id}")
        if not isinstance(stock, StockChanged):
            differing.append(f"no counter of {variant_id}; rows: {level}")
        elif (stock.held, stock.sold) != (level["reserved"], level["allocated"]):
            differing.append(f"{stock}; rows: {level}")
    return differing
