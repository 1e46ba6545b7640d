"""Request heads, origins and subprotocols."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.gateway.handshake import (
    Handshake,
    Origins,
    check,
    is_upgrade,
    parse_head,
    refusal,
)
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused

HEAD = (
    b"GET /v1/live HTTP/1.1\r\n"
    b"Host: shop.example\r\n"
    b"connection: keep-alive, Upgrade\r\n"
    b"UPGRADE:websocket \r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n"
    b"Sec-WebSocket-Protocol: livecommerce.v1.msgpack, livecommerce.v1.json\r\n\r\n"
)


def test_a_head_is_read_whatever_its_case():
    request = parse_head(HEAD)
    assert request is not None
    assert (request.method, request.path, request.protocol) == ("GET", "/v1/live", "HTTP/1.1")
    assert request.headers["Host"] == "shop.example"
    assert is_upgrade(request)


def test_an_upgrade_is_accepted_without_extensions():
    request = parse_head(HEAD)
    assert request is not None
    answer = Handshake(FakeClock()).accept(request)
    assert answer.status == 101
    assert answer.codec is not None
    assert answer.codec.name == "json"
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer.head
    assert b"xtensions" not in answer.head


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"GET /", b"POST /", 405),
        (b"HTTP/1.1", b"HTTP/1.0", 505),
        (b"Version: 13", b"Version: 12", 400),
        (b"keep-alive, Upgrade", b"keep-alive", 426),
        (b"UPGRADE:websocket", b"UPGRADE:websocket, h2c", 426),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"short", 400),
        (b"dGhlIHNhbXBsZSBub25jZQ==", b"", 400),
        (b"livecommerce.v1.msgpack, livecommerce.v1.json", b"chat", 400),
        (b"Sec-WebSocket-Protocol: livecommerce.v1.msgpack, livecommerce.v1.json\r\n", b"", 400),
        (
            b"Sec-WebSocket-Version: 13\r\n",
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13\r\n",
            400,
        ),
    ],
)
def test_what_is_wrong_is_answered_and_the_next_request_is_not_disturbed(old, new, status):
    handshake = Handshake(FakeClock())
    request = parse_head(HEAD.replace(old, new))
    assert request is not None
    answer = handshake.accept(request)
    assert (answer.status, answer.codec) == (status, None)
    good = parse_head(HEAD)
    assert good is not None
    assert handshake.accept(good).status == 101


def test_answers_of_one_kind_differ_in_the_hash_of_the_key_alone():
    clock = FakeClock()
    handshake = Handshake(clock)
    first, second = (parse_head(HEAD), parse_head(HEAD.replace(b"dGhlIHNh", b"AAAAAAAA")))
    assert first is not None
    assert second is not None
    answers = [handshake.accept(request) for request in (first, second, first)]
    fresh = [Handshake(clock).accept(request) for request in (first, second, first)]
    for answer, wanted in zip(answers, fresh, strict=True):
        assert _without_date(answer.head) == _without_date(wanted.head)
        assert (answer.status, answer.codec) == (101, wanted.codec)
    assert answers[0].head != answers[1].head
    clock.advance(1000)
    handshake.accept(second)
    assert len(handshake._kept) == 1


def _without_date(head: bytes) -> list[bytes]:
    return [line for line in head.split(b"\r\n") if not line.startswith(b"Date:")]


def test_only_so_many_kinds_are_kept():
    handshake = Handshake(FakeClock())
    for number in range(200):
        offered = b"livecommerce.v1.json, chat%d" % number
        request = parse_head(
            HEAD.replace(b"livecommerce.v1.msgpack, livecommerce.v1.json", offered)
        )
        assert request is not None
        assert handshake.accept(request).status == 101
    assert len(handshake._kept) <= 65


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/live\r\n\r\n",
        b"GET  /v1/live HTTP/1.1\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\n Folded: a\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: a\nUpgrade: websocket\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nHost: a\0b\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\n: a\r\n\r\n",
        b"GET /v1/live HTTP/1.1\r\nnothing\r\n\r\n",
    ],
)
def test_what_is_no_proper_head_is_not_read(head):
    assert parse_head(head) is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_not(junk):
    parse_head(b"GET /v1/live HTTP/1.1\r\n" + junk.replace(b"\r\n\r\n", b"") + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        (None, True),
        ("https://shop.example", True),
        ("http://shop.example", True),
        ("HTTPS://Shop.Example", True),
        ("https://shop.example:443", True),
        ("https://shop.example:8443", False),
        ("https://partner.example", True),
        ("http://partner.example", False),
        ("null", False),
        ("https://shop.example.evil.com", False),
        ("https://evilshop.example", False),
        ("https://shop.example@evil.com", False),
        ("file://shop.example", False),
        ("", False),
    ],
)
def test_origins(origin, is_allowed):
    origins = Origins(["https://partner.example/"])
    assert origins.allow(origin, "shop.example") is is_allowed


def test_all_origins_may_be_allowed():
    assert Origins(["*"]).allow("https://anywhere.example", "shop.example")


def refused(head: bytes) -> Code:
    request = parse_head(head)
    assert request is not None
    with pytest.raises(Refused) as caught:
        check(request, Origins([]), host=request.headers.get("Host"))
    return caught.value.code


def test_a_token_has_no_place_in_a_url():
    for query in (b"token=abc", b"a=1&access_token=x", b"token=", b"jwt=x", b"%74oken=x"):
        assert refused(HEAD.replace(b"/v1/live", b"/v1/live?" + query)) is Code.TOKEN_IN_URL


def test_a_foreign_page_is_refused():
    head = HEAD.replace(b"Host:", b"Origin: https://evil.example\r\nHost:")
    assert refused(head) is Code.ORIGIN_NOT_ALLOWED
    twice = HEAD.replace(
        b"Host:", b"Origin: http://shop.example\r\nOrigin: http://shop.example\r\nHost:"
    )
    assert refused(twice) is Code.ORIGIN_NOT_ALLOWED


def test_a_refusal_is_a_problem_document():
    answer = refusal(Refused(Code.SERVER_BUSY, retry_after_ms=2500))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "3"
    document = orjson.loads(answer.body)
    assert (document["code"], document["after_ms"]) == ("server_busy", 2500)
