"""Live connections over real sockets: framing, conversation, order, limits and endings."""

import asyncio
import contextlib
import random
import select
import socket as sockets
import time
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import State as WireState
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from livecommerce.gateway.front_door import FrontDoorSettings
from livecommerce.gateway.websocket.parsing import FRAGMENTS_MAX, is_idle
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import CODECS, DEFLATED_JSON, JSON, MESSAGE_PACK
from livecommerce.protocol.session import SessionLimits
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings
from tests.gateway.live import Guest, Live, opened
from tests.gateway.test_front_door import UPGRADE, read_until
from tests.realtime.support import chatter, said

HELLO = orjson.dumps({"t": "hello", "id": "0123456789abcdef", "room": "room"})


def frame(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def doorway(**limits: float) -> FrontDoorSettings:
    return FrontDoorSettings(session=SessionLimits(**limits))  # type: ignore[arg-type]


async def upgraded(live: Live) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await live.raw()
    writer.write(UPGRADE)
    await read_until(reader, b"\r\n\r\n")
    return reader, writer


async def close_code(reader: asyncio.StreamReader) -> int:
    """The code of the close frame that ends a raw connection."""
    data = b""
    async with asyncio.timeout(10):
        # Who does not answer the close frame is reset, once there was time to read it.
        with contextlib.suppress(ConnectionResetError):
            while part := await reader.read(65_536):
                data += part
    position = code = 0
    while position < len(data):
        length = data[position + 1]
        head = 2
        if length == 126:
            length, head = int.from_bytes(data[position + 2 : position + 4], "big"), 4
        if data[position] == 0x88:
            code = int.from_bytes(data[position + head : position + head + 2], "big")
        position += head + length
    return code


# Greeting


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
@pytest.mark.parametrize("token", [None, "amal"])
async def test_hello_is_answered_by_welcome_and_the_room(codec, token):
    async with opened() as live, live.client(codec) as socket:
        guest = Guest(socket, codec)
        hello_id = await guest.send(t="hello", token=token, room="room")
        welcome, snapshot = await guest.receive(), await guest.receive()
        assert (welcome["t"], welcome["id"], welcome["node"]) == ("welcome", hello_id, "n1")
        assert welcome.get("person_id") == token
        assert abs(welcome["now"] - time.time() * 1000) < 5000
        assert (snapshot["t"], snapshot["room"]) == ("snapshot", "room")
        assert len(snapshot["state"]) == len(snapshot["recent"]) == 1


async def test_hello_without_a_room_then_join_leave_and_another_room():
    async with opened() as live, live.guest(room=None) as guest:
        for room in ("one", "two"):
            reply = await guest.ask(t="join", room=room)
            assert reply["d"] == {"capabilities": []}
            assert (await guest.receive())["room"] == room
        left = live.hub.warm_room("one")
        assert left is not None
        assert left.viewers == 0
        assert (await guest.ask(t="leave"))["d"] == {}
        refused = await guest.ask(t="send_chat", text="to nobody")
        assert refused["code"] == "not_joined"


@pytest.mark.parametrize(
    ("token", "room", "code", "closes"),
    [
        ("forged", "room", "unauthenticated", 4401),
        ("outcast", "room", "banned", 4500),
        ("amal", "missing", "not_found", 1000),
        (None, "missing", "not_found", 1000),
    ],
)
async def test_a_refused_hello_says_why_and_closes(token, room, code, closes):
    async with opened() as live, live.client() as socket:
        live.house.banned.add("outcast")
        guest = Guest(socket, JSON)
        hello_id = await guest.send(t="hello", token=token, room=room)
        refused = await guest.receive()
        assert (refused["t"], refused["id"], refused["code"]) == ("err", hello_id, code)
        assert await guest.closed() == closes


async def test_a_join_that_is_refused_leaves_the_viewer_where_it_was():
    async with opened() as live, live.guest() as guest:
        refused = await guest.ask(t="join", room="missing")
        assert refused["code"] == "not_found"
        assert (await guest.ask(t="send_chat", text="still here"))["t"] == "ok"


@pytest.mark.parametrize("deflates", [False, True])
async def test_deflated_batches_are_negotiated_and_off_by_default(deflates):
    settings = FrontDoorSettings(deflates=True) if deflates else FrontDoorSettings()
    async with opened(settings) as live, live.guest("badr") as plain:
        offers = [Subprotocol(codec.subprotocol) for codec in (JSON, DEFLATED_JSON)]
        async with live.client(subprotocols=offers) as socket:
            codec = DEFLATED_JSON if deflates else JSON
            assert socket.subprotocol == codec.subprotocol
            guest = Guest(socket, codec)
            await guest.send(t="hello", token="amal", room="room")
            await guest.until("snapshot")
            text = "which sizes are left in blue? " * 50
            assert (await guest.ask(t="send_chat", text=text))["t"] == "ok"
            line = said(text)
            live.hub.publisher.publish("room", line)
            live.hub.publisher.flush_all()
            for each in (guest, plain):
                seen: list[str] = []
                while line.id not in seen:
                    seen += [event["id"] for event in (await each.until("batch"))["events"]]


async def test_a_returning_viewer_recovers():
    async with opened() as live:
        async with live.guest() as guest:
            await guest.send(t="send_chat", text="one")
            batch = await guest.until("batch")
        live.hub.publisher.publish("room", missed := said("missed"))
        live.hub.publisher.flush_all()
        async with live.client() as socket:
            again = Guest(socket, JSON)
            await again.send(t="hello", room="room", epoch=batch["epoch"], offset=batch["last"])
            recovered = await again.until("recovered")
            assert [event["id"] for event in recovered["events"]] == [missed.id]


async def test_a_page_nobody_looks_at_is_told_less_until_it_is_looked_at_again():
    async with opened() as live, live.guest() as guest:
        await guest.ask(t="join", room="room")
        snapshot = await guest.until("snapshot")
        here = {"epoch": snapshot["epoch"], "offset": snapshot["offset"]}
        assert (await guest.ask(t="join", room="room", light=True, **here))["t"] == "ok"
        assert (await guest.until("recovered"))["events"] == []
        (chat,) = chatter(1)
        live.hub.publisher.publish("room", chat)
        live.hub.publisher.publish("room", line := said("from the host"))
        live.hub.publisher.flush_all()
        assert [each["id"] for each in (await guest.until("batch"))["events"]] == [line.id]
        await guest.ask(t="join", room="room", **here)
        events = (await guest.until("recovered"))["events"]
        assert [each["id"] for each in events] == [chat.id, line.id]


@pytest.mark.parametrize("token", [None, "amal"])
async def test_a_hidden_page_comes_back_light_and_the_staff_never_is(token):
    async with opened() as live, live.client() as socket:
        live.house.staff = {"amal"}
        page = Guest(socket, JSON)
        await page.send(t="hello", token=token, room="room", light=True)
        await page.until("snapshot")
        (chat,) = chatter(1)
        live.hub.publisher.publish("room", chat)
        live.hub.publisher.publish("room", line := said("from the host"))
        live.hub.publisher.flush_all()
        told = [each["id"] for each in (await page.until("batch"))["events"]]
        assert told == ([line.id] if token is None else [chat.id, line.id])


async def test_visitors_are_people_and_pages_and_the_staff_is_told():
    async with opened(hub_settings=HubSettings(visitors_s=0.02)) as live:
        live.house.staff = {"amal"}
        async with live.guest() as staff, live.guest("badr"), live.guest("badr"), live.guest(None):
            for visitor in (new_id(), *[new_id()] * 3):
                async with live.client() as socket:
                    page = Guest(socket, JSON)
                    await page.send(t="hello", room="room", visitor=visitor)
                    await page.until("snapshot")
                    # Joined again, it is the same page.
                    await page.ask(t="join", room="room")
            while True:
                counted = (await staff.until("batch")).get("volatile", [])
                if any(each["key"] == "visitors" and each["count"] == 4 for each in counted):
                    break
        assert live.hub.visitors("room") == 4


async def test_a_visitor_without_a_token_costs_no_task():
    class Counted(set[asyncio.Task[None]]):
        added = 0

        def add(self, task: asyncio.Task[None]) -> None:
            self.added += 1
            super().add(task)

    async with opened() as live, live.guest(token=None), live.guest(token="amal"):
        counted = live.door._context.tasks = Counted()
        async with live.guest(token=None):
            assert counted.added == 0
        async with live.guest(token="badr"):
            assert counted.added == 1


# Talking


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
async def test_a_chat_line_reaches_everybody(codec):
    async with opened() as live, live.guest() as host, live.guest("badr", codec=codec) as viewer:
        reply = await host.ask(t="send_chat", text="مرحبا")
        batch = await viewer.until("batch")
        assert batch["events"][0]["id"] == reply["d"]["id"]
        assert batch["events"][0]["text"] == "مرحبا"


async def test_chat_keeps_its_order_and_waits_for_no_slow_purchase():
    async with opened() as live, live.guest() as guest:
        slow_id = await guest.send(t="slow")
        texts = [("think " if number % 3 else "quick ") + str(number) for number in range(12)]
        for text in texts:
            await guest.send(t="send_chat", text=text)
        told: list[str] = []
        while len(told) < len(texts):
            batch = await guest.receive()
            assert batch.get("id") != slow_id
            told += [event["text"] for event in batch.get("events", ())]
        assert told == texts
        live.house.gate.set()
        while (await guest.receive()).get("id") != slow_id:
            pass


async def test_concurrent_verbs_do_not_wait_for_their_own_kind():
    async with opened() as live, live.guest() as guest:
        await guest.send(t="like")
        await guest.send(t="like")
        async with asyncio.timeout(5):
            while len(live.house.executed) < 2:
                await asyncio.sleep(0.005)


async def test_ping_is_answered_at_once():
    async with opened() as live, live.guest() as guest:
        await guest.send(t="slow")
        pong = await guest.ask(t="ping")
        assert abs(pong["d"]["now"] - time.time() * 1000) < 5000


async def test_what_was_sent_behind_a_join_happens_in_the_new_room():
    async with opened() as live, live.guest(room=None) as guest:
        await guest.send(t="join", room="one")
        await guest.send(t="send_chat", text="here")
        assert (await guest.until("batch"))["room"] == "one"


async def test_a_bug_becomes_an_incident_and_the_connection_lives():
    async with opened() as live, live.guest() as guest:
        failed = await guest.ask(t="fail")
        assert (failed["code"], failed["retry"]) == ("internal", "same_id")
        assert failed["data"].keys() == {"incident"}
        assert (await guest.ask(t="ping"))["t"] == "ok"


async def test_refusals_carry_code_retry_and_field():
    async with opened() as live, live.guest() as guest:
        for message, code, field in (
            ({"t": "fly"}, "unknown_verb", "t"),
            ({"t": "send_chat", "text": 5}, "bad_field", "text"),
            ({"t": "send_chat", "text": "a", "is_admin": True}, "unknown_field", "is_admin"),
            ({"t": "send_chat"}, "missing_field", "text"),
        ):
            refused = await guest.ask(**message)
            assert (refused["t"], refused["code"], refused["field"]) == ("err", code, field)
            assert refused["retry"] == "never"


async def test_a_visitor_may_watch_and_do_nothing_else():
    async with opened() as live, live.guest(token=None) as guest:
        assert (await guest.ask(t="send_chat", text="hi"))["code"] == "unauthenticated"


# Tokens and roles


async def test_an_expired_token_executes_nothing_and_may_be_renewed():
    now = int(time.time() * 1000)
    async with opened() as live, live.guest(f"amal:{now + 100}") as guest:
        await asyncio.sleep(0.12)
        assert (await guest.ask(t="send_chat", text="late"))["code"] == "unauthenticated"
        assert (await guest.ask(t="renew", token=f"amal:{now + 60_000}"))["t"] == "ok"
        assert (await guest.ask(t="send_chat", text="in time"))["t"] == "ok"


async def test_a_token_that_is_not_renewed_ends_the_connection():
    expired = int(time.time() * 1000) - 1
    hub_settings = HubSettings(ping_s=0.2, pong_grace_s=0.1, wheel_step_s=0.02, close_grace_s=0.2)
    door = FrontDoorSettings(renew_grace_s=0.1)
    async with opened(door, hub_settings) as live, live.guest(f"amal:{expired}") as guest:
        assert await guest.closed() == 4002


async def test_a_guest_may_become_somebody_and_somebody_nobody_else():
    async with opened() as live, live.guest("guest-1") as guest:
        assert (await guest.ask(t="renew", token="amal"))["t"] == "ok"
        assert (await guest.ask(t="renew", token="badr"))["code"] == "forbidden"
        live.hub.publisher.tell("amal", said("for amal"))
        assert (await guest.until("told"))["event"]["text"] == "for amal"


async def test_roles_come_with_renewal_and_regrading():
    async with opened() as live, live.guest("guest-1") as guest:
        live.house.staff.add("amal")
        await guest.send(t="renew", token="amal")
        regraded = await guest.until("regraded")
        assert regraded["capabilities"] == ["pin"]
        await guest.until("snapshot")
        live.hub.publisher.publish("room", said("for staff"), audience="staff")
        assert (await guest.until("batch"))["events"][0]["text"] == "for staff"
        live.hub.regrade("amal", "room", "viewer", ())
        assert (await guest.until("regraded"))["capabilities"] == []
        assert (await guest.until("snapshot"))["t"] == "snapshot"


async def test_bans_and_sign_outs_close_at_once():
    async with opened() as live, live.guest("amal") as amal, live.guest("badr") as badr:
        live.hub.kick("sign-in of amal", 4401)
        live.hub.kick("badr", 4500)
        assert await amal.closed() == 4401
        assert await badr.closed() == 4500


# Limits


async def test_hello_must_come_in_time():
    async with opened(doorway(hello_deadline_s=0.1)) as live, live.client() as socket:
        guest = Guest(socket, JSON)
        assert (await guest.receive())["code"] == "hello_expected"
        assert await guest.closed() == 4009


async def test_the_first_command_must_be_hello():
    async with opened() as live, live.client() as socket:
        guest = Guest(socket, JSON)
        await guest.send(t="ping")
        assert (await guest.receive())["code"] == "hello_expected"
        assert await guest.closed() == 4009


async def test_too_fast_is_told_and_then_closed():
    limits = doorway(commands_per_s=1, commands_burst=5, refusals_per_s=0.1, refusals_burst=3)
    async with opened(limits) as live, live.guest() as guest:
        for _ in range(20):
            await guest.send(t="ping")
        codes: list[str] = []
        while len(codes) < 3:
            message = await guest.receive()
            if message["t"] == "err":
                codes.append(message["code"])
                assert message["after_ms"] > 0
        assert codes == ["rate_limited"] * 3
        assert await guest.closed() == 4029


async def test_five_malformed_messages_close():
    async with opened() as live, live.guest() as guest:
        for _ in range(5):
            await guest.socket.send('{"a":1,"a":2}')
        assert (await guest.receive())["code"] == "bad_json"
        assert await guest.closed() == 4502


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([frame(Opcode.TEXT, b"x" * 20_000)], 1009),
        ([frame(Opcode.TEXT, b"x" * 9_000, fin=False), frame(Opcode.CONT, b"x" * 9_000)], 1009),
        ([frame(Opcode.TEXT, b"\xff\xfe")], 1007),
        ([frame(Opcode.TEXT, b"\xd8", fin=False), frame(Opcode.CONT, b"\xff")], 1007),
        ([frame(Opcode.BINARY, HELLO)], 1003),
        ([frame(Opcode.CONT, b"x")], 1002),
        ([frame(Opcode.TEXT, b"x", fin=False), frame(Opcode.TEXT, b"x")], 1002),
        ([b"\x81\x01x"], 1002),
        ([b"\xc1\x80\0\0\0\0"], 1002),
        ([b"\x83\x80\0\0\0\0"], 1002),
        ([b"\x89\xfe\0\x7e\0\0\0\0" + b"x" * 126], 1002),
        ([b"\x81\xff\x7f" + b"\xff" * 7 + b"\0" * 4], 1009),
        (
            [frame(Opcode.TEXT, b"", fin=False)]
            + [frame(Opcode.CONT, b"", fin=False)] * FRAGMENTS_MAX,
            1009,
        ),
        ([frame(Opcode.CLOSE, b"\x03\xe8bye")], 1000),
        ([frame(Opcode.CLOSE, b"\x03")], 1002),
    ],
)
async def test_what_breaks_the_protocol_is_closed_with_its_code(frames, code):
    async with opened() as live:
        reader, writer = await upgraded(live)
        writer.write(b"".join(frames))
        assert await close_code(reader) == code
        writer.close()
        async with asyncio.timeout(5):
            while live.door.admission.total:
                await asyncio.sleep(0.01)


async def test_fragments_pings_and_odd_splits_are_put_together():
    async with opened() as live:
        reader, writer = await upgraded(live)
        pieces = (
            frame(Opcode.TEXT, HELLO[:10], fin=False)
            + frame(Opcode.PING, b"are you there")
            + frame(Opcode.CONT, HELLO[10:20], fin=False)
            + frame(Opcode.CONT, b"", fin=False)
            + frame(Opcode.CONT, HELLO[20:])
        )
        generator = random.Random(5)
        while pieces:
            size = generator.randint(1, 9)
            writer.write(pieces[:size])
            pieces = pieces[size:]
            await asyncio.sleep(0)
        data = await read_until(reader, b'"snapshot"')
        assert b"\x8a\x0dare you there" in data
        (connection,) = live.hub._wheel.connections()
        assert connection._parser is None  # type: ignore[attr-defined]
        writer.close()


async def test_who_reads_nothing_costs_little_and_is_closed():
    hub_settings = HubSettings(slow_after_s=0.3, tick_min_ms=1, close_grace_s=0.2)
    door = FrontDoorSettings(send_buffer_bytes=8_192)
    async with opened(door, hub_settings) as live, live.guest() as quick:
        stalled = sockets.socket()
        stalled.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        stalled.connect(("127.0.0.1", live.door.port))
        stalled.sendall(UPGRADE + frame(Opcode.TEXT, HELLO))
        async with asyncio.timeout(5):
            while live.hub.statistics().joins < 2:
                await asyncio.sleep(0.005)
        sent: list[str] = []
        seen: list[str] = []

        async def watch() -> None:
            while not sent or seen != sent or live.hub.statistics().closed_slow == 0:
                seen.extend(event["id"] for event in (await quick.until("batch")).get("events", ()))

        watching = asyncio.create_task(watch())
        async with asyncio.timeout(20):
            while live.hub.statistics().closed_slow == 0:
                line = said("x" * 2_000)
                sent.append(line.id)
                live.hub.publisher.publish("room", line)
                await asyncio.sleep(0.004)
        buffered = [
            connection.transport.get_write_buffer_size()
            for connection in live.door._context.closing._due_s
        ]
        assert all(size < 64 * 1024 for size in buffered)
        line = said("the last")
        sent.append(line.id)
        live.hub.publisher.publish("room", line)
        async with asyncio.timeout(10):
            await watching
        async with asyncio.timeout(5):
            while live.door.admission.total > 1:
                await asyncio.sleep(0.01)
        # Reset, not closed behind what it did not read: the kernel keeps nothing of it.
        hung_up = select.poll()
        hung_up.register(stalled, 0)
        async with asyncio.timeout(5):
            while not hung_up.poll(0):
                await asyncio.sleep(0.01)
        stalled.close()


async def test_who_reads_late_misses_nothing():
    hub_settings = HubSettings(tick_min_ms=1)
    door = FrontDoorSettings(send_buffer_bytes=8_192)
    async with opened(door, hub_settings) as live:
        reader, writer = await upgraded(live)
        writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
        writer.write(frame(Opcode.TEXT, HELLO))
        await read_until(reader, b'"snapshot"')
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        sent = []
        async with asyncio.timeout(10):
            while live.hub.statistics().lagging == 0:
                line = said("x" * 2_000)
                sent.append(line.id)
                live.hub.publisher.publish("room", line)
                await asyncio.sleep(0.004)
        for _ in range(20):
            line = said("x" * 500)
            sent.append(line.id)
            live.hub.publisher.publish("room", line)
            await asyncio.sleep(0.002)
        reader._transport.resume_reading()  # type: ignore[attr-defined]
        data = await read_until(reader, sent[-1].encode())
        places = [data.find(each.encode()) for each in sent]
        assert -1 not in places
        assert places == sorted(places)
        writer.close()


# Endings


async def test_a_purchase_is_finished_though_the_buyer_hung_up():
    async with opened() as live:
        async with live.guest() as guest:
            await guest.send(t="slow")
            async with asyncio.timeout(5):
                while not live.house.executed:
                    await asyncio.sleep(0.005)
        async with asyncio.timeout(5):
            while live.door.admission.total:
                await asyncio.sleep(0.01)
        assert live.door._context.tasks
        live.house.gate.set()
        async with asyncio.timeout(5):
            while live.door._context.tasks:
                await asyncio.sleep(0.01)


async def test_a_peer_that_does_not_answer_the_close_is_cut_off():
    async with opened(hub_settings=HubSettings(close_grace_s=0.1)) as live:
        reader, writer = await upgraded(live)
        hello = orjson.dumps({"t": "hello", "id": new_id(), "token": "amal"})
        writer.write(frame(Opcode.TEXT, hello))
        await read_until(reader, b'"welcome"')
        live.hub.kick("amal", 4500)
        assert await close_code(reader) == 4500
        writer.close()


async def test_the_heartbeat_keeps_those_who_answer():
    hub_settings = HubSettings(ping_s=0.2, pong_grace_s=0.1, wheel_step_s=0.02, close_grace_s=0.2)
    async with opened(hub_settings=hub_settings) as live, live.guest() as guest:
        reader, writer = await upgraded(live)
        writer.write(frame(Opcode.TEXT, HELLO))
        assert await close_code(reader) == 4012
        beats = [await guest.until("beat") for _ in range(3)]
        assert {beat["room"] for beat in beats} == {"room"}
        writer.close()


# The library's parser, of which one is shared while it is idle


def splits(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    for place in range(1, len(data)):
        yield data[:place], data[place:]


@pytest.mark.parametrize(
    "data",
    [
        frame(Opcode.TEXT, b"short"),
        frame(Opcode.TEXT, b"x" * 300),
        frame(Opcode.PING, b""),
        frame(Opcode.TEXT, b"a", fin=False) + frame(Opcode.CONT, b"b"),
    ],
)
def test_a_parseris_idle_exactly_between_messages(data):
    for before, after in splits(data):
        parser = ServerProtocol(state=WireState.OPEN)
        assert is_idle(parser)
        parser.receive_data(before)
        assert not is_idle(parser)
        parser.receive_data(after)
        assert is_idle(parser)


def test_a_parser_that_closes_is_never_idle():
    parser = ServerProtocol(state=WireState.OPEN)
    parser.receive_data(frame(Opcode.CLOSE, b"\x03\xe8"))
    assert not is_idle(parser)
    failed = ServerProtocol(state=WireState.OPEN)
    failed.receive_data(b"\xff\xff")
    assert not is_idle(failed)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2, 9, 10]), st.binary(max_size=20)), max_size=6))
def test_an_idle_parser_has_given_out_all_it_took(pieces):
    parser = ServerProtocol(state=WireState.OPEN)
    is_open = False
    for number, (opcode, data) in enumerate(pieces):
        if opcode == 0 and not is_open:
            opcode = 1
        if opcode in (1, 2) and is_open:
            opcode = 0
        fin = opcode >= 8 or number % 2 == 0
        parser.receive_data(frame(Opcode(opcode), data, fin=fin))
        is_open = is_open if opcode >= 8 else not fin
        parser.events_received()
        parser.data_to_send()
        assert is_idle(parser) is not is_open


async def test_message_pack_and_json_share_a_room():
    async with (
        opened() as live,
        live.guest("amal", codec=MESSAGE_PACK) as packed,
        live.guest("badr") as plain,
    ):
        await packed.ask(t="send_chat", text="hello")
        assert (await plain.until("batch"))["events"][0]["text"] == "hello"


async def test_a_ban_while_the_room_is_being_opened_keeps_the_person_out():
    async with opened() as live, live.guest("dalal", room=None) as guest:
        gate, load = asyncio.Event(), live.hub._rooms.loader._load_room

        async def slowly(room_id: str) -> RoomSeed:
            live.house.banned.add("dalal")
            live.hub.kick("dalal", 4500, room_id=room_id)
            await gate.wait()
            return await load(room_id)

        live.hub._rooms.loader._load_room = slowly
        await guest.send(t="join", room="souq")
        asyncio.get_running_loop().call_later(0.05, gate.set)
        assert (await guest.receive())["code"] == "banned"
        room = live.hub.warm_room("souq")
        assert room is not None
        assert room.viewers == 0
