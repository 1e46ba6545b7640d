"""Tokens that must not be believed, and origins that must not be let in."""

from __future__ import annotations

import asyncio
import re
import time
from typing import Any

import pytest

from tests.bad_input.case import NOBODY, Request
from tests.bad_input.scene import Scene
from tests.bad_input.sending import send_request
from tests.support.ports import LOOPBACK
from tests.support.shop import AUDIENCE, ISSUER, PLATFORM_SECRET, platform_token, sign
from tests.support.sockets import LiveSocket, handshake, new_command_id

pytestmark = pytest.mark.slow

NOW = int(time.time())
GOOD: dict[str, Any] = {
    "iss": ISSUER,
    "aud": AUDIENCE,
    "sub": "viewer",
    "iat": NOW,
    "exp": NOW + 3600,
}
HS256 = {"alg": "HS256", "typ": "JWT"}


def _without(claim: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != claim}


def _tampered() -> str:
    head, _, mark = platform_token("viewer").split(".")
    _, claims, _ = platform_token("host").split(".")
    return f"{head}.{claims}.{mark}"


TOKENS = {
    "expired": sign({**GOOD, "exp": NOW - 120}),
    "not yet valid": sign({**GOOD, "nbf": NOW + 600}),
    "issued in the future": sign({**GOOD, "iat": NOW + 600}),
    "without an end": sign(_without("exp")),
    "an end that is a text": sign({**GOOD, "exp": "never"}),
    "an end after all time": sign({**GOOD, "exp": 2**60}),
    "of another issuer": sign({**GOOD, "iss": "https://evil.example"}),
    "of our own issuer": sign({**GOOD, "iss": "livecommerce", "aud": "livecommerce"}),
    "without an issuer": sign(_without("iss")),
    "for another audience": sign({**GOOD, "aud": "somebody else"}),
    "without an audience": sign(_without("aud")),
    "without a subject": sign(_without("sub")),
    "a subject that is a number": sign({**GOOD, "sub": 1}),
    "an empty subject": sign({**GOOD, "sub": ""}),
    "of another type": sign(GOOD, header={**HS256, "typ": "logout+jwt"}),
    "alg none": sign(GOOD, header={"alg": "none"}).rpartition(".")[0] + ".",
    "alg None": sign(GOOD, header={"alg": "None"}).rpartition(".")[0] + ".",
    "alg HS512": sign(GOOD, header={"alg": "HS512"}),
    "alg RS256 with our secret": sign(GOOD, header={"alg": "RS256"}),
    "alg ES256": sign(GOOD, header={"alg": "ES256"}),
    "no alg": sign(GOOD, header={"typ": "JWT"}),
    "another secret": sign(GOOD, secret="another secret, as long as the right one is"),
    "an empty secret": sign(GOOD, secret=""),
    "a key by jku": sign(GOOD, header={**HS256, "jku": "https://evil.example/keys"}),
    "a key by x5u": sign(GOOD, header={**HS256, "x5u": "https://evil.example/cert"}),
    "a key within": sign(GOOD, header={**HS256, "jwk": {"kty": "oct", "k": "YQ"}}),
    "rules of its own": sign(GOOD, header={**HS256, "crit": ["b64"], "b64": False}),
    "tampered": _tampered(),
    "no signature": sign(GOOD).rpartition(".")[0],
    "an empty signature": sign(GOOD).rpartition(".")[0] + ".",
    "five parts": "a.b.c.d.e",
    "garbage": "not a token",
    "claims that are a list": sign([GOOD]),  # type: ignore[arg-type]
    "five thousand characters": "a" * 5_000,
    "the secret itself": PLATFORM_SECRET,
}


@pytest.mark.parametrize("name", TOKENS)
async def test_over_http(scene: Scene, name: str):
    case = Request(
        row=19,
        name=name,
        who=NOBODY,
        method="GET",
        path="/v1/me",
        headers=(("Authorization", f"Bearer {TOKENS[name]}"),),
        status=401,
        code="unauthenticated",
    )
    status, problem, _ = await send_request(scene, case)
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert "data" not in problem  # one generic answer: what was wrong helps only who made it up


@pytest.mark.parametrize("name", TOKENS)
async def test_on_the_socket(scene: Scene, name: str):
    socket = await LiveSocket.connect(scene.server.port)
    reply = await socket.hello(token=TOKENS[name], room=scene.facts["room"])
    assert reply["code"] == "unauthenticated"
    # the reply is followed by the close: nothing more is asked of a socket without a person
    gone = await socket.ask({"t": "ping", "id": new_command_id()})
    assert (gone["t"], socket.close_code) == ("lost", 4401)


async def test_a_token_of_somebody_else_is_no_way_to_go_on(scene: Scene):
    socket = await LiveSocket.open(scene.server.port, token=scene.tokens["viewer"])
    renew = {"t": "renew", "id": new_command_id(), "token": scene.tokens["buyer"]}
    assert (await socket.ask(renew))["code"] == "forbidden"
    bad = {"t": "renew", "id": new_command_id(), "token": TOKENS["expired"]}
    assert (await socket.ask(bad))["code"] == "unauthenticated"
    socket.abort()


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1.evil.example",
        "http://evil.example#127.0.0.1",
        "http://127.0.0.1:1",
        "file://",
        "chrome-extension://127.0.0.1",
        "",
    ],
)
async def test_pages_of_others_open_no_socket(scene: Scene, origin: str):
    head = await _upgrade(scene, handshake(scene.server.port, origin=origin))
    assert head.startswith(b"HTTP/1.1 403 ")
    assert b"origin_not_allowed" in head


async def test_two_origins_open_no_socket(scene: Scene):
    own = f"http://{LOOPBACK}:{scene.server.port}"
    request = handshake(scene.server.port, origin=own)
    assert (await _upgrade(scene, request)).startswith(b"HTTP/1.1 101 ")
    twice = request.replace(b"\r\n\r\n", f"\r\nOrigin: {own}\r\n\r\n".encode())
    assert (await _upgrade(scene, twice)).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("name", ["token", "access_token", "jwt", "ticket"])
async def test_a_token_in_the_address_opens_no_socket(scene: Scene, name: str):
    request = handshake(scene.server.port).replace(
        b"/v1/live", f"/v1/live?{name}={scene.tokens['viewer']}".encode()
    )
    head = await _upgrade(scene, request)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"token_in_url" in head
    assert scene.tokens["viewer"] not in scene.server.log.read_text()


@pytest.mark.parametrize(
    ("was", "becomes", "status"),
    [
        (b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Version: 8", b"400"),
        (b"Sec-WebSocket-Key", b"X-Nothing", b"400"),
        (b"livecommerce.v1.json", b"graphql-ws", b"400"),
        (b"GET ", b"POST ", b"405"),
    ],
)
async def test_a_handshake_that_is_none(scene: Scene, was: bytes, becomes: bytes, status: bytes):
    head = await _upgrade(scene, handshake(scene.server.port).replace(was, becomes))
    assert head.split(b" ", 2)[1] == status


async def test_the_room_is_shut_to_who_was_banned(scene: Scene):
    socket = await LiveSocket.connect(scene.server.port)
    reply = await socket.hello(token=scene.tokens["banned"], room=scene.facts["room"])
    assert reply["code"] == "banned"
    gone = await socket.ask({"t": "ping", "id": new_command_id()})
    assert (gone["t"], socket.close_code) == ("lost", 4500)


async def _upgrade(scene: Scene, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(LOOPBACK, scene.server.port)
    try:
        writer.write(request)
        async with asyncio.timeout(10):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            return head + await reader.readexactly(int(length[1]) if length else 0)
    finally:
        writer.transport.abort()
