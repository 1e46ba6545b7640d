"""Saved cards, ways to pay, and webhooks into the inbox."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa

from livecommerce.kernel.errors import Code, Refused
from livecommerce.payments import store
from livecommerce.payments.providers import signatures
from livecommerce.payments.providers.sandbox import SIGNATURE_HEADER
from livecommerce.payments.wire import CardDraft
from tests.orders.market import CARD_SECRET, Market
from tests.shows.world import code_of


def signed(market: Market, **said: object) -> tuple[dict[str, str], bytes]:
    body = json.dumps(said).encode()
    header = signatures.sign(body, CARD_SECRET, market.clock.now_ms() // 1000)
    return {SIGNATURE_HEADER: header}, body


async def events(market: Market) -> dict[str, str]:
    rows = await market.world.database.fetch(sa.select(store.psp_events))
    return {row["id"]: row["state"] for row in rows}


async def test_cards_are_saved_shown_and_forgotten(market: Market):
    actor = await market.world.person("Noor")
    saved = await market.payments.save_card(actor, CardDraft(token="tok_mada"))
    methods = await market.payments.methods(actor, "SA")
    assert methods.cards == [saved]
    assert methods.methods == ["card", "pay_on_delivery"]
    assert "tok_visa" in methods.test_cards
    await market.payments.forget_card(actor, saved.id)
    assert (await market.payments.methods(actor, "SA")).cards == []
    row = await market.world.database.fetch_one(store.card_by_id(saved.id))
    # The order it paid still names the card; nobody can charge it any more.
    assert row is not None
    assert row["token"] == ""


async def test_cards_of_others_do_not_exist(market: Market):
    owner, other = await market.world.person("Noor"), await market.world.person("Omar")
    saved = await market.payments.save_card(owner, CardDraft(token="tok_visa"))
    with pytest.raises(Refused) as refused:
        await market.payments.forget_card(other, saved.id)
    assert code_of(refused) is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("draft", "field"),
    [
        (CardDraft(token="4242424242424242"), "token"),
        (CardDraft(token="tok_unknown"), "token"),
        (CardDraft(provider="nobody", token="tok_visa"), "provider"),
    ],
)
async def test_only_tokens_of_a_known_provider(market: Market, draft: CardDraft, field: str):
    actor = await market.world.person("Noor")
    with pytest.raises(Refused) as refused:
        await market.payments.save_card(actor, draft)
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, field)


async def test_markets_are_those_there_are(market: Market):
    actor = await market.world.person("Noor")
    with pytest.raises(Refused) as refused:
        await market.payments.methods(actor, "XX")
    assert code_of(refused) is Code.BAD_FIELD


async def test_a_webhook_is_stored_once_and_dealt_with(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    (attempt,) = await market.attempts(order)
    await market.sandbox.answer_challenge(attempt["psp_ref"], approve=True)
    said = signed(market, id="evt_1", type="payment.succeeded", intent=attempt["psp_ref"])
    for _ in range(3):
        await market.payments.receive_sandbox(*said)
    await market.settle()
    assert (await events(market))["sandbox:evt_1"] == "done"
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_what_a_webhook_claims_is_not_believed(market: Market):
    offer, buyer = await market.goods(), await market.buyer("tok_challenge")
    order = await market.buy(buyer, offer)
    await market.settle()
    (attempt,) = await market.attempts(order)
    said = signed(market, id="evt_1", type="payment.succeeded", intent=attempt["psp_ref"])
    await market.payments.receive_sandbox(*said)
    await market.settle()
    # It only makes us look, and the provider's book says otherwise.
    assert (await market.see(buyer, order)).payment_state == "requires_action"


async def test_webhooks_about_nothing_of_ours(market: Market):
    await market.payments.receive_sandbox(*signed(market, id="evt_1", type="balance.changed"))
    await market.payments.receive_sandbox(
        *signed(market, id="evt_2", type="payment.succeeded", intent="pi_unknown")
    )
    assert await events(market) == {"sandbox:evt_1": "ignored", "sandbox:evt_2": "new"}
    for _ in range(13):
        await market.settle(5_000_000)
    assert (await events(market))["sandbox:evt_2"] == "ignored"


async def test_a_bad_signature_stores_nothing(market: Market):
    headers, body = signed(market, id="evt_1", type="payment.succeeded", intent="pi_1")
    with pytest.raises(Refused) as refused:
        await market.payments.receive_sandbox(headers, body + b" ")
    assert code_of(refused) is Code.BAD_FIELD
    with pytest.raises(Refused) as refused:
        await market.payments.receive("nobody", headers, body)
    assert code_of(refused) is Code.NOT_FOUND
    assert await events(market) == {}
