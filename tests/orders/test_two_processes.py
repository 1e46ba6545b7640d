"""Two server processes on one PostgreSQL sell from the same sale."""

from __future__ import annotations

from livecommerce.kernel.errors import Refused
from livecommerce.stock.wire import StartSale
from tests.orders.market import Market, together
from tests.shows.world import command


async def test_exactly_the_quota_is_sold(markets: tuple[Market, Market]):
    here, there = markets
    offer = await here.goods(on_hand=40)
    sale = await here.sale(offer, quota=30, per_buyer=2)
    people = [await here.buyer() for _ in range(30)]
    answers = await together(
        *(
            market.buy(buyer, offer, sale=sale, method=None)
            for buyer in people
            for market in (here, there, here)
        )
    )
    refused = [answer.code.value for answer in answers if isinstance(answer, Refused)]
    assert len(answers) - len(refused) == 30
    assert set(refused) <= {"sold_out", "limit_reached"}
    assert await here.counters(sale) == (30, 0)


async def test_both_clocks_move_a_sale_once(markets: tuple[Market, Market]):
    here, there = markets
    offer = await here.goods()
    sale = await here.sale(offer, quota=3, live=False)
    started = await here.world.stock.start_sale(
        here.world.host, here.room_id, command(StartSale, sale_id=sale.id)
    )
    here.pass_time(started.warm_up_s * 1000)
    await together(here.world.stock.clock.tick(), there.world.stock.clock.tick())
    assert (await there.world.stock.sale(sale.id)).phase == "live"
    here.pass_time(started.duration_s * 1000)
    await together(here.world.stock.clock.tick(), there.world.stock.clock.tick())
    assert (await here.world.stock.sale(sale.id)).phase == "ended"


async def test_a_payment_left_by_one_is_taken_up_by_the_other(markets, monkeypatch):
    here, there = markets
    offer, buyer = await here.goods(), await here.buyer()
    with monkeypatch.context() as patch:
        patch.setattr(here.orders.checkout, "pay", lambda job: None)
        order = await here.buy(buyer, offer)
    await there.settle(31_000)
    assert (await there.see(buyer, order)).state == "confirmed"


async def test_both_take_up_the_same_payment_and_charge_once(markets, monkeypatch):
    here, there = markets
    offer, buyer = await here.goods(), await here.buyer()
    with monkeypatch.context() as patch:
        patch.setattr(here.orders.checkout, "pay", lambda job: None)
        order = await here.buy(buyer, offer)
    here.pass_time(31_000)
    await together(here.orders.checkout.settle_due(), there.orders.checkout.settle_due())
    await together(here.orders.checkout.idle(), there.orders.checkout.idle())
    assert (await here.see(buyer, order)).state == "confirmed"
    assert len(await here.sandbox.paid()) == 1
