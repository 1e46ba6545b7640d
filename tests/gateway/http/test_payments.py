"""Cards, webhooks and the challenge page over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from livecommerce.payments.providers import signatures
from livecommerce.payments.providers.sandbox import SIGNATURE_HEADER
from tests.gateway.http.counter import Counter, open_counter
from tests.orders.market import CARD_SECRET

WEBHOOK = "/v1/payments/sandbox/webhook"


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(tmp_path) as counter:
        yield counter


async def test_cards(counter: Counter):
    await counter.buyer("badr")
    saved = await counter.ask("POST", "/v1/me/cards", {"token": "tok_mada"}, by="badr")
    assert (saved.status, saved.body["last4"]) == (201, "5604")
    methods = await counter.ask("GET", "/v1/me/payment-methods?market=KW", by="badr")
    assert saved.body in methods.body["cards"]
    assert methods.body["methods"] == ["card", "pay_on_delivery"]
    assert not any("token" in card for card in methods.body["cards"])
    path = f"/v1/me/cards/{saved.body['id']}"
    await counter.buyer("omar")
    assert (await counter.ask("DELETE", path, by="omar")).status == 404
    assert (await counter.ask("DELETE", path, by="badr")).status == 200
    for body, code in (
        ({"token": "4242424242424242"}, "bad_field"),
        ({"token": "tok_visa", "number": "4242"}, "unknown_field"),
        ({"token": "t"}, "bad_field"),
    ):
        assert (await counter.ask("POST", "/v1/me/cards", body, by="badr")).code == code
    assert (
        await counter.ask("GET", "/v1/me/payment-methods?market=XX", by="badr")
    ).code == "bad_field"


async def asked(counter: Counter):
    buyer = await counter.buyer("badr", "tok_challenge")
    order = await counter.market.buy(buyer, await counter.market.goods())
    await counter.market.settle()
    seen = await counter.market.see(buyer, order)
    assert seen.next_action is not None
    return buyer, order, seen.next_action.url


@pytest.mark.parametrize(("said", "state"), [("approve", "captured"), ("deny", "failed")])
async def test_the_challenge_page(counter: Counter, said: str, state: str):
    buyer, order, url = await asked(counter)
    page = await counter.ask("GET", url)
    text = page.body.decode()
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "موافقة" in text
    assert "SAR 115.00" in text
    assert "<script" not in text
    answered = await counter.ask(
        "POST",
        url + "?status=success&payment_state=captured",
        f"answer={said}".encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answered.status == 200
    assert b"<button" not in answered.body
    await counter.market.settle()
    assert (await counter.market.see(buyer, order)).payment_state == state


async def test_a_forged_return_changes_nothing(counter: Counter):
    buyer, order, url = await asked(counter)
    await counter.ask("GET", url + "?status=success&redirect_status=succeeded")
    bad = await counter.ask(
        "POST",
        url,
        b"answer=success&status=succeeded",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (bad.status, bad.code) == (400, "bad_field")
    await counter.market.settle()
    assert (await counter.market.see(buyer, order)).payment_state == "requires_action"
    other = await counter.ask(
        "POST",
        url,
        b"answer=approve",
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "Origin": "https://evil.example",
        },
    )
    assert other.status == 403
    assert (await counter.ask("GET", "/v1/sandbox/challenge/pi_nothing")).status == 404


async def test_webhooks(counter: Counter):
    _, order, url = await asked(counter)
    ref = url.rsplit("/", 1)[1]
    body = json.dumps({"id": "evt_1", "type": "payment.succeeded", "intent": ref}).encode()
    at_s = counter.market.clock.now_ms() // 1000
    good = signatures.sign(body, CARD_SECRET, at_s)
    kind = {"Content-Type": "application/json"}
    for _ in range(2):
        taken = await counter.ask("POST", WEBHOOK, body, headers={SIGNATURE_HEADER: good, **kind})
        assert taken.status == 200
    for header, content, status in (
        (None, body, 400),
        ("t=1,v1=0", body, 400),
        (good, body + b" ", 400),
        (signatures.sign(body, CARD_SECRET, at_s - 301), body, 400),
        (signatures.sign(body, CARD_SECRET, at_s + 301), body, 400),
        (signatures.sign(b"{", CARD_SECRET, at_s), b"{", 400),
        (good, b"x" * (256 * 1024 + 1), 413),
    ):
        headers = kind if header is None else {SIGNATURE_HEADER: header, **kind}
        assert (await counter.ask("POST", WEBHOOK, content, headers=headers)).status == status
    assert order.state == "pending_payment"
