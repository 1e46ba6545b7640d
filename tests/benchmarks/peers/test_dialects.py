"""What each server's frames carry, and that viewers are let in only when they are in the room."""

import json

import pytest
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import SERVER
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from benchmarks.peers.dialects import DIALECTS, first_request, opening, text_frame
from benchmarks.peers.publisher import event

SAID = [json.loads(event(number)) for number in (1, 2)]
FRAMES = {
    "ours": lambda value: {
        "t": "batch",
        "first": 1,
        "events": value if type(value) is list else [value],
    },
    "plain": lambda value: value,
    "kept": lambda value: value,
    "socket.io": lambda value: ["said", value],
    "centrifugo": lambda value: {"push": {"channel": "room", "pub": {"data": value}}},
}
PREFIX = {"socket.io": b"42"}


def frame(name, value):
    return PREFIX.get(name, b"") + json.dumps(FRAMES[name](value)).encode()


@pytest.mark.parametrize("name", DIALECTS)
def test_one_event_and_a_batch_are_read(name):
    read = DIALECTS[name].events
    assert read(frame(name, SAID[0])) == SAID[:1]
    assert read(frame(name, SAID)) == SAID


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ours", b'{"t":"beat","room":"r","last":3}'),
        ("ours", b'{"t":"batch","volatile":[{"t":"viewers"}]}'),
        ("socket.io", b"2"),
        ("socket.io", b'40{"sid":"x"}'),
        ("centrifugo", b"{}"),
        ("centrifugo", b'{"id":1,"connect":{}}\n{"id":2,"subscribe":{}}'),
    ],
)
def test_what_is_no_event_is_none(name, said):
    assert DIALECTS[name].events(said) == []


def test_pings_in_text_frames_are_answered():
    assert DIALECTS["socket.io"].pinged(b"2") == "3"
    assert DIALECTS["centrifugo"].pinged(b"{}") == "{}"
    assert DIALECTS["plain"].pinged(b"{}") is None


@pytest.mark.parametrize("name", DIALECTS)
def test_a_server_takes_what_viewers_write(name):
    dialect = DIALECTS[name]
    spoken = [Subprotocol(dialect.subprotocol)] if dialect.subprotocol else None
    server = ServerProtocol(subprotocols=spoken)
    server.receive_data(opening(dialect, 80))
    [request] = server.events_received()
    assert isinstance(request, Request)
    assert request.path == dialect.path
    server.send_response(server.accept(request))
    assert server.side is SERVER
    if dialect.hello:
        server.receive_data(text_frame(dialect.hello))
        [hello] = server.events_received()
        assert isinstance(hello, Frame)
        assert hello.opcode is Opcode.TEXT
        assert bytes(hello.data).decode() == dialect.hello
    server.receive_data(dialect.alive)
    assert len(server.events_received()) == 1


def test_one_dialect_asks_for_something_before_the_upgrade():
    asks = {name: first_request(dialect) for name, dialect in DIALECTS.items()}
    assert asks.pop("kept").startswith(b"GET /first HTTP/1.1\r\n")
    assert set(asks.values()) == {b""}
