"""Every fault of a body has one code; and what msgspec says is what we think it says."""

import json
from typing import Annotated, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.validation import parse_json, validate


class Line(msgspec.Struct, forbid_unknown_fields=True):
    qty: Annotated[int, msgspec.Meta(ge=1, le=99)]
    note: str = ""


class Order(msgspec.Struct, forbid_unknown_fields=True, tag_field="t", tag="order"):
    id: Annotated[str, msgspec.Meta(pattern="^[a-z]{4,8}$")]
    lines: list[Line] = []
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] = "SAR"
    extra: dict[str, int] = {}


class Cancel(msgspec.Struct, forbid_unknown_fields=True, tag_field="t", tag="cancel"):
    id: str


def refused_json(body: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        parse_json(body)
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b'{"a":1}{}',
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"b":2}}',
        b'{"a":1,"\\u0061":2}',
        b'[{"a":1e2,"b":1,"b":100.0}]',
        b"NaN",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'"\\ud800"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 17 + b"]" * 17,
        b'{"a":' * 17 + b"1" + b"}" * 17,
        b"[" * 8000,
        b"[" * 2000 + b"1e999" + b"]" * 2000,
        b"[" * 17 + b"1e999" + b"]" * 17,
        b'{"a":1e999,"a":1}',
        b'{"a":01}',
        b"{'a':1}",
        b'{"a":1,}',
        b"9" * 5000,
    ],
)
def test_what_is_not_strict_json_is_bad_json(body):
    assert refused_json(body).code is Code.BAD_JSON


def test_white_space_is_no_fault():
    assert parse_json(b' {"a" : 1}\r\n') == {"a": 1}


def test_numbers_beyond_doubles_are_read_so_that_their_field_can_be_named():
    assert parse_json(b'{"qty":1e400}') == {"qty": float("inf")}
    assert parse_json(b'{"qty":' + b"9" * 400 + b"}") == {"qty": int("9" * 400)}


def test_sixteen_levels_are_allowed():
    assert parse_json(b"[" * 16 + b"]" * 16)
    assert parse_json(b'["' + b"[" * 100 + b'"]') == ["[" * 100]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats(-1e9, 1e9),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children),
    max_leaves=12,
)


@given(json_values, st.booleans(), st.sampled_from([None, 2]))
def test_any_json_is_read_as_the_standard_library_reads_it(value, ascii_only, indent):
    try:
        body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    except UnicodeEncodeError:
        return
    if "\\ud" in body.decode():
        return  # lone surrogates are refused; pairs are covered without ensure_ascii
    assert parse_json(body) == json.loads(body)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(body):
    try:
        value = parse_json(body)
    except Refused as caught:
        refused = caught
    else:
        assert value == json.loads(body)
        return
    assert refused.code is Code.BAD_JSON


CASES: list[tuple[dict[str, Any] | Any, Code, str | None]] = [
    ([], Code.BAD_JSON, None),
    ("order", Code.BAD_JSON, None),
    ({1: 2, "t": "order", "id": "abcd"}, Code.BAD_JSON, None),
    ({}, Code.MISSING_FIELD, "t"),
    ({"t": "orders"}, Code.UNKNOWN_VERB, "t"),
    ({"t": 5}, Code.UNKNOWN_VERB, "t"),
    ({"t": None}, Code.UNKNOWN_VERB, "t"),
    ({"t": "order"}, Code.MISSING_FIELD, "id"),
    ({"t": "order", "id": 7}, Code.BAD_ID, "id"),
    ({"t": "order", "id": "UPPER"}, Code.BAD_ID, "id"),
    ({"t": "order", "id": "abcd", "is_admin": True}, Code.UNKNOWN_FIELD, "is_admin"),
    ({"t": "order", "id": "abcd", "": 1}, Code.UNKNOWN_FIELD, ""),
    ({"t": "order", "id": "abcd", "x" * 200: 1}, Code.UNKNOWN_FIELD, "x" * 64),
    ({"t": "order", "id": "abcd", "a` - at `$.qty": 1}, Code.UNKNOWN_FIELD, None),
    ({"t": "order", "id": "abcd", "currency": "riyal"}, Code.CURRENCY, "currency"),
    ({"t": "order", "id": "abcd", "currency": 1}, Code.CURRENCY, "currency"),
    ({"t": "order", "id": "abcd", "lines": {}}, Code.BAD_FIELD, "lines"),
    ({"t": "order", "id": "abcd", "lines": [{}]}, Code.MISSING_FIELD, "lines[0].qty"),
    (
        {"t": "order", "id": "abcd", "lines": [{"qty": 1, "price": 2}]},
        Code.UNKNOWN_FIELD,
        "lines[0].price",
    ),
    ({"t": "order", "id": "abcd", "lines": [{"qty": 1, "note": 1}]}, Code.BAD_FIELD, None),
    ({"t": "order", "id": "abcd", "lines": [{"qty": 1, "note": b"x"}]}, Code.BAD_FIELD, None),
    ({"t": "order", "id": "abcd", "extra": {"k": "v"}}, Code.BAD_FIELD, "extra[...]"),
    *(
        ({"t": "order", "id": "abcd", "lines": [{"qty": qty}]}, Code.QTY, "lines[0].qty")
        for qty in (0, -1, 1.5, 1.0, "1", True, None, 2**63, 10**400, float("inf"), 100, [1])
    ),
]


@pytest.mark.parametrize(("value", "code", "field"), CASES)
def test_a_fault_has_its_code_and_field(value, code, field):
    with pytest.raises(Refused) as caught:
        validate(value, Order | Cancel)
    assert caught.value.code is code
    if field is not None or code is Code.BAD_JSON:
        assert caught.value.field == field


def test_what_is_well_formed_is_converted():
    order: Order = validate({"t": "order", "id": "abcd", "lines": [{"qty": 2}]}, Order | Cancel)
    assert order == Order(id="abcd", lines=[Line(qty=2)])
