"""Bad input on the socket."""

from __future__ import annotations

from typing import Any

from tests.bad_input.case import NOBODY, Frame

_BUY: dict[str, Any] = {
    "t": "buy",
    "variant_id": "$lamp.variant",
    "offer_id": "$lamp.offer",
    "qty": 1,
    "expected_total_minor": "$lamp.total",
    "currency": "SAR",
}
_SALE: dict[str, Any] = {
    **_BUY,
    "sale_id": "$sale.live",
    "expected_total_minor": "$lamp.sale_total",
}
_CLICK: dict[str, Any] = {
    **_BUY,
    "address_id": "$buyer.address",
    "payment": {"method": "card", "card_id": "$buyer.card"},
}
_QUOTE = ("total_minor", "unit_minor", "delivery_minor", "currency")
_SIMPLE = b'"id":"0123456789abcdef"'


def _buying(name: str, row: int, code: str, base: dict[str, Any] = _BUY, **changes: Any) -> Frame:
    """A purchase that would be good but for these fields."""
    told = changes.pop("told", None)
    who = changes.pop("who", "buyer")
    data = changes.pop("data", ())
    command = {**base, **changes}
    return Frame(row=row, name=name, who=who, command=command, code=code, field=told, data=data)


def _strange(name: str, value: Any) -> Frame:
    command = {**_BUY, name: value}
    return Frame(
        row=4,
        name=f"a field of our own making: {name}",
        who="buyer",
        command=command,
        code="unknown_field",
        field=name,
    )


_QUANTITIES: tuple[Any, ...] = (0, -1, 1.5, "1", True, 100, 2**63, 2**64, -(2**63), None, [], {})

MALFORMED = [
    Frame(row=1, name=name, raw=raw, code="bad_json")
    for name, raw in (
        ("empty", b""),
        ("not json", b"buy one lamp"),
        ("truncated", b'{"t":"ping",' + _SIMPLE),
        ("bytes after the end", b'{"t":"ping",' + _SIMPLE + b"}{}"),
        ("a key twice", b'{"t":"ping","t":"ping",' + _SIMPLE + b"}"),
        ("NaN", b'{"t":"send_likes","count":NaN,' + _SIMPLE + b"}"),
        ("Infinity", b'{"t":"send_likes","count":Infinity,' + _SIMPLE + b"}"),
        ("too deep", b'{"t":"ping","x":' + b"[" * 17 + b"]" * 17 + b"," + _SIMPLE + b"}"),
        ("very deep", b"[" * 8000 + b"]" * 8000),
        ("an array", b"[]"),
        ("a string", b'"ping"'),
        ("a number", b"1"),
        ("null", b"null"),
        ("half a character", b'{"t":"ping","id":"\\ud800aaaaaaaaaaaaaaaa"}'),
        ("a byte order mark", b'\xef\xbb\xbf{"t":"ping",' + _SIMPLE + b"}"),
        ("single quotes", b"{'t':'ping'}"),
        ("a comment", b'{"t":"ping",' + _SIMPLE + b"} // please"),
    )
]

FRAMING = [
    Frame(
        row=2,
        name="a frame over the limit",
        raw=b'{"t":"send_chat","text":"' + b"a" * 20_000 + b'"}',
        code=None,
        close=1009,
    ),
    Frame(row=3, name="a binary frame", raw=b"{}", opcode=2, code="bad_frame", close=1003),
    Frame(row=3, name="text that is not UTF-8", raw=b'{"t":"\xff\xfe"}', code=None, close=1007),
    Frame(row=3, name="a reserved opcode", raw=b"{}", opcode=3, code=None, close=1002),
    Frame(row=3, name="a continuation of nothing", raw=b"{}", opcode=0, code=None, close=1002),
]

UNKNOWN = [
    Frame(row=4, name="no verb", command={}, code="missing_field", field="t"),
    Frame(row=4, name="an unknown verb", command={"t": "drop_tables"}, code="unknown_verb"),
    Frame(row=4, name="a verb in capitals", command={"t": "BUY"}, code="unknown_verb"),
    Frame(row=4, name="a verb that is a number", command={"t": 1}, code="unknown_verb"),
    *(
        _strange(name, value)
        for name, value in (
            ("is_admin", True),
            ("price", 1),
            ("unit_minor", 1),
            ("merchant_id", "x"),
            ("state", "confirmed"),
            ("person_id", "x"),
            ("discount_minor", 1),
            ("__proto__", {}),
        )
    ),
    _buying(
        "an unknown field deeper down",
        4,
        "unknown_field",
        _CLICK,
        told="payment.amount_minor",
        payment={"method": "card", "card_id": "x", "amount_minor": 1},
    ),
    _buying("a missing field", 4, "missing_field", {"t": "buy"}, told="variant_id"),
    _buying("a method we have not got", 4, "bad_field", _CLICK, payment={"method": "barter"}),
]

IDS = [
    Frame(row=22, name=name, command={"t": "ping", "id": id}, code="bad_id", field="id")
    for name, id in (
        ("an id too short", "a" * 15),
        ("an id too long", "a" * 65),
        ("an id with a space", "aaaaaaaa aaaaaaaa"),
        ("an id with a newline at the end", "aaaaaaaaaaaaaaaa\n"),
        ("an id in Arabic digits", "٠١٢٣٤٥٦٧٨٩٠١٢٣٤٥"),
        ("an id that is a number", 1234567890123456),
        ("an id that is null", None),
    )
]

QUANTITIES = [
    *(_buying(f"qty {value!r}", 5, "qty", told="qty", qty=value) for value in _QUANTITIES),
    Frame(
        row=5,
        name="qty 1e400",
        who="buyer",
        raw=b'{"t":"buy","variant_id":"v","qty":1e400,"expected_total_minor":1,"currency":"SAR",'
        + _SIMPLE
        + b"}",
        code="qty",
        field="qty",
    ),
    _buying(
        "more than one may have", 6, "limit_reached", _SALE, qty=3, expected_total_minor=31_500
    ),
    Frame(
        row=6,
        name="more than is left to me",
        command={**_SALE, "qty": 1},
        code="limit_reached",
    ),
]

PRICES = [
    *(
        _buying(f"a total of {total}", 7, "price_changed", expected_total_minor=total, data=_QUOTE)
        for total in (0, 1, 21_499, 21_501, 2**53)
    ),
    _buying(
        "the sale's price without the sale",
        7,
        "price_changed",
        expected_total_minor="$lamp.sale_total",
        data=_QUOTE,
    ),
    _buying(
        "the regular price in the sale", 7, "price_changed", _SALE, expected_total_minor=21_500
    ),
    _buying(
        "a negative total", 7, "bad_field", told="expected_total_minor", expected_total_minor=-1
    ),
    _buying(
        "a total that is a text",
        7,
        "bad_field",
        told="expected_total_minor",
        expected_total_minor="1",
    ),
    _buying("another currency", 8, "currency", told="currency", currency="USD"),
    _buying("a currency in small letters", 8, "currency", told="currency", currency="sar"),
    _buying("a currency that is none", 8, "currency", told="currency", currency=""),
]

SALES = [
    _buying("before the start", 9, "not_live", _SALE, sale_id="$sale.planned",
            variant_id="$bound.variant", offer_id="$bound.offer"),
    _buying("in the warm-up", 9, "not_live", _SALE, sale_id="$sale.warm",
            variant_id="$cup.variant", offer_id="$cup.offer", data=("starts_at",)),
    _buying("after the end", 9, "not_live", _SALE, sale_id="$sale.ended",
            variant_id="$oud.variant", offer_id="$oud.offer"),
    _buying("a sale that was cancelled", 9, "not_live", _SALE, sale_id="$sale.cancelled",
            variant_id="$oud.variant", offer_id="$oud.offer"),
    _buying("nothing on the shelf", 10, "sold_out",
            variant_id="$gone.variant", offer_id="$gone.offer"),
    _buying("a sale that is sold out", 10, "sold_out", _SALE, sale_id="$sale.sold_out",
            variant_id="$rug.variant", offer_id="$rug.offer"),
    _buying("more than is on the shelf", 10, "sold_out", qty=60, expected_total_minor=1_201_500),
    _buying("a sale of another room", 11, "not_found", _SALE, sale_id="$sale.elsewhere",
            variant_id="$vase.variant", offer_id="$vase.offer"),
    _buying("a sale of something else", 11, "not_found", _SALE, sale_id="$sale.sold_out"),
    _buying("a sale that never was", 11, "not_found", _SALE, sale_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    _buying("an offer of another room", 11, "not_found", offer_id="$vase.offer",
            variant_id="$vase.variant"),
    _buying("an offer that never was", 11, "not_found", offer_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    _buying("an offer of something else", 11, "not_found", offer_id="$rug.offer"),
    _buying("a variant that never was", 11, "not_found", variant_id="01ARZ3NDEKTSV4RRFFQ69G5FAV"),
    _buying("SQL for a variant", 45, "bad_field", told="variant_id",
            variant_id="' OR 1=1; DROP TABLE orders; --"),
]  # fmt: skip

OTHERS = [
    _buying("somebody else's address", 12, "not_found", _CLICK, address_id="$other.address"),
    _buying("an address that never was", 12, "not_found", _CLICK, address_id="0" * 26),
    _buying(
        "somebody else's card",
        33,
        "not_found",
        _CLICK,
        payment={"method": "card", "card_id": "$other.card"},
    ),
    _buying(
        "a card that never was", 33, "not_found", _CLICK, payment={"method": "card", "card_id": "x"}
    ),
    _buying("a card payment without a card", 33, "payment_method_required", _CLICK,
            payment={"method": "card"}),
    *(
        Frame(
            row=12,
            name=f"{verb} of {whose} order",
            who="buyer",
            command={"t": verb, "order_id": order, **more},
            code="not_found",
        )
        for verb, more in (
            (
                "pay",
                {
                    "address_id": "$buyer.address",
                    "payment": {"method": "card", "card_id": "$buyer.card"},
                },
            ),
            ("cancel_order", {}),
        )
        for whose, order in (("somebody else's", "$order.other"), ("nobody's", "0" * 26))
    ),
    Frame(
        row=12,
        name="pay with somebody else's card",
        who="buyer",
        command={
            "t": "pay",
            "order_id": "$order.held",
            "address_id": "$buyer.address",
            "payment": {"method": "card", "card_id": "$other.card"},
        },
        code="not_found",
    ),
    Frame(
        row=39,
        name="pay for what is paid",
        who="other",
        command={
            "t": "pay",
            "order_id": "$order.other",
            "address_id": "$other.address",
            "payment": {"method": "card", "card_id": "$other.card"},
        },
        code="bad_transition",
    ),
    Frame(
        row=23,
        name="the key of another purchase",
        who="buyer",
        command={**_BUY, "id": "the-key-of-the-buyers-order", "qty": 2},
        code="idempotency_mismatch",
    ),
]  # fmt: skip

_STAFF_VERBS: tuple[dict[str, Any], ...] = (
    {"t": "plan_show", "title": {"en": "Mine"}},
    {"t": "move_show", "to": "ended"},
    {"t": "add_offer", "product_id": "$lamp.product"},
    {"t": "remove_offer", "offer_id": "$lamp.offer"},
    {"t": "move_offer", "offer_id": "$lamp.offer", "number": 2},
    {"t": "pin_offer", "offer_id": "$lamp.offer"},
    {"t": "pin_sale", "sale_id": "$sale.live"},
    {"t": "pin_text", "text": "Everything is free"},
    {"t": "unpin", "slot": 1},
    {"t": "undo_pin", "slot": 1},
    {"t": "set_chat_rules", "slow_mode_s": 300},
    {"t": "delete_message", "message_id": "$message"},
    {"t": "time_out", "person_id": "$other.id"},
    {"t": "ban", "person_id": "$other.id"},
    {"t": "lift", "person_id": "$banned.id"},
    {
        "t": "plan_sale",
        "offer_id": "$lamp.offer",
        "variant_id": "$lamp.variant",
        "price_minor": 1,
        "quota": 1,
    },
    {"t": "arm_sale", "sale_id": "$sale.planned"},
    {"t": "start_sale", "sale_id": "$sale.planned"},
    {"t": "end_sale", "sale_id": "$sale.live"},
    {"t": "cancel_sale", "sale_id": "$sale.planned"},
)
FORBIDDEN = [
    *(
        Frame(row=14, name=f"a viewer says {verb['t']}", command=verb, code="forbidden")
        for verb in _STAFF_VERBS
    ),
    *(
        Frame(
            row=14,
            name=f"a moderator says {verb['t']}",
            who="moderator",
            command=verb,
            code="forbidden",
        )
        for verb in _STAFF_VERBS
        if str(verb["t"]) in ("plan_show", "move_show", "add_offer", "plan_sale", "end_sale")
    ),
    Frame(
        row=14,
        name="another host ends our sale",
        who="other host",
        command={"t": "end_sale", "sale_id": "$sale.live"},
        code="forbidden",
    ),
    Frame(
        row=14,
        name="a moderator bans the host",
        who="moderator",
        command={"t": "ban", "person_id": "$host"},
        code="forbidden",
    ),
    *(
        Frame(
            row=14,
            name=f"a visitor without a token says {verb['t']}",
            who=NOBODY,
            command=verb,
            code="unauthenticated",
        )
        for verb in (_BUY, {"t": "send_chat", "text": "hi"}, _STAFF_VERBS[1])
    ),
    Frame(
        row=14,
        name="chat outside of a room",
        room=None,
        command={"t": "send_chat", "text": "hi"},
        code="not_joined",
    ),
]

CHAT = [
    Frame(
        row=15,
        name="somebody silenced chats",
        who="muted",
        command={"t": "send_chat", "text": "hi"},
        code="muted",
    ),
    *(
        # Of somebody whose chat is not paced.
        Frame(
            row=43,
            name=name,
            who="moderator",
            command={"t": "send_chat", "text": text},
            code=code,
            field="text",
        )
        for name, text, code in (
            ("501 characters", "a" * 501, "message_too_long"),
            ("4001 characters", "a" * 4001, "bad_field"),
            ("no characters", "", "message_empty"),
            ("spaces", " \t\u2003 ", "message_empty"),
            ("control characters", "\u0000\u0007\u001b", "message_empty"),
            ("direction overrides", "\u202e\u202d\u2066\u2069", "message_empty"),
            ("joiners", "\u200d\u200c", "message_empty"),
        )
    ),
    Frame(
        row=43,
        name="a text that is a number",
        command={"t": "send_chat", "text": 5},
        code="bad_field",
        field="text",
    ),
    Frame(
        row=43,
        name="eleven mentions",
        command={"t": "send_chat", "text": "hi", "mentions": ["x"] * 11},
        code="bad_field",
        field="mentions",
    ),
    *(
        Frame(
            row=43,
            name=f"{count!r} likes",
            command={"t": "send_likes", "count": count},
            code="bad_field",
            field="count",
        )
        for count in (0, -1, 16, 1.5, "1", 10**30)
    ),
]

STATES = [
    Frame(
        row=39,
        name=f"a host says {verb['t']} at the wrong time",
        who="host",
        command=verb,
        code=code,
    )
    for verb, code in (
        ({"t": "start_sale", "sale_id": "$sale.ended"}, "bad_transition"),
        ({"t": "arm_sale", "sale_id": "$sale.live"}, "bad_transition"),
        ({"t": "cancel_sale", "sale_id": "$sale.live"}, "bad_transition"),
        ({"t": "end_sale", "sale_id": "$sale.planned"}, "bad_transition"),
        ({"t": "end_sale", "sale_id": "$sale.elsewhere"}, "not_found"),
        ({"t": "pin_offer", "offer_id": "$vase.offer"}, "not_found"),
        ({"t": "pin_sale", "sale_id": "$sale.elsewhere"}, "not_found"),
        ({"t": "move_show", "to": "scheduled"}, "bad_field"),
        ({"t": "move_show", "to": "lobby"}, "bad_transition"),
        ({"t": "pin_offer", "offer_id": "$lamp.offer", "slot": 4}, "bad_field"),
        ({"t": "pin_offer", "offer_id": "$lamp.offer", "slot": 0}, "bad_field"),
        ({"t": "set_chat_rules", "slow_mode_s": 301}, "bad_field"),
        ({"t": "time_out", "person_id": "$other.id", "duration_s": -5}, "bad_field"),
        ({"t": "ban", "person_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "not_found"),
        ({"t": "delete_message", "message_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "not_found"),
        ({"t": "remove_offer", "offer_id": "$vase.offer"}, "not_found"),
        ({"t": "add_offer", "product_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "not_found"),
        ({"t": "hello"}, "bad_transition"),
        (
            {
                "t": "plan_sale",
                "offer_id": "$lamp.offer",
                "variant_id": "$lamp.variant",
                "price_minor": "$lamp.price",
                "quota": 1,
            },
            "bad_field",
        ),
        (
            {
                "t": "plan_sale",
                "offer_id": "$lamp.offer",
                "variant_id": "$rug.variant",
                "price_minor": 1,
                "quota": 1,
            },
            "not_found",
        ),
        (
            {
                "t": "plan_sale",
                "offer_id": "$lamp.offer",
                "variant_id": "$lamp.variant",
                "price_minor": 1,
                "quota": 1,
                "warm_up_s": 9,
            },
            "bad_field",
        ),
    )
]

FRAMES = [
    *MALFORMED, *FRAMING, *UNKNOWN, *IDS, *QUANTITIES, *PRICES, *SALES, *OTHERS, *FORBIDDEN,
    *CHAT, *STATES,
]  # fmt: skip
