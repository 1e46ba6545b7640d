"""Bad input over HTTP."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from tests.bad_input.case import NOBODY, Request, Wire

_JSON = (("Content-Type", "application/json"),)
_KEY = (("Idempotency-Key", "0123456789abcdef"),)
_NEVER = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
_ORDER: dict[str, Any] = {
    "room_id": "$room",
    "variant_id": "$lamp.variant",
    "offer_id": "$lamp.offer",
    "qty": 1,
    "expected_total_minor": "$lamp.total",
    "currency": "SAR",
}
_PAYMENT: dict[str, Any] = {
    "address_id": "$buyer.address",
    "payment": {"method": "card", "card_id": "$buyer.card"},
}
_QUOTE = {"variant_id": "$lamp.variant", "qty": 1}

MALFORMED = [
    Request(
        row=1, name=name, path="/v1/quotes", raw=raw, headers=_JSON, status=400, code="bad_json"
    )
    for name, raw in (
        ("empty", b""),
        ("not json", b"<xml/>"),
        ("truncated", b'{"variant_id":'),
        ("bytes after the end", b"{}{}"),
        ("a key twice", b'{"qty":1,"qty":2}'),
        ("NaN", b'{"qty":NaN}'),
        ("too deep", b'{"x":' * 17 + b"1" + b"}" * 17),
        ("extremely deep", b"[" * 30_000),
        ("not UTF-8", b'{"variant_id":"\xff"}'),
        ("an array", b"[]"),
    )
]

SHAPES = [
    Request(row=2, name="a body over the limit", path="/v1/quotes", raw=b" " * 70_000,
            headers=_JSON, status=413, code="too_large"),
    Request(row=4, name="an unknown field", path="/v1/quotes", body={**_QUOTE, "price": 1},
            status=400, code="unknown_field", field="price"),
    Request(row=4, name="a missing field", path="/v1/quotes", body={},
            status=400, code="missing_field", field="variant_id"),
    Request(row=4, name="an unknown verb", path="/v1/rooms/$room/commands",
            body={"t": "format_disk", "id": "0123456789abcdef"}, status=400, code="unknown_verb"),
    Request(row=4, name="a verb of the socket", path="/v1/rooms/$room/commands",
            body={"t": "hello", "id": "0123456789abcdef"}, status=400, code="unknown_verb"),
    *(
        Request(row=5, name=f"qty {value!r}", path="/v1/quotes", body={**_QUOTE, "qty": value},
                status=400, code="qty", field="qty")
        for value in (0, -1, 1.5, "1", True, 2**63)
    ),
    Request(row=5, name="qty 1e400", path="/v1/quotes", raw=b'{"variant_id":"v","qty":1e400}',
            headers=_JSON, status=400, code="qty", field="qty"),
    Request(row=11, name="a quote for nothing", path="/v1/quotes", body={"variant_id": _NEVER},
            status=404, code="not_found"),
    Request(row=48, name="another method", method="DELETE", path="/v1/quotes",
            status=405, code="method_not_allowed"),
    Request(row=48, name="a form", path="/v1/quotes", raw=b"qty=1", status=415,
            headers=(("Content-Type", "application/x-www-form-urlencoded"),),
            code="unsupported_media_type"),
    Request(row=48, name="JSON that says it is text", path="/v1/quotes", raw=b"{}", status=415,
            headers=(("Content-Type", "text/plain"),), code="unsupported_media_type"),
    Request(row=11, name="a page that is not there", method="GET", path="/v1/nothing",
            status=404, code="not_found"),
    Request(row=11, name="a room that is not there", method="GET", path="/v1/rooms/nowhere",
            status=404, code="not_found"),
    Request(row=11, name="a product that is not there", method="GET",
            path=f"/v1/products/{_NEVER}", status=404, code="not_found"),
]  # fmt: skip

ORDERS = [
    Request(row=21, name="an order without a key", who="buyer", path="/v1/orders", body=_ORDER,
            status=400, code="idempotency_key_required"),
    Request(row=21, name="a payment without a key", who="buyer", path="/v1/orders/$order.held/pay",
            body=_PAYMENT, status=400, code="idempotency_key_required"),
    *(
        Request(row=22, name=name, who="buyer", path="/v1/orders", body=_ORDER, headers=headers,
                status=400, code="bad_id", field="Idempotency-Key")
        for name, headers in (
            ("a key too short", (("Idempotency-Key", "abc"),)),
            ("a key too long", (("Idempotency-Key", "a" * 65),)),
            ("a key with bad characters", (("Idempotency-Key", "a key with spaces!"),)),
            ("an empty key", (("Idempotency-Key", ""),)),
            ("two keys", (*_KEY, ("Idempotency-Key", "fedcba9876543210"))),
        )
    ),
    Request(row=23, name="the key of another purchase", who="buyer", path="/v1/orders",
            body={**_ORDER, "qty": 2, "expected_total_minor": 41_500},
            headers=(("Idempotency-Key", "the-key-of-the-buyers-order"),),
            status=422, code="idempotency_mismatch"),
    Request(row=7, name="another total", who="buyer", path="/v1/orders", headers=_KEY,
            body={**_ORDER, "expected_total_minor": 1}, status=409, code="price_changed"),
    Request(row=8, name="another currency", who="buyer", path="/v1/orders", headers=_KEY,
            body={**_ORDER, "currency": "USD"}, status=400, code="currency", field="currency"),
    Request(row=10, name="nothing on the shelf", who="buyer", path="/v1/orders", headers=_KEY,
            body={**_ORDER, "variant_id": "$gone.variant", "offer_id": "$gone.offer"},
            status=409, code="sold_out"),
    Request(row=9, name="a sale that is over", who="buyer", path="/v1/orders", headers=_KEY,
            body={**_ORDER, "sale_id": "$sale.ended", "variant_id": "$oud.variant",
                  "offer_id": "$oud.offer", "expected_total_minor": "$oud.sale_total"},
            status=409, code="not_live"),
    Request(row=11, name="a room that is not there", who="buyer", path="/v1/orders", headers=_KEY,
            body={**_ORDER, "room_id": _NEVER}, status=404, code="not_found"),
    Request(row=15, name="somebody shut out buys", who="banned", path="/v1/orders", headers=_KEY,
            body=_ORDER, status=403, code="banned"),
    Request(row=14, name="nobody buys", who=NOBODY, path="/v1/orders", headers=_KEY, body=_ORDER,
            status=401, code="unauthenticated"),
    Request(row=12, name="somebody else's order", who="buyer", method="GET",
            path="/v1/orders/$order.other", status=404, code="not_found"),
    Request(row=12, name="an order that never was", who="buyer", method="GET",
            path=f"/v1/orders/{_NEVER}", status=404, code="not_found"),
    Request(row=12, name="pay somebody else's order", who="buyer", headers=_KEY,
            path="/v1/orders/$order.other/pay", body=_PAYMENT, status=404, code="not_found"),
    Request(row=12, name="cancel somebody else's order", who="buyer", body={},
            path="/v1/orders/$order.other/cancel", headers=_KEY, status=404, code="not_found"),
    Request(row=12, name="remove somebody else's address", who="buyer", method="DELETE",
            path="/v1/me/addresses/$other.address", status=404, code="not_found"),
    Request(row=12, name="remove somebody else's card", who="buyer", method="DELETE",
            path="/v1/me/cards/$other.card", status=404, code="not_found"),
    Request(row=33, name="a card token that is none", who="buyer", path="/v1/me/cards",
            body={"token": "4242424242424242"}, status=400, code="bad_field", field="token"),
    Request(row=33, name="a card number where a token goes", who="buyer", path="/v1/me/cards",
            body={"token": "tok_visa", "number": "4242424242424242"},
            status=400, code="unknown_field", field="number"),
]  # fmt: skip

_PRODUCT = {
    "market": "SA",
    "title": {"en": "Mine"},
    "variants": [{"sku": "x", "price_minor": 1}],
}
STAFF = [
    Request(row=13, name="a product for another merchant", who="other host", body=_PRODUCT,
            path="/v1/merchants/$merchant/products", status=404, code="not_found"),
    Request(row=13, name="change another merchant's product", who="other host", method="PATCH",
            path="/v1/products/$lamp.product", body={"version": 1, "title": {"en": "Mine"}},
            status=404, code="not_found"),
    Request(row=13, name="stock of another merchant", who="other host",
            path="/v1/variants/$lamp.variant/stock", body={"delta": 1},
            status=404, code="not_found"),
    Request(row=13, name="a picture for another merchant", who="other host", raw=b"GIF89a",
            headers=(("Content-Type", "image/gif"),), path="/v1/merchants/$merchant/pictures",
            status=404, code="not_found"),
    Request(row=13, name="a product for no merchant", who="host", body=_PRODUCT,
            path=f"/v1/merchants/{_NEVER}/products", status=404, code="not_found"),
    Request(row=14, name="a viewer sees the orders of the room", method="GET",
            path="/v1/rooms/$room/orders", status=403, code="forbidden"),
    Request(row=14, name="another host sees the orders of the room", who="other host",
            method="GET", path="/v1/rooms/$room/orders", status=403, code="forbidden"),
    Request(row=14, name="a viewer changes the room", method="PATCH", path="/v1/rooms/$room",
            body={"title": {"en": "Mine"}}, status=403, code="forbidden"),
    Request(row=14, name="a viewer sees the roles", method="GET", path="/v1/rooms/$room/grants",
            status=403, code="forbidden"),
    Request(row=14, name="a viewer makes themself co-host", path="/v1/rooms/$room/grants",
            body={"person_id": "$viewer.id", "role": "co_host"}, status=403, code="forbidden"),
    Request(row=14, name="a moderator makes a co-host", who="moderator",
            path="/v1/rooms/$room/grants", body={"person_id": "$viewer.id", "role": "co_host"},
            status=403, code="forbidden"),
    Request(row=14, name="a host makes another host", who="host", path="/v1/rooms/$room/grants",
            body={"person_id": "$viewer.id", "role": "host"}, status=400, code="bad_field",
            field="role"),
    Request(row=14, name="a guest opens a room", who="guest", path="/v1/rooms",
            body={"slug": "mine", "title": {"en": "Mine"}}, status=403, code="forbidden"),
    Request(row=14, name="a guest becomes a merchant", who="guest", path="/v1/merchants",
            body={"slug": "mine", "name": {"en": "Mine"}}, status=403, code="forbidden"),
    Request(row=57, name="stock below what is promised", who="host",
            path="/v1/variants/$bound.variant/stock", body={"delta": -2},
            status=409, code="stock_committed"),
    Request(row=57, name="stock below nothing", who="host",
            path="/v1/variants/$gone.variant/stock", body={"delta": -1},
            status=409, code="stock_committed"),
    Request(row=57, name="a change of no units", who="host",
            path="/v1/variants/$lamp.variant/stock", body={"delta": 0},
            status=400, code="bad_field", field="delta"),
    Request(row=56, name="a negative price", who="host", path="/v1/merchants/$merchant/products",
            body={**_PRODUCT, "variants": [{"sku": "x", "price_minor": -1}]},
            status=400, code="bad_field", field="variants[0].price_minor"),
    Request(row=56, name="a version that was changed since", who="host", method="PATCH",
            path="/v1/products/$lamp.product", body={"version": 99, "title": {"en": "New"}},
            status=409, code="conflict"),
    Request(row=56, name="a market we are not in", who="host",
            path="/v1/merchants/$merchant/products", body={**_PRODUCT, "market": "ZZ"},
            status=400, code="bad_field", field="market"),
    Request(row=56, name="a name that is taken", who="host", path="/v1/merchants",
            body={"slug": "khan", "name": {"en": "Khan"}}, status=409, code="already_exists"),
    Request(row=56, name="a room name that is taken", who="host", path="/v1/rooms",
            body={"slug": "khan", "title": {"en": "Khan"}}, status=409, code="already_exists"),
    Request(row=45, name="a room name that climbs", who="host", path="/v1/rooms",
            body={"slug": "../etc", "title": {"en": "x"}}, status=400, code="bad_field",
            field="slug"),
]  # fmt: skip

_ADDRESS = {
    "country": "SA",
    "recipient": "Buyer",
    "phone": "+966500000009",
    "fields": {"short_address": "RRRD2929", "city": "Riyadh"},
}
PEOPLE = [
    Request(row=44, name="a name with NUL", who=NOBODY, path="/v1/auth/guest",
            body={"name": "Ho\0st"}, status=400, code="bad_field", field="name"),
    Request(row=44, name="a name nobody sees", who=NOBODY, path="/v1/auth/guest",
            body={"name": "\u202e\u200b"}, status=400, code="bad_field", field="name"),
    Request(row=44, name="a name too long", who=NOBODY, path="/v1/auth/guest",
            body={"name": "a" * 41}, status=400, code="bad_field", field="name"),
    Request(row=44, name="a title with NUL", who="host", path="/v1/merchants/$merchant/products",
            body={**_PRODUCT, "title": {"en": "a\0b"}}, status=400, code="bad_field",
            field="title"),
    Request(row=19, name="a wrong password", who=NOBODY, path="/v1/auth/sign-in",
            body={"login": "souq@example.com", "password": "wrong password"},
            status=401, code="wrong_credentials"),
    Request(row=19, name="an account that is not there", who=NOBODY, path="/v1/auth/sign-in",
            body={"login": "nobody@example.com", "password": "wrong password"},
            status=401, code="wrong_credentials"),
    Request(row=44, name="a login that is taken", who=NOBODY, path="/v1/auth/sign-up",
            body={"name": "H", "login": "souq@example.com", "password": "long enough!"},
            status=409, code="already_exists"),
    Request(row=44, name="a login that is none", who=NOBODY, path="/v1/auth/sign-up",
            body={"name": "H", "login": "not a login", "password": "long enough!"},
            status=400, code="bad_field", field="login"),
    Request(row=44, name="a password too short", who=NOBODY, path="/v1/auth/sign-up",
            body={"name": "H", "login": "h@example.com", "password": "short"},
            status=400, code="bad_field", field="password"),
    Request(row=19, name="a refresh token we never made", who=NOBODY, path="/v1/auth/refresh",
            body={"refresh_token": "a.1.b"}, status=401, code="unauthenticated"),
    Request(row=19, name="a link we never made", who=NOBODY, path="/v1/auth/link",
            body={"token": "0123456789abcdef0123"}, status=401, code="unauthenticated"),
    Request(row=45, name="an address with an unknown field", path="/v1/me/addresses",
            body={**_ADDRESS, "fields": {**_ADDRESS["fields"], "planet": "Mars"}},  # type: ignore[dict-item]
            status=400, code="unknown_field"),
    Request(row=45, name="an address without a city", path="/v1/me/addresses",
            body={**_ADDRESS, "fields": {"short_address": "RRRD2929"}}, status=400,
            code="missing_field", field="fields.city"),
    Request(row=45, name="a short address that is none", path="/v1/me/addresses",
            body={**_ADDRESS, "fields": {"short_address": "1234", "city": "Riyadh"}},
            status=400, code="bad_field", field="fields.short_address"),
    Request(row=45, name="a country that is none", path="/v1/me/addresses",
            body={**_ADDRESS, "country": "XX"}, status=400, code="bad_field", field="country"),
    Request(row=45, name="a phone that is none", path="/v1/me/addresses",
            body={**_ADDRESS, "phone": "12345"}, status=400, code="bad_field", field="phone"),
    Request(row=45, name="an e-mail with a newline", method="PUT", path="/v1/me/contact",
            body={"phone": "+966500000009", "email": "a@example.com\r\nBcc: b@example.com"},
            status=400, code="bad_field", field="email"),
]  # fmt: skip

EDGES = [
    *(
        Request(row=17, name=f"a token in the address: {name}", method="GET",
                path=f"/v1/rooms?{name}=x", status=400, code="token_in_url")
        for name in ("token", "access_token", "refresh_token", "jwt")
    ),
    *(
        Request(row=47, name=f"a page from {origin} posts", path="/v1/quotes", body=_QUOTE,
                headers=(("Origin", origin),), status=403, code="origin_not_allowed")
        for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example",
                       "http://127.0.0.1")
    ),
    Request(row=49, name="a person named by a header", who=NOBODY, method="GET", path="/v1/me",
            headers=(("X-User-Id", "$host"), ("X-Forwarded-User", "host")),
            status=401, code="unauthenticated"),
    Request(row=49, name="another kind of authorization", who=NOBODY, method="GET", path="/v1/me",
            headers=(("Authorization", "Basic aG9zdDpwYXNz"),), status=401,
            code="unauthenticated"),
    *(
        Request(row=22, name=f"a limit of {limit}", method="GET", who="host",
                path=f"/v1/orders?limit={limit}", status=400, code="bad_field", field="limit")
        for limit in ("0", "-1", "201", "1e3", "x", "9" * 400)
    ),
    *(
        Request(row=46, name=f"a picture path that climbs: {path}", who=NOBODY, method="GET",
                path=path, status=404, code="not_found")
        for path in ("/pictures/../../shop.db", "/pictures/..%2f..%2fshop.db",
                     "/pictures/%2e%2e/shop.db", "/assets/..%2f..%2fshop.db",
                     "/media/..%2fshop.db", "/pictures/secret%00.webp")
    ),
]  # fmt: skip


def _png(width: int, height: int) -> bytes:
    """The head of a picture that says it is this large, and no pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")):
        out.write(struct.pack(">I", len(body)) + kind + body)
        out.write(struct.pack(">I", zlib.crc32(kind + body)))
    return out.getvalue()


PICTURES = [
    Request(row=46, name=name, who="host", path="/v1/merchants/$merchant/pictures", raw=raw,
            headers=(("Content-Type", kind),), status=status, code=code)
    for name, raw, kind, status, code in (
        ("an SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 415,
         "unsupported_media_type"),
        ("an SVG that says it is a PNG", b"<svg xmlns='http://www.w3.org/2000/svg'/>",
         "image/png", 415, "unsupported_media_type"),
        ("a page", b"<!doctype html><script>alert(1)</script>", "image/png", 415,
         "unsupported_media_type"),
        ("nothing", b"", "image/png", 415, "unsupported_media_type"),
        ("a truncated PNG", b"\x89PNG\r\n\x1a\n\0\0", "image/png", 415, "unsupported_media_type"),
        ("a hundred million pixels", _png(10_000, 10_000), "image/png", 413, "too_large"),
        ("eleven megabytes", b"\x89PNG\r\n\x1a\n" + b"\0" * 11_000_000, "image/png", 413,
         "too_large"),
    )
]  # fmt: skip

REQUESTS = [*MALFORMED, *SHAPES, *ORDERS, *STAFF, *PEOPLE, *EDGES, *PICTURES]

_HEAD = b"Host: 127.0.0.1\r\nContent-Type: application/json\r\n"
WIRES = [
    Wire(row=48, name="two lengths of one body", status=400,
         sent=b"POST /v1/quotes HTTP/1.1\r\n" + _HEAD
         + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Wire(row=48, name="two different Content-Lengths", status=400,
         sent=b"POST /v1/quotes HTTP/1.1\r\n" + _HEAD
         + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    Wire(row=48, name="a negative Content-Length", status=400,
         sent=b"POST /v1/quotes HTTP/1.1\r\n" + _HEAD + b"Content-Length: -1\r\n\r\n"),
    Wire(row=48, name="a chunk that is none", status=400,
         sent=b"POST /v1/quotes HTTP/1.1\r\n" + _HEAD
         + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
    Wire(row=45, name="a header with a line of its own", status=400,
         sent=b"GET /v1/markets HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Name: a\rb\r\n\r\n"),
    Wire(row=45, name="a header name with a space", status=400,
         sent=b"GET /v1/markets HTTP/1.1\r\nHost : 127.0.0.1\r\n\r\n"),
    Wire(row=48, name="no HTTP at all", status=400, sent=b"\x16\x03\x01\x02\x00\x01\r\n\r\n"),
    Wire(row=48, name="a method nobody knows", status=400,
         sent=b"BREW /v1/markets HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    Wire(row=52, name="a head without an end", status=431,
         sent=b"GET / HTTP/1.1\r\nX: " + b"a" * 20_000),
]  # fmt: skip
