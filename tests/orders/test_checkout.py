"""One-click buying through the services: every branch of a payment, on both databases."""

from __future__ import annotations

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders.wire import Bought, SaleMade
from livecommerce.stock.wire import SaleCounted
from tests.orders.market import Market
from tests.shows.world import code_of

HELD = {"allocated": 0, "reserved": 1, "set_aside": 0}
SOLD = {"allocated": 1, "reserved": 0, "set_aside": 0}
FREE = {"allocated": 0, "reserved": 0, "set_aside": 0}


async def units(market: Market, offer) -> dict[str, int]:
    level = await market.level(offer)
    return {name: level[name] for name in ("allocated", "reserved", "set_aside")}


async def test_one_click_holds_pays_and_confirms(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer)
    assert (order.state, order.payment_state) == ("pending_payment", "processing")
    assert order.total_minor == order.subtotal_minor + order.delivery_minor
    await market.settle()
    paid = await market.see(buyer, order)
    assert (paid.state, paid.payment_state) == ("confirmed", "captured")
    assert paid.paid_at is not None
    assert paid.hold_expires_at is None
    assert await units(market, offer) == SOLD
    await market.world.outbox.close()
    assert market.told(buyer)[-1].state == "confirmed"
    assert [made.state for made in market.world.events(SaleMade)] == ["held", "confirmed"]
    assert [bought.qty for bought in market.world.events(Bought)] == [1]


async def test_nobody_but_staff_learns_who_bought(market: Market):
    offer, buyer = await market.goods(), await market.buyer(name="Very Secret")
    await market.buy(buyer, offer)
    await market.settle()
    await market.world.outbox.close()
    assert not any("Very Secret" in repr(event) for event in market.world.seen())


async def test_hold_first_then_pay_beside_the_video(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    assert (order.state, order.payment_state) == ("pending_payment", "not_paid")
    assert await units(market, offer) == HELD
    paying = await market.pay(buyer, order)
    assert paying.payment_state == "processing"
    await market.settle()
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_declined_card_keeps_the_units_for_another_try(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_declined")
    order = await market.buy(buyer, offer)
    await market.settle()
    declined = await market.see(buyer, order)
    assert (declined.state, declined.payment_state) == ("pending_payment", "failed")
    assert declined.failure == "payment_declined"
    assert await units(market, offer) == HELD
    await market.pay(buyer, order)
    await market.settle()
    await market.pay(buyer, order)
    await market.settle()
    # The third decline within one hold ends it.
    assert (await market.see(buyer, order)).state == "cancelled"
    assert await units(market, offer) == FREE


async def test_stolen_card_ends_the_order_at_once(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_stolen")
    order = await market.buy(buyer, offer)
    await market.settle()
    ended = await market.see(buyer, order)
    # Told in the same words as any decline: a thief learns nothing.
    assert (ended.state, ended.failure) == ("cancelled", "payment_declined")
    assert await units(market, offer) == FREE


@pytest.mark.parametrize(("approve", "state"), [(True, "confirmed"), (False, "pending_payment")])
async def test_challenge_is_answered_at_the_bank(market: Market, approve: bool, state: str):
    offer, buyer = await market.goods(), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    asked = await market.see(buyer, order)
    assert asked.payment_state == "requires_action"
    assert asked.next_action is not None
    assert asked.next_action.kind == "challenge"
    ref = asked.next_action.url.rsplit("/", 1)[1]
    await market.sandbox.answer_challenge(ref, approve=approve)
    await market.settle()
    answered = await market.see(buyer, order)
    assert answered.state == state
    assert answered.next_action is None
    assert answered.failure == (None if approve else "payment_declined")


@pytest.mark.parametrize(
    ("card", "state", "payment"),
    [
        ("tok_timeout_paid", "confirmed", "captured"),
        ("tok_timeout_failed", "pending_payment", "failed"),
        ("tok_late", "confirmed", "captured"),
    ],
)
async def test_silence_is_asked_about_until_it_is_known(
    market: Market, card: str, state: str, payment: str
):
    offer, buyer = await market.goods(), await market.buyer(card)
    order = await market.buy(buyer, offer)
    await market.settle()
    waiting = await market.see(buyer, order)
    assert (waiting.state, waiting.payment_state) == ("pending_payment", "processing")
    await market.settle(4_000)
    known = await market.see(buyer, order)
    assert (known.state, known.payment_state) == (state, payment)


async def test_pay_on_delivery_is_confirmed_at_once(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer, method="pay_on_delivery")
    assert (order.state, order.payment_state) == ("confirmed", "due_on_delivery")
    assert await units(market, offer) == SOLD
    later = await market.buy(buyer, offer, method=None)
    assert (await market.pay(buyer, later, method="pay_on_delivery")).state == "confirmed"


async def test_hold_runs_out_and_the_unit_is_free_again(market: Market):
    offer, buyer = await market.goods(on_hand=1), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    with pytest.raises(Refused) as refused:
        await market.buy(await market.buyer(), offer)
    assert code_of(refused) is Code.SOLD_OUT
    await market.settle(600_000)
    assert (await market.see(buyer, order)).state == "expired"
    with pytest.raises(Refused) as refused:
        await market.pay(buyer, order)
    assert code_of(refused) is Code.HOLD_EXPIRED
    again = await market.buy(await market.buyer(), offer)
    assert again.state == "pending_payment"


async def test_unanswered_challenge_is_cancelled_before_the_unit_is_free(market: Market):
    offer, buyer = await market.goods(on_hand=1), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    await market.settle(900_000)
    assert (await market.see(buyer, order)).state == "expired"
    (attempt,) = await market.attempts(order)
    assert attempt["state"] == "canceled"
    assert await units(market, offer) == FREE
    # The bank's page may still be open somewhere: approving now changes nothing.
    await market.sandbox.answer_challenge(attempt["psp_ref"], approve=True)
    await market.settle()
    assert await market.sandbox.paid() == []


async def test_processing_payment_keeps_its_unit_past_the_deadline(market: Market):
    """A unit may wait; it may never be sold twice."""
    offer, buyer = await market.goods(on_hand=1), await market.buyer("tok_late")
    order = await market.buy(buyer, offer)
    await market.orders.checkout.idle()
    # The clock jumps far ahead while the provider is still thinking, and its outcome stays away.
    await market.orders.checkout.expire_due()
    await market.settle(2_000)
    assert (await market.see(buyer, order)).state == "pending_payment"
    assert await units(market, offer) == HELD


async def test_cancel_gives_back_at_once_what_was_never_charged(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    cancelled = await market.cancel(buyer, order)
    assert cancelled.state == "cancelled"
    assert await units(market, offer) == FREE
    with pytest.raises(Refused) as refused:
        await market.cancel(buyer, order)
    assert code_of(refused) is Code.BAD_TRANSITION


async def test_cancel_during_a_challenge_goes_by_way_of_the_provider(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    assert (await market.cancel(buyer, order)).state == "pending_payment"
    assert await units(market, offer) == HELD
    await market.settle()
    assert (await market.see(buyer, order)).state == "cancelled"
    assert await units(market, offer) == FREE


async def test_cancel_that_comes_after_the_money_is_a_refund(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    (attempt,) = await market.attempts(order)
    await market.sandbox.answer_challenge(attempt["psp_ref"], approve=True)
    await market.cancel(buyer, order)
    await market.settle()
    ended = await market.see(buyer, order)
    assert (ended.state, ended.payment_state) == ("cancelled", "refunded")
    (paid,) = await market.sandbox.paid()
    assert paid.refunded_minor == paid.amount_minor == order.total_minor
    assert await units(market, offer) == FREE


@pytest.mark.parametrize("method", ["card", "pay_on_delivery"])
async def test_confirmed_order_is_cancelled_with_units_and_money_back(market: Market, method: str):
    offer, buyer = await market.goods(), await market.buyer()
    sale = await market.sale(offer, quota=2, per_buyer=1)
    order = await market.buy(buyer, offer, sale=sale, method=method)
    await market.settle()
    assert await market.counters(sale) == (0, 1)
    await market.cancel(buyer, order)
    await market.settle()
    ended = await market.see(buyer, order)
    assert ended.state == "cancelled"
    assert ended.payment_state == ("refunded" if method == "card" else "not_paid")
    assert await market.counters(sale) == (0, 0)
    # The unit is the sale's again, and so is the buyer's right to one.
    await market.buy(buyer, offer, sale=sale)


async def test_late_money_takes_a_free_unit(market: Market):
    """Tx E: the provider said cancelled and charged all the same. A success is never dropped."""
    offer, buyer = await market.goods(on_hand=1), await market.buyer("tok_paid_after_cancel")
    order = await market.buy(buyer, offer)
    await market.settle()
    await market.settle(900_000)
    assert (await market.see(buyer, order)).state == "expired"
    await market.settle(2_000)
    late = await market.see(buyer, order)
    assert (late.state, late.payment_state) == ("confirmed", "captured")
    assert await units(market, offer) == SOLD
    # And it can be cancelled like any other.
    await market.cancel(buyer, late)
    await market.settle()
    assert (await market.see(buyer, order)).payment_state == "refunded"


async def test_late_money_goes_back_when_the_unit_is_gone(market: Market):
    offer, buyer = await market.goods(on_hand=1), await market.buyer("tok_paid_after_cancel")
    order = await market.buy(buyer, offer)
    await market.settle()
    await market.settle(900_000)
    other = await market.buy(await market.buyer(), offer)
    await market.settle(2_000)
    assert (await market.see(buyer, order)).state == "expired"
    (attempt,) = await market.attempts(order)
    assert attempt["state"] == "surplus"
    assert attempt["refunded_minor"] == order.total_minor
    assert market.told(buyer)[-1].failure == "payment_returned"
    assert other.id != order.id
    assert await units(market, offer) == SOLD


async def test_late_money_of_a_cancelled_order_goes_back(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_paid_after_cancel")
    order = await market.buy(buyer, offer)
    await market.settle()
    await market.cancel(buyer, order)
    await market.settle()
    assert (await market.see(buyer, order)).state == "cancelled"
    await market.settle(2_000)
    (attempt,) = await market.attempts(order)
    assert (attempt["state"], attempt["refunded_minor"]) == ("surplus", order.total_minor)
    told = market.told(buyer)[-1]
    assert (told.state, told.failure) == ("cancelled", "payment_returned")


async def test_the_sale_counts_every_unit(market: Market):
    offer, buyers = await market.goods(on_hand=5), [await market.buyer() for _ in range(3)]
    sale = await market.sale(offer, quota=2)
    await market.buy(buyers[0], offer, sale=sale)
    await market.buy(buyers[1], offer, sale=sale, method=None)
    with pytest.raises(Refused) as refused:
        await market.buy(buyers[2], offer, sale=sale)
    assert code_of(refused) is Code.SOLD_OUT
    assert (await market.world.stock.sale(sale.id)).phase == "sold_out"
    # Units outside of the sale can still be had, at the regular price.
    regular = await market.buy(buyers[2], offer)
    assert regular.lines[0].unit_minor == offer.price_minor
    await market.settle()
    await market.settle(900_000)
    await market.world.stock.clock.tick()
    await market.world.outbox.close()
    counted = market.world.events(SaleCounted)
    assert [event.version for event in counted] == sorted(event.version for event in counted)
    assert await market.counters(sale) == (0, 1)
    assert await market.level(offer) == {
        "on_hand": 5,
        "allocated": 2,
        "reserved": 0,
        "set_aside": 0,
    }


async def test_a_hold_that_cannot_be_ended_keeps_no_other_waiting(market: Market, monkeypatch):
    offer = await market.goods()
    first, second = await market.buyer(name="A"), await market.buyer(name="B")
    stuck = await market.buy(first, offer, method=None)
    other = await market.buy(second, offer, method=None)
    checkout = market.orders.checkout
    expire = checkout._expire

    async def broken(order_id: str) -> None:
        if order_id == stuck.id:
            raise AssertionError("a row nobody foresaw")
        await expire(order_id)

    monkeypatch.setattr(checkout, "_expire", broken)
    market.pass_time(700_000)
    assert await checkout.expire_due() == 2
    assert (await market.orders.order(second.actor, other.id)).state == "expired"
    assert (await market.orders.order(first.actor, stuck.id)).state == "pending_payment"
