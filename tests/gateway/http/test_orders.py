"""Buying over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from livecommerce.kernel.ids import new_id
from tests.gateway.http.counter import Counter, open_counter


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(tmp_path) as counter:
        yield counter


async def wish_for(counter: Counter, **fields: Any) -> dict[str, Any]:
    offer = await counter.market.goods()
    return {
        "variant_id": offer.variant_id,
        "offer_id": offer.id,
        "room_id": counter.market.room_id,
        "expected_total_minor": counter.market.total(offer.price_minor),
        "currency": "SAR",
        **fields,
    }


async def test_a_purchase_and_its_repetition(counter: Counter):
    buyer = await counter.buyer("badr")
    wish = await wish_for(
        counter,
        address_id=buyer.address_id,
        payment={"method": "card", "card_id": buyer.card_id},
    )
    first = await counter.ask("POST", "/v1/orders", wish, by="badr", key="first-click-of-badr")
    assert (first.status, first.body["state"]) == (201, "pending_payment")
    assert "Idempotent-Replayed" not in first.headers
    again = await counter.ask("POST", "/v1/orders", wish, by="badr", key="first-click-of-badr")
    assert (again.status, again.body) == (201, first.body)
    assert again.headers["Idempotent-Replayed"] == "true"
    await counter.market.settle()
    seen = await counter.ask("GET", first.headers["Location"], by="badr")
    assert seen.body["state"] == "confirmed"
    mine = await counter.ask("GET", "/v1/orders", by="badr")
    assert mine.body["orders"] == [seen.body]
    feed = await counter.ask("GET", f"/v1/rooms/{counter.market.world.room.slug}/orders", by="host")
    assert (feed.body["confirmed"], feed.body["revenue_minor"]) == (1, seen.body["total_minor"])


async def test_hold_then_pay_then_cancel(counter: Counter):
    buyer = await counter.buyer("badr")
    held = await counter.ask("POST", "/v1/orders", await wish_for(counter), by="badr", key=new_id())
    path = f"/v1/orders/{held.body['id']}"
    pay = {
        "address_id": buyer.address_id,
        "payment": {"method": "card", "card_id": buyer.card_id},
    }
    assert (await counter.ask("POST", f"{path}/pay", pay, by="badr")).code == (
        "idempotency_key_required"
    )
    paying = await counter.ask("POST", f"{path}/pay", pay, by="badr", key=new_id())
    assert paying.body["payment_state"] == "processing"
    await counter.market.settle()
    cancelled = await counter.ask("POST", f"{path}/cancel", by="badr")
    assert cancelled.body["state"] == "cancelled"
    again = await counter.ask("POST", f"{path}/cancel", by="badr")
    assert (again.status, again.code) == (409, "bad_transition")
    await counter.market.settle()
    assert (await counter.ask("GET", path, by="badr")).body["payment_state"] == "refunded"


async def test_a_quote_is_what_buying_costs(counter: Counter):
    wish = await wish_for(counter)
    asked = {name: wish[name] for name in ("variant_id", "offer_id", "room_id")}
    quote = await counter.ask("POST", "/v1/quotes", asked)
    assert quote.body["total_minor"] == wish["expected_total_minor"]
    assert quote.body["seller"]["name"]["en"] == "Souq"


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"qty": 0}, 400, "qty"),
    ({"qty": -1}, 400, "qty"),
    ({"qty": 1.5}, 400, "qty"),
    ({"qty": "1"}, 400, "qty"),
    ({"qty": True}, 400, "qty"),
    ({"qty": 2**63}, 400, "qty"),
    ({"currency": "EUR"}, 400, "currency"),
    ({"currency": "sar"}, 400, "currency"),
    ({"price": 1}, 400, "unknown_field"),
    ({"unit_minor": 1}, 400, "unknown_field"),
    ({"is_admin": True}, 400, "unknown_field"),
    ({"state": "confirmed"}, 400, "unknown_field"),
    ({"merchant_id": "mine"}, 400, "unknown_field"),
    ({"id": "first-click-of-badr"}, 400, "unknown_field"),
    ({"expected_total_minor": 1}, 409, "price_changed"),
    ({"expected_total_minor": -1}, 400, "bad_field"),
    ({"variant_id": "nothing"}, 404, "not_found"),
    ({"variant_id": "a\u0000"}, 400, "bad_field"),
    ({"variant_id": ""}, 400, "bad_field"),
    ({"offer_id": "nothing"}, 404, "not_found"),
    ({"sale_id": "nothing"}, 404, "not_found"),
    ({"room_id": "nothing"}, 404, "not_found"),
    ({"address_id": "nothing"}, 404, "not_found"),
    ({"payment": {"method": "coins"}}, 400, "bad_field"),
    ({"payment": {"method": "card", "card_id": "a\u0000"}}, 400, "bad_field"),
    ({"payment": {"method": "card", "number": "4242424242424242"}}, 400, "unknown_field"),
    ({"payment": {"method": "card"}}, 409, "address_required"),
]


@pytest.mark.parametrize(("fields", "status", "code"), BAD, ids=[str(bad[0]) for bad in BAD])
async def test_bad_wishes(counter: Counter, fields, status: int, code: str):
    await counter.buyer("badr")
    wish = await wish_for(counter, **fields)
    answer = await counter.ask("POST", "/v1/orders", wish, by="badr", key=new_id())
    assert (answer.status, answer.code) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await counter.market.count_orders() == 0


@pytest.mark.parametrize(
    "key", ["short", "x" * 65, "with spaces in the key", "ключ-ключ-ключ-ключ"]
)
async def test_bad_keys(counter: Counter, key: str):
    await counter.buyer("badr")
    wish = await wish_for(counter)
    answer = await counter.ask("POST", "/v1/orders", wish, by="badr", key=key)
    assert (answer.status, answer.code) == (400, "bad_id")


async def test_another_wish_under_the_same_key(counter: Counter):
    await counter.buyer("badr")
    wish = await wish_for(counter)
    await counter.ask("POST", "/v1/orders", wish, by="badr", key="first-click-of-badr")
    other = {**wish, "qty": 2}
    answer = await counter.ask("POST", "/v1/orders", other, by="badr", key="first-click-of-badr")
    assert (answer.status, answer.code) == (422, "idempotency_mismatch")


async def test_nobody_else_sees_or_moves_an_order(counter: Counter):
    await counter.buyer("badr")
    other = await counter.buyer("omar")
    made = await counter.ask("POST", "/v1/orders", await wish_for(counter), by="badr", key=new_id())
    missing = new_id()
    for method, tail, body in (
        ("GET", "", None),
        (
            "POST",
            "/pay",
            {
                "address_id": other.address_id,
                "payment": {"method": "card", "card_id": other.card_id},
            },
        ),
        ("POST", "/cancel", None),
    ):
        answers = [
            await counter.ask(method, f"/v1/orders/{id}{tail}", body, by="omar", key=new_id())
            for id in (made.body["id"], missing)
        ]
        assert [answer.status for answer in answers] == [404, 404]
        told = [{**answer.body, "request_id": ""} for answer in answers]
        assert told[0] == told[1]
    room = counter.market.room_id
    assert (await counter.ask("GET", f"/v1/rooms/{room}/orders", by="omar")).code == "forbidden"
    assert (await counter.ask("GET", "/v1/orders")).code == "unauthenticated"
