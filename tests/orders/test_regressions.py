"""How other shops oversold, played through ours: each by the number of its report."""

from __future__ import annotations

import pytest

from livecommerce.kernel.errors import Refused
from tests.orders.market import Market, together

ROUNDS = 5


def winners(answers: list[object]) -> int:
    return sum(not isinstance(answer, Refused) for answer in answers)


@pytest.mark.parametrize("buyers", [2, 16])
async def test_medusa_16825_many_carts_race_for_the_last_unit(market: Market, buyers: int):
    """medusajs/medusa#16825: N carts completed at once for one unit became two orders."""
    people = [await market.buyer() for _ in range(buyers)]
    for number in range(ROUNDS):
        offer = await market.goods(f"Lamp {number}", on_hand=1)
        answers = await together(*(market.buy(buyer, offer) for buyer in people))
        assert winners(answers) == 1
        await market.settle()
        assert (await market.level(offer))["allocated"] == 1


async def test_medusa_16569_direct_calls_do_not_oversubscribe(market: Market):
    """medusajs/medusa#16569: the inventory service itself, past the workflow's lock, oversubscribed
    and lost updates. Here the service is the lock: many hold, pay and let go at once."""
    offer = await market.goods(on_hand=7)
    people = [await market.buyer() for _ in range(20)]
    answers = await together(*(market.buy(buyer, offer, method=None) for buyer in people))
    made = [
        (buyer, order)
        for buyer, order in zip(people, answers, strict=True)
        if not isinstance(order, Refused)
    ]
    assert len(made) == 7
    await together(
        *(
            market.cancel(buyer, order) if n % 2 else market.pay(buyer, order)
            for n, (buyer, order) in enumerate(made)
        )
    )
    await market.settle()
    level = await market.level(offer)
    assert (level["allocated"], level["reserved"], level["on_hand"]) == (4, 0, 7)


async def test_medusa_16502_two_wishes_for_one_item_are_not_checked_alone(market: Market):
    """medusajs/medusa#16502: two lines of one cart shared an item; each was within the stock, both
    together were not. Wishes decided in the same batch see what the earlier ones took."""
    offer, buyer = await market.goods(on_hand=3), await market.buyer()
    answers = await together(
        market.buy(buyer, offer, qty=2, method=None), market.buy(buyer, offer, qty=2, method=None)
    )
    assert winners(answers) == 1
    assert (await market.level(offer))["reserved"] == 2


async def test_saleor_543_concurrent_checkouts_of_two_processes(markets: tuple[Market, Market]):
    """saleor/saleor#543: two workers passed the same check. Two processes, one PostgreSQL."""
    here, there = markets
    people = [await here.buyer() for _ in range(12)]
    for number in range(ROUNDS):
        offer = await here.goods(f"Lamp {number}", on_hand=1)
        answers = await together(
            *(
                (here if n % 2 else there).buy(buyer, offer, method=None)
                for n, buyer in enumerate(people)
            )
        )
        assert winners(answers) == 1


async def test_vendure_3508_check_and_allocation_are_one_step(market: Market):
    """vendure-ecommerce/vendure#3508: the unit was checked when it was added and allocated when it
    was paid; between the two it was sold again. A paid order is never short."""
    offer = await market.goods(on_hand=1)
    first, second = await market.buyer(), await market.buyer()
    order = await market.buy(first, offer, method=None)
    with pytest.raises(Refused):
        await market.buy(second, offer)
    await market.pay(first, order)
    await market.settle()
    assert (await market.see(first, order)).state == "confirmed"
    assert await market.level(offer) == {
        "on_hand": 1,
        "allocated": 1,
        "reserved": 0,
        "set_aside": 0,
    }
