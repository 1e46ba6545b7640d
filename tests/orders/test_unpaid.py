"""How many orders one person may leave unpaid."""

from __future__ import annotations

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders.service import UNPAID_MAX
from livecommerce.payments.providers.port import PAY_ON_DELIVERY
from tests.orders.market import Buyer, Market

DAY_MS = 86_400_000


async def refuse_another(market: Market, buyer: Buyer, offer, method: str | None = None) -> None:
    before = await market.level(offer)
    with pytest.raises(Refused) as refused:
        await market.buy(buyer, offer, method=method)
    assert refused.value.code is Code.TOO_MANY_UNPAID
    assert refused.value.data == {"limit": UNPAID_MAX}
    assert await market.level(offer) == before


async def test_nobody_holds_a_whole_shop(market: Market):
    offer = await market.goods(on_hand=100)
    hoarder, other = await market.buyer(), await market.buyer()
    held = [await market.buy(hoarder, offer, method=None) for _ in range(UNPAID_MAX)]
    await refuse_another(market, hoarder, offer)
    await market.buy(other, offer, method=None)
    # Whoever pays or gives up may go on.
    await market.cancel(hoarder, held[0])
    await market.pay(hoarder, held[1])
    await market.settle()
    for _ in range(2):
        await market.buy(hoarder, offer, method=None)
    await refuse_another(market, hoarder, offer)
    assert await market.breaches() == []


async def test_orders_paid_on_delivery_count_for_a_day(market: Market):
    offer, buyer = await market.goods(on_hand=100), await market.buyer()
    for _ in range(UNPAID_MAX):
        await market.buy(buyer, offer, method=PAY_ON_DELIVERY)
    await refuse_another(market, buyer, offer, PAY_ON_DELIVERY)
    # The pace has been forgotten by then, the orders have not.
    market.pass_time(DAY_MS // 2)
    for _ in range(UNPAID_MAX):
        await market.buy(buyer, offer, method="card")
        await market.settle()
    await refuse_another(market, buyer, offer)
    market.pass_time(DAY_MS // 2)
    await market.buy(buyer, offer, method=PAY_ON_DELIVERY)


async def test_a_repetition_is_answered_beyond_the_limit(market: Market):
    offer, buyer = await market.goods(on_hand=100), await market.buyer()
    wish = market.wish(offer)
    first = await market.orders.place_order(buyer.actor, market.room_id, wish)
    for _ in range(UNPAID_MAX - 1):
        await market.buy(buyer, offer, method=None)
    await refuse_another(market, buyer, offer)
    again = await market.orders.place_order(buyer.actor, market.room_id, wish)
    assert again.id == first.id


async def test_paid_orders_are_without_limit(market: Market):
    offer, buyer = await market.goods(on_hand=100), await market.buyer()
    for _ in range(2 * UNPAID_MAX):
        await market.buy(buyer, offer)
        await market.settle()


async def test_a_flash_sale_has_its_own_limit(market: Market):
    offer, buyer = await market.goods(on_hand=100), await market.buyer()
    sale = await market.sale(offer, quota=50, per_buyer=UNPAID_MAX + 2)
    for _ in range(UNPAID_MAX + 2):
        await market.buy(buyer, offer, sale=sale, method=None)
