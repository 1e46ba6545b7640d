"""A process dies between any two steps of a payment; what it left behind is carried through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.money import Money
from livecommerce.payments.providers.port import Busy, IntentStatus, NoAnswer, Rejected
from livecommerce.payments.store import payment_transitions, refunds
from tests.database.shop import change
from tests.orders.market import Market

RESUMED_MS = 31_000


class Died(Exception):
    """The process is gone; nothing of the task goes on."""


def dies(call: Callable[..., Awaitable[Any]], *, after: bool, raises: type[Exception] = Died):
    """The call as the process sees it when it dies just before or just after its effect."""

    async def dying(*args: Any, **kwargs: Any) -> Any:
        if after:
            await call(*args, **kwargs)
        raise raises()

    return dying


async def bought(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer)
    await market.orders.checkout.idle()
    return buyer, order


async def test_before_anything_was_asked_of_the_provider(market: Market, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(market.orders.checkout, "pay", lambda job: None)
        buyer, order = await bought(market)
    await market.settle()
    assert (await market.see(buyer, order)).payment_state == "processing"
    await market.settle(RESUMED_MS)
    assert (await market.see(buyer, order)).state == "confirmed"


@pytest.mark.parametrize("after", [False, True])
async def test_around_the_making_of_the_intent(market: Market, monkeypatch, after: bool):
    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "create", dies(market.sandbox.create, after=after))
        buyer, order = await bought(market)
    await market.settle(RESUMED_MS)
    assert (await market.see(buyer, order)).state == "confirmed"
    assert len(await market.sandbox.paid()) == 1


async def test_between_registering_and_charging(market: Market, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "confirm", dies(market.sandbox.confirm, after=False))
        buyer, order = await bought(market)
    await market.settle(RESUMED_MS)
    left = await market.see(buyer, order)
    # Nobody is charged unawares, long after the click: the buyer is asked again.
    assert (left.state, left.payment_state) == ("pending_payment", "failed")
    assert left.failure == "payment_unavailable"
    assert await market.sandbox.paid() == []
    await market.pay(buyer, order)
    await market.settle()
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_between_the_charge_and_its_record(market: Market, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "confirm", dies(market.sandbox.confirm, after=True))
        buyer, order = await bought(market)
    assert len(await market.sandbox.paid()) == 1
    await market.settle(RESUMED_MS)
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_during_a_refund(market: Market, monkeypatch):
    buyer, order = await bought(market)
    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "refund", dies(market.sandbox.refund, after=True))
        await market.cancel(buyer, order)
        await market.orders.checkout.refund_due()
        await market.orders.checkout.idle()
    await market.settle()
    (paid,) = await market.sandbox.paid()
    # Asked for twice under one key: paid back once.
    assert paid.refunded_minor == order.total_minor
    assert (await market.see(buyer, order)).payment_state == "refunded"


@pytest.mark.parametrize("fault", [NoAnswer, Busy])
async def test_provider_out_of_reach_lets_the_buyer_try_again(market: Market, monkeypatch, fault):
    async def fails(*args: Any, **kwargs: Any) -> Any:
        raise Busy(0.0) if fault is Busy else NoAnswer

    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "create", fails)
        buyer, order = await bought(market)
    left = await market.see(buyer, order)
    assert (left.payment_state, left.failure) == ("failed", "payment_unavailable")
    await market.pay(buyer, order)
    await market.settle()
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_provider_that_answers_nothing_to_cancels_keeps_the_unit(market: Market, monkeypatch):
    offer, buyer = await market.goods(on_hand=1), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    with monkeypatch.context() as patch:
        patch.setattr(
            market.sandbox, "cancel", dies(market.sandbox.cancel, after=False, raises=NoAnswer)
        )
        await market.settle(900_000)
        assert (await market.level(offer))["reserved"] == 1
        await market.settle(2_000)
        assert (await market.level(offer))["reserved"] == 1
    await market.settle(10_000)
    assert (await market.see(buyer, order)).state == "expired"
    assert (await market.level(offer))["reserved"] == 0


async def test_refused_refund_waits_for_a_person(market: Market, monkeypatch):
    buyer, order = await bought(market)

    async def fails(*args: Any, **kwargs: Any) -> Any:
        raise Rejected("card_closed")

    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "refund", fails)
        await market.cancel(buyer, order)
        await market.settle()
    left = await market.see(buyer, order)
    assert (left.state, left.payment_state) == ("cancelled", "captured")
    # They are told of it.
    (refused,) = await market.payments.refused_refunds()
    (attempt,) = await market.attempts(order)
    assert (refused.order_id, refused.reason) == (order.id, "cancel")
    assert refused.money == Money(attempt["captured_minor"], attempt["currency"])
    assert (refused.provider, refused.payment_ref) == ("sandbox", attempt["psp_ref"])
    assert market.orders.checkout.refunds_refused == 1
    # Somebody pays it back by other means; a second time there is nothing to close.
    await market.orders.checkout.close_refund(refused.id, "transfer 4711")
    assert (await market.see(buyer, order)).payment_state == "refunded"
    (attempt,) = await market.attempts(order)
    assert attempt["refunded_minor"] == attempt["captured_minor"]
    assert await market.payments.refused_refunds() == []
    steps = await market.world.database.fetch(
        payment_transitions.select().where(payment_transitions.c.entity_id == refused.id)
    )
    assert [(step["to_state"], step["reason"]) for step in steps] == [
        ("failed", "provider"),
        ("succeeded", "by hand: transfer 4711"),
    ]
    assert await market.breaches() == []
    for id, code in ((refused.id, Code.BAD_TRANSITION), ("nothing", Code.NOT_FOUND)):
        with pytest.raises(Refused) as told:
            await market.orders.checkout.close_refund(id, "again")
        assert told.value.code is code
    # What the provider is said to have paid back, and has not, is found out.
    for ref, broken in (("re_forged", {"I8"}), (None, set())):
        await market.world.database.writer.submit(change(refunds, refused.id, psp_ref=ref))
        assert {breach.invariant for breach in await market.breaches()} == broken


async def test_money_of_another_amount_pays_for_nothing(market: Market, monkeypatch):
    import dataclasses

    confirm = market.sandbox.confirm

    async def lies(*args: Any, **kwargs: Any) -> Any:
        intent = await confirm(*args, **kwargs)
        return dataclasses.replace(intent, amount_minor=1, status=IntentStatus.SUCCEEDED)

    with monkeypatch.context() as patch:
        patch.setattr(market.sandbox, "confirm", lies)
        buyer, order = await bought(market)
    assert (await market.see(buyer, order)).state == "pending_payment"
    (attempt,) = await market.attempts(order)
    assert (attempt["state"], attempt["error_code"]) == ("unknown", "mismatch")
    # The provider's own book says otherwise: the next look believes that.
    await market.settle(RESUMED_MS)
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_a_new_process_takes_up_what_the_old_one_left(market: Market, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(market.orders.checkout, "pay", lambda job: None)
        buyer, order = await bought(market)
    # At the start of the only process of an SQLite shop nothing can be under way elsewhere.
    await market.orders.checkout.settle_due(everything=True)
    await market.orders.checkout.idle()
    assert (await market.see(buyer, order)).state == "confirmed"
