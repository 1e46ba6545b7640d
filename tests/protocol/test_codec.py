"""Codecs: what is written is read, what is malformed is refused, and parts join to a whole."""

from typing import Annotated

import msgpack
import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codec import CODECS, JSON, MESSAGE_PACK, CommandDecoder
from livecommerce.protocol.commands import Command, Hello, Ping
from livecommerce.protocol.messages import Err, Ok

ID = "0123456789abcdef"


class Buy(Command, frozen=True, kw_only=True, tag="buy"):
    qty: Annotated[int, msgspec.Meta(ge=1)]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(value=values)
def test_what_is_encoded_is_parsed(codec, value):
    assert codec.parse(codec.encode_value(value)) == value


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(fields=st.dictionaries(st.from_regex("[a-z]{1,9}", fullmatch=True), values, max_size=20))
def test_joined_parts_are_the_whole(codec, fields):
    pairs = [(name, codec.encode_value(value)) for name, value in fields.items()]
    assert codec.parse(codec.join_map(pairs)) == fields
    items = [value for _, value in pairs]
    assert codec.parse(codec.join_array(items)) == list(fields.values())


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_structs_are_written_with_their_tag_and_without_defaults(codec):
    ok = Ok(id=ID, d=Err(id=None, code="c", retry="never"))
    inner = {"t": "err", "id": None, "code": "c", "retry": "never"}
    assert codec.parse(codec.encode(ok)) == {"t": "ok", "id": ID, "d": inner}


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xc1",
        b"\x01\x02",
        b"\x81\xa1a",
        b"\x82\xa1a\x01\xa1a\x02",
        b"\x81\x01\x02",
        b"\xcb\x7f\xf8\0\0\0\0\0\0",
        b"\x91\xcb\x7f\xf8\0\0\0\0\0\0",
        b"\x91" * 17 + b"\x01",
        b"\x91" * 5000 + b"\x01",
        b"\xa1\xff",
        b"\xd6\xff\xff\xff",
        b"\xdd\xff\xff\xff\xff",
    ],
)
def test_malformed_message_pack_is_refused(payload):
    with pytest.raises(Refused) as caught:
        MESSAGE_PACK.parse(payload)
    assert caught.value.code is Code.BAD_JSON


def test_message_pack_may_be_written_the_long_way():
    assert MESSAGE_PACK.parse(b"\xdf\0\0\0\1\xd9\1a\xd0\1") == {"a": 1}


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@given(payload=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(codec, payload):
    decoded = CommandDecoder([Buy]).decode(codec, payload)
    assert (decoded.command is None) != (decoded.refused is None)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_commands_of_features_and_of_the_session_are_decoded(codec):
    decoder = CommandDecoder([Buy])
    buy = {"t": "buy", "id": ID, "qty": 2}
    assert decoder.decode(codec, codec.encode_value(buy)).command == Buy(id=ID, qty=2)
    ping = codec.encode(Ping(id=ID))
    assert decoder.decode(codec, ping).command == Ping(id=ID)


@pytest.mark.parametrize(
    ("message", "command_id", "code", "field"),
    [
        ({"t": "buy", "id": ID, "qty": "2"}, ID, Code.QTY, "qty"),
        ({"t": "buy", "id": ID, "qty": 0}, ID, Code.QTY, "qty"),
        ({"t": "sell", "id": ID}, ID, Code.UNKNOWN_VERB, "t"),
        ({"t": "buy", "id": "short", "qty": 1}, None, Code.BAD_ID, "id"),
        ({"t": "buy", "id": ID + "\n", "qty": 1}, None, Code.BAD_ID, "id"),
        ({"t": "buy", "id": "x" * 65, "qty": 1}, None, Code.BAD_ID, "id"),
        ({"t": "buy", "qty": 1}, None, Code.MISSING_FIELD, "id"),
        ({"t": "buy", "id": ID}, ID, Code.MISSING_FIELD, "qty"),
        ([1], None, Code.BAD_JSON, None),
    ],
)
def test_a_refusal_carries_the_id_it_answers(message, command_id, code, field):
    decoded = CommandDecoder([Buy]).decode(JSON, orjson.dumps(message))
    assert decoded.command is None
    assert decoded.command_id == command_id
    assert decoded.refused is not None
    assert (decoded.refused.code, decoded.refused.field) == (code, field)


def test_bytes_are_no_text():
    payload = msgpack.packb({"t": b"hello", "id": ID})
    assert CommandDecoder().decode(MESSAGE_PACK, payload).refused is not None
    payload = msgpack.packb({"t": "hello", "id": ID, "token": b"x"})
    decoded = CommandDecoder().decode(MESSAGE_PACK, payload)
    assert decoded.refused is not None
    assert decoded.refused.code is Code.BAD_FIELD


def test_naming_a_session_command_again_changes_nothing():
    assert CommandDecoder([Hello]).decode(JSON, JSON.encode(Hello(id=ID))).command == Hello(id=ID)
