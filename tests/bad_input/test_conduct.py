"""Bad input that is not one message: silence, floods, repetition, forged webhooks, a busy database.

And what only looks bad: text of every kind is text, and is told as it was said.
"""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import time
import urllib.parse
from typing import Any

import orjson
import pytest

from livecommerce.payments.providers.signatures import sign
from tests.bad_input.case import NOBODY, Request
from tests.bad_input.conftest import SECRET
from tests.bad_input.scene import Scene
from tests.bad_input.sending import send_request
from tests.support.shop import Api, Problem, platform_token
from tests.support.sockets import LiveSocket, frame, handshake, new_command_id

pytestmark = pytest.mark.slow

WEBHOOK = "/v1/payments/sandbox/webhook"
WEBHOOK_SECRET = hashlib.blake2b(SECRET.encode(), digest_size=32, person=b"sandbox").digest()


async def _in_room(scene: Scene, who: str) -> LiveSocket:
    return await LiveSocket.open(
        scene.server.port, token=scene.tokens[who], room=scene.facts["room"]
    )


async def _closed(socket: LiveSocket, within_s: float = 10.0) -> int | None:
    async with asyncio.timeout(within_s):
        while not socket.is_lost:
            await asyncio.sleep(0.01)
    return socket.close_code


def _buy(scene: Scene, **changes: Any) -> dict[str, Any]:
    facts = scene.facts
    return {
        "t": "buy",
        "id": new_command_id(),
        "variant_id": facts["lamp.variant"],
        "offer_id": facts["lamp.offer"],
        "expected_total_minor": facts["lamp.total"],
        "currency": "SAR",
        **changes,
    }


# ---- silence and floods -------------------------------------------------------------------------


async def test_who_says_no_hello_is_not_waited_for(scene: Scene):
    socket = await LiveSocket.connect(scene.server.port)
    started_s = time.monotonic()
    assert await _closed(socket) == 4009
    assert 4.0 < time.monotonic() - started_s < 7.0


async def test_hello_comes_first(scene: Scene):
    socket = await LiveSocket.connect(scene.server.port)
    reply = await socket.ask({"t": "ping", "id": new_command_id()})
    assert reply["code"] == "hello_expected"
    assert await _closed(socket) == 4009


async def test_a_protocol_of_the_past(scene: Scene):
    socket = await LiveSocket.connect(scene.server.port)
    reply = await socket.ask({"t": "hello", "id": new_command_id(), "version": 0})
    assert reply["code"] == "protocol_too_old"
    assert await _closed(socket) == 4501


async def test_five_messages_that_are_none(scene: Scene):
    socket = await _in_room(scene, "viewer")
    errors: list[dict[str, Any]] = []
    socket.on_message = errors.append
    for _ in range(5):
        socket.write(frame(b"{"))
    assert await _closed(socket) == 4502
    assert [error["code"] for error in errors if error["t"] == "err"] == ["bad_json"] * 5


async def test_a_flood_is_refused_then_cut_off(scene: Scene):
    socket = await _in_room(scene, "viewer")
    asked = [socket.ask({"t": "ping", "id": new_command_id()}) for _ in range(200)]
    replies = await asyncio.gather(*asked)
    refused = [reply for reply in replies if reply["t"] == "err"]
    assert {reply["code"] for reply in refused} == {"rate_limited"}
    assert all(reply["after_ms"] > 0 and reply["retry"] == "after" for reply in refused)
    assert sum(reply["t"] == "ok" for reply in replies) >= 39  # hello was the 40th
    assert await _closed(socket) == 4029


async def test_chat_is_paced_for_each_person(scene: Scene):
    socket = await _in_room(scene, "other")
    asked = [
        socket.ask({"t": "send_chat", "id": new_command_id(), "text": f"again {i}"})
        for i in range(12)
    ]
    replies = await asyncio.gather(*asked)
    refused = [reply for reply in replies if reply["t"] == "err"]
    assert {reply["code"] for reply in refused} == {"rate_limited"}
    assert all(reply["after_ms"] > 0 for reply in refused)
    socket.abort()


async def test_passwords_are_not_guessed_fast(scene: Scene):
    case = Request(
        row=50,
        name="guessing",
        who=NOBODY,
        path="/v1/auth/sign-in",
        body={"login": "khan-nobody@example.com", "password": "guess guess"},
        status=429,
        code="rate_limited",
    )
    codes = []
    for _ in range(12):
        status, problem, headers = await send_request(scene, case)
        codes.append(problem["code"])
        if status == 429:
            assert int(headers["Retry-After"]) >= 1
            break
    assert codes[-1] == "rate_limited"
    assert set(codes[:-1]) == {"wrong_credentials"}


async def test_a_forged_address_is_not_believed(scene: Scene):
    """Forwarded headers of who is no proxy of ours do not get anybody another limit."""
    codes = []
    for i in range(25):
        case = Request(
            row=49,
            name="forged",
            who=NOBODY,
            path="/v1/auth/sign-in",
            body={"login": f"nobody-{i}@example.com", "password": "guess guess"},
            headers=(("X-Forwarded-For", f"203.0.113.{i}"),),
            status=401,
            code="wrong_credentials",
        )
        _, problem, _ = await send_request(scene, case)
        codes.append(problem["code"])
    assert "rate_limited" in codes


# ---- repetition ---------------------------------------------------------------------------------


async def test_the_same_key_of_two_people(scene: Scene):
    """A key is a person's own: the other one's order is neither seen nor touched."""
    key = new_command_id()
    async with Api(scene.server.url) as api:
        socket = await _in_room(scene, "buyer")
        mine = await socket.ask(_buy(scene, id=key))
        socket.abort()
        socket = await _in_room(scene, "moderator")
        theirs = await socket.ask(_buy(scene, id=key))
        socket.abort()
        assert mine["t"] == theirs["t"] == "ok"
        assert mine["d"]["id"] != theirs["d"]["id"]
        for reply, who in ((mine, "buyer"), (theirs, "moderator")):
            path = f"/v1/orders/{reply['d']['id']}/cancel"
            await api.ask("POST", path, {}, token=scene.tokens[who], key=new_command_id())


async def test_the_same_purchase_many_times_at_once(scene: Scene):
    """Over three sockets and HTTP at once: one order."""
    command = _buy(scene)
    sockets = [await _in_room(scene, "buyer") for _ in range(3)]
    body = {name: value for name, value in command.items() if name not in ("t", "id")}
    body["room_id"] = scene.facts["room"]
    async with Api(scene.server.url) as api:
        asked = [socket.ask(command) for socket in sockets]
        posted = [
            api.post("/v1/orders", body, token=scene.tokens["buyer"], key=command["id"])
            for _ in range(5)
        ]
        replies = await asyncio.gather(*asked)
        views = await asyncio.gather(*posted, return_exceptions=True)
        orders = {reply["d"]["id"] for reply in replies}
        for view in views:
            if isinstance(view, Problem):
                assert view.code == "in_flight"
            else:
                assert isinstance(view, dict)
                orders.add(view["id"])
        assert len(orders) == 1
        path = f"/v1/orders/{orders.pop()}/cancel"
        await api.ask("POST", path, {}, token=scene.tokens["buyer"], key=new_command_id())
    for socket in sockets:
        socket.abort()


async def test_a_hundred_purchases_of_one_person_at_once(scene: Scene):
    """Different keys: the limit of the sale decides, however many come in the same batch."""
    token = platform_token("greedy")
    sockets = [
        await LiveSocket.open(scene.server.port, token=token, room=scene.facts["room"])
        for _ in range(5)
    ]
    command = _buy(
        scene,
        sale_id=scene.facts["sale.live"],
        expected_total_minor=scene.facts["lamp.sale_total"],
    )
    asked = [
        socket.ask({**command, "id": new_command_id()}) for socket in sockets for _ in range(20)
    ]
    replies = await asyncio.gather(*asked)
    held = [reply["d"]["id"] for reply in replies if reply["t"] == "ok"]
    assert len(held) == 2
    codes = {reply["code"] for reply in replies if reply["t"] == "err"}
    assert codes <= {"limit_reached", "rate_limited"}
    for order_id in held:
        cancel = {"t": "cancel_order", "id": new_command_id(), "order_id": order_id}
        assert (await sockets[0].ask(cancel))["t"] == "ok"
    for socket in sockets:
        socket.abort()


# ---- text ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("'; DROP TABLE orders; --", "'; DROP TABLE orders; --"),
        ("{{7*7}} ${7*7} %s %n", "{{7*7}} ${7*7} %s %n"),
        ("abc\u202edef\u202c", "abcdef"),
        ("a\u0000b\u0007c", "abc"),
        ("many\n\n\nlines\r\nof\ttext", "many lines of text"),
        ("z\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301", None),
        ("مرحبا بكم", "مرحبا بكم"),
        ("👩‍👩‍👧 one family", "👩‍👩‍👧 one family"),
        ("a" * 500, "a" * 500),
    ],
)
async def test_text_is_text(scene: Scene, said: str, shown: str | None):
    # A person of its own for each: chat is paced.
    token = platform_token(f"chatter-{hashlib.sha256(said.encode()).hexdigest()[:8]}")
    socket = await LiveSocket.open(scene.server.port, token=token, room=scene.facts["room"])
    reply = await socket.ask({"t": "send_chat", "id": new_command_id(), "text": said})
    socket.abort()
    assert reply["t"] == "ok", reply
    text = reply["d"]["text"]
    assert text == shown if shown is not None else len(text) < len(said)


@pytest.mark.parametrize("wish", ["' OR 1=1 --", "%", "_", "\\", "\0", "a" * 2000, "<b>", "🪔"])
async def test_searching_for_anything_finds_or_finds_not(scene: Scene, wish: str):
    async with Api(scene.server.url) as api:
        path = f"/v1/products?q={urllib.parse.quote(wish)}"
        try:
            found = await api.get(path)
        except Problem as problem:
            found = problem
    if isinstance(found, Problem):
        assert (found.status, found.code) == (400, "bad_field")
    else:
        assert isinstance(found["products"], list)


# ---- webhooks -----------------------------------------------------------------------------------

_BODY = orjson.dumps({"id": "evt_1", "type": "payment.succeeded", "intent": "pi_1"})
_NOW_S = int(time.time())
_GOOD = sign(_BODY, WEBHOOK_SECRET, _NOW_S)
FORGERIES = {
    "no signature": None,
    "an empty signature": "",
    "no digest": f"t={_NOW_S}",
    "no stamp": _GOOD.partition(",")[2],
    "two stamps": f"t=1,{_GOOD}",
    "a stamp that is none": "t=soon," + _GOOD.partition(",")[2],
    "a digest of nothing": f"t={_NOW_S},v1=",
    "another secret": sign(_BODY, b"another secret", _NOW_S),
    "another body": sign(b"{}", WEBHOOK_SECRET, _NOW_S),
    "of yesterday": sign(_BODY, WEBHOOK_SECRET, _NOW_S - 86_400),
    "of tomorrow": sign(_BODY, WEBHOOK_SECRET, _NOW_S + 86_400),
}


@pytest.mark.parametrize("name", FORGERIES)
async def test_a_forged_webhook_leaves_no_trace(scene: Scene, name: str):
    # What was said before this is on its way to the archive.
    before = await scene.settled()
    status, problem = await _webhook(scene, _BODY, FORGERIES[name])
    assert (status, problem["code"]) == (400, "bad_field")
    assert scene.digest() == before


async def test_a_webhook_too_large(scene: Scene):
    body = b" " * 300_000
    status, problem = await _webhook(scene, body, sign(body, WEBHOOK_SECRET, int(time.time())))
    assert (status, problem["code"]) == (413, "too_large")


async def test_a_webhook_that_comes_three_times(scene: Scene):
    """Unknown kinds and intents are taken and mean nothing; a repetition changes nothing."""
    body = orjson.dumps({"id": "evt_of_a_test", "type": "payment.exploded", "intent": "pi_none"})
    digests = []
    for _ in range(3):
        status, _ = await _webhook(scene, body, sign(body, WEBHOOK_SECRET, int(time.time())))
        assert status == 200
        digests.append(await scene.settled())
    for digest in digests:
        del digest["shop.db:psp_events"]  # when it is looked at next
    assert digests[0] == digests[1] == digests[2]


async def _webhook(scene: Scene, body: bytes, signature: str | None) -> tuple[int, dict[str, Any]]:
    signed = () if signature is None else (("Sandbox-Signature", signature),)
    case = Request(
        row=35,
        name="webhook",
        who=NOBODY,
        path=WEBHOOK,
        raw=body,
        headers=(("Content-Type", "application/json"), *signed),
        status=400,
        code=None,
    )
    status, problem, _ = await send_request(scene, case)
    return status, problem


async def test_coming_back_from_the_bank_proves_nothing(scene: Scene):
    """The address a buyer returns to may say `success`: only the provider is asked."""
    async with Api(scene.server.url) as api:
        token = scene.tokens["buyer"]
        card = await api.post("/v1/me/cards", {"token": "tok_challenge"}, token=token)
        socket = await _in_room(scene, "buyer")
        reply = await socket.ask(
            _buy(
                scene,
                address_id=scene.facts["buyer.address"],
                payment={"method": "card", "card_id": card["id"]},
            )
        )
        socket.abort()
        order_id = reply["d"]["id"]
        async with asyncio.timeout(15):
            while True:
                view = await api.get(f"/v1/orders/{order_id}", token=token)
                if view.get("next_action"):
                    break
                await asyncio.sleep(0.1)
        page = view["next_action"]["url"]
        await api.get(f"{page}?status=success&payment_state=captured")
        after = await api.get(f"/v1/orders/{order_id}?status=success", token=token)
        assert after["state"] == "pending_payment"
        cancel = f"/v1/orders/{order_id}/cancel"
        await api.ask("POST", cancel, {}, token=token, key=new_command_id())


# ---- a database that cannot write ---------------------------------------------------------------


async def test_a_locked_database_is_a_wait_not_a_loss(scene: Scene):
    """Somebody holds the write lock: buyers are told to come again, with the same id, and reading
    goes on. Afterwards the same command has its one effect."""
    before = await scene.settled()
    command = _buy(scene)
    socket = await _in_room(scene, "buyer")
    lock = sqlite3.connect(scene.folder / "shop.db", isolation_level=None, timeout=10)
    lock.execute("BEGIN IMMEDIATE")
    try:
        asked = socket.ask(command)
        async with Api(scene.server.url) as api:
            assert (await api.get(f"/v1/rooms/{scene.facts['room']}"))["id"] == scene.facts["room"]
        reply = await asyncio.wait_for(asked, 8)
        assert reply["code"] in ("unavailable", "server_busy"), reply
        assert reply["retry"] == "after"
        assert scene.digest() == before
    finally:
        lock.rollback()
        lock.close()
    async with asyncio.timeout(20):
        while (reply := await socket.ask(command))["t"] != "ok":
            await asyncio.sleep(0.5)
    again = await socket.ask(command)
    assert again["d"]["id"] == reply["d"]["id"]
    cancel = {"t": "cancel_order", "id": new_command_id(), "order_id": reply["d"]["id"]}
    assert (await socket.ask(cancel))["t"] == "ok"
    socket.abort()


async def test_the_handshake_may_come_byte_by_byte(scene: Scene):
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.server.port)
    for byte in handshake(scene.server.port):
        writer.write(bytes((byte,)))
        await writer.drain()
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 ")
    writer.transport.abort()
