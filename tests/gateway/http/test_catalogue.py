"""The shop over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalogue.test_pictures import image
from tests.gateway.http.counter import Counter, open_counter


@pytest.fixture
async def counter(tmp_path: Path) -> AsyncIterator[Counter]:
    async with open_counter(tmp_path) as counter:
        yield counter


def draft(**fields: object) -> dict[str, object]:
    return {
        "market": "SA",
        "title": {"en": "Lamp", "ar": "فانوس"},
        "variants": [{"sku": "lamp", "price_minor": 5_000, "on_hand": 3}],
        **fields,
    }


async def merchant_of(counter: Counter) -> str:
    body = {"name": {"en": "Souq"}, "slug": "souq-lamps"}
    answer = await counter.ask("POST", "/v1/merchants", body, by="host")
    assert answer.status == 201
    return str(answer.body["id"])


async def test_a_shop_is_opened_filled_and_seen(counter: Counter):
    merchant = await merchant_of(counter)
    picture = await counter.ask(
        "POST",
        f"/v1/merchants/{merchant}/pictures",
        image(),
        by="host",
        headers={"Content-Type": "image/png"},
    )
    assert picture.status == 201
    made = await counter.ask(
        "POST",
        f"/v1/merchants/{merchant}/products",
        draft(picture_ids=[picture.body["id"]]),
        by="host",
    )
    assert made.status == 201
    seen = await counter.ask("GET", f"/v1/products/{made.body['id']}")
    assert seen.body == made.body
    found = await counter.ask("GET", "/v1/products?q=فانوس&limit=1")
    assert [product["id"] for product in found.body["products"]] == [made.body["id"]]
    shown = await counter.ask("GET", made.body["pictures"][0]["thumb_url"])
    assert shown.headers["Content-Type"] == "image/webp"
    assert "immutable" in shown.headers["Cache-Control"]
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    edited = await counter.ask(
        "PATCH",
        f"/v1/products/{made.body['id']}",
        {"version": 1, "title": {"en": "Lantern"}},
        by="host",
    )
    assert edited.body["title"]["en"] == "Lantern"


async def test_units_are_booked(counter: Counter):
    merchant = await merchant_of(counter)
    made = await counter.ask("POST", f"/v1/merchants/{merchant}/products", draft(), by="host")
    path = f"/v1/variants/{made.body['variants'][0]['id']}/stock"
    for _ in range(2):
        level = await counter.ask(
            "POST", path, {"delta": 4, "reason": "وصلت"}, by="host", key="delivery-number-1"
        )
        assert (level.status, level.body["on_hand"]) == (200, 7)
    short = await counter.ask("POST", path, {"delta": -8}, by="host")
    assert (short.status, short.code) == (409, "stock_committed")


async def test_markets_can_be_kept(counter: Counter):
    answer = await counter.ask("GET", "/v1/markets")
    assert {market["id"] for market in answer.body["markets"]} >= {"SA", "KW", "JP"}
    assert "max-age" in answer.headers["Cache-Control"]


BAD = [
    ({"market": "sa"}, 400, "bad_field"),
    ({"price": 1}, 400, "unknown_field"),
    ({"title": None}, 400, "bad_field"),
    ({"title": {"en": "", "ar": ""}}, 400, "bad_field"),
    ({"title": {"en": "a\u0000b"}}, 400, "bad_field"),
    ({"category": "Not a slug"}, 400, "bad_field"),
    ({"picture_ids": ["../../etc/passwd"]}, 400, "bad_field"),
    ({"picture_ids": ["0" * 32]}, 404, "not_found"),
    ({"variants": []}, 400, "bad_field"),
    ({"variants": [{"sku": "a\u0000", "price_minor": 1}]}, 400, "bad_field"),
    ({"variants": [{"sku": "a", "price_minor": -1}]}, 400, "bad_field"),
    ({"variants": [{"sku": "a", "price_minor": 1.5}]}, 400, "bad_field"),
    ({"variants": [{"sku": "a", "price_minor": 2**62}]}, 400, "bad_field"),
    ({"variants": [{"sku": "a", "price_minor": 5, "compare_at_minor": 5}]}, 400, "bad_field"),
]


@pytest.mark.parametrize(("fields", "status", "code"), BAD, ids=[str(bad[0]) for bad in BAD])
async def test_bad_products(counter: Counter, fields, status: int, code: str):
    merchant = await merchant_of(counter)
    answer = await counter.ask(
        "POST", f"/v1/merchants/{merchant}/products", draft(**fields), by="host"
    )
    assert (answer.status, answer.code) == (status, code)
    assert (await counter.ask("GET", "/v1/products")).body["products"] == []


async def test_bad_requests(counter: Counter):
    merchant = await merchant_of(counter)
    await counter.buyer("omar")
    pictures = f"/v1/merchants/{merchant}/pictures"
    for method, path, body, by, expected in (
        ("POST", "/v1/merchants", {"name": {"en": "S"}, "slug": "x y"}, "host", "bad_field"),
        (
            "POST",
            "/v1/merchants",
            {"name": {"en": "S"}, "slug": "souq-lamps"},
            "host",
            "already_exists",
        ),
        ("POST", "/v1/merchants", {"name": {"en": "S"}, "slug": "mine"}, None, "unauthenticated"),
        ("POST", f"/v1/merchants/{merchant}/products", draft(), "omar", "not_found"),
        ("POST", pictures, b"<svg/>", "host", "unsupported_media_type"),
        ("POST", pictures, {"a": 1}, "host", "unsupported_media_type"),
        ("GET", "/v1/pictures/..%2f..%2fshop.db", None, None, "not_found"),
        ("GET", "/v1/products/nothing", None, None, "not_found"),
        ("GET", "/v1/merchants/nobody", None, None, "not_found"),
        ("GET", "/v1/products?limit=0", None, None, "bad_field"),
        ("GET", "/v1/products?q=" + "a" * 101, None, None, "bad_field"),
        ("GET", "/v1/products?q=%00", None, None, "bad_field"),
        ("POST", "/v1/variants/nothing/stock", {"delta": 1}, "host", "not_found"),
    ):
        kind = {"Content-Type": "image/png"} if isinstance(body, bytes) else None
        answer = await counter.ask(method, path, body, by=by, headers=kind)
        assert answer.code == expected, (path, answer.body)
