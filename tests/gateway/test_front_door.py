"""One port: live sockets stay, everything else is aiohttp's, and nothing is lost on the way."""

import asyncio
import io
import json
import socket

import aiohttp
import orjson
import pytest
from websockets.exceptions import InvalidStatus

from livecommerce.gateway.front_door import FrontDoorSettings
from tests.gateway.live import opened

UPGRADE = (
    b"GET /v1/live HTTP/1.1\r\n"
    b"host: 127.0.0.1\r\n"
    b"CONNECTION: Upgrade\r\n"
    b"upgrade: WebSocket\r\n"
    b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"sec-websocket-version: 13\r\n"
    b"sec-websocket-protocol: livecommerce.v1.json\r\n\r\n"
)


def frame_of(**message: object) -> bytes:
    """A short masked text frame."""
    payload = orjson.dumps(message)
    assert len(payload) < 126
    return bytes((0x81, 0x80 | len(payload), 0, 0, 0, 0)) + payload


HELLO = frame_of(t="hello", id="0123456789abcdef", room="room")


async def read_until(reader: asyncio.StreamReader, mark: bytes) -> bytes:
    async with asyncio.timeout(10):
        data = b""
        while mark not in data:
            piece = await reader.read(65536)
            assert piece, data
            data += piece
        return data


async def test_http_is_served():
    async with opened() as live, aiohttp.ClientSession() as session:
        for number in range(3):
            url = f"http://127.0.0.1:{live.door.port}/?n={number}"
            async with session.get(url) as answer:
                assert await answer.text() == f"hello {number}"


async def test_requests_may_come_in_pieces_and_on_top_of_each_other():
    async with opened() as live:
        reader, writer = await live.raw()
        request = b"GET /?n=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        for byte in request:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0)
        assert b"hello 1" in await read_until(reader, b"hello 1")
        writer.write(request.replace(b"n=1", b"n=2") + request.replace(b"n=1", b"n=3"))
        data = await read_until(reader, b"hello 3")
        assert data.index(b"hello 2") < data.index(b"hello 3")
        writer.close()


async def test_a_large_upload_is_taken_whole():
    async with opened() as live, aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{live.door.port}/upload"
        async with session.post(url, data=io.BytesIO(b"x" * 5_000_000)) as answer:
            assert await answer.text() == "5000000"


async def test_an_upload_may_wait_for_100_continue():
    async with opened() as live:
        reader, writer = await live.raw()
        writer.write(
            b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
        )
        await read_until(reader, b"100 Continue\r\n\r\n")
        writer.write(b"12345")
        assert (await read_until(reader, b"\r\n\r\n5")).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_live_socket_is_opened_whatever_the_case_and_the_pieces():
    async with opened() as live:
        reader, writer = await live.raw()
        for start in range(0, len(UPGRADE), 7):
            writer.write(UPGRADE[start : start + 7])
            await asyncio.sleep(0)
        answer = await read_until(reader, b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        for byte in HELLO:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        await read_until(reader, b'"snapshot"')
        assert live.hub.statistics().connections == 1
        writer.close()


async def test_a_hello_may_come_with_the_head():
    async with opened() as live:
        reader, writer = await live.raw()
        writer.write(UPGRADE + HELLO)
        await read_until(reader, b'"snapshot"')
        writer.close()


@pytest.mark.parametrize("with_hello", [True, False])
async def test_an_upgrade_on_a_kept_alive_connection_becomes_a_live_socket(with_hello):
    async with opened() as live:
        reader, writer = await live.raw()
        request = b"GET /?n=1 HTTP/1.1\r\nHost: a\r\n\r\n"
        writer.write(request)
        await read_until(reader, b"hello 1")
        if with_hello:
            writer.write(request.replace(b"n=1", b"n=2") + UPGRADE + HELLO)
        else:
            writer.write(UPGRADE)
            await read_until(reader, b"101 Switching")
            writer.write(HELLO)
        await read_until(reader, b'"snapshot"')
        assert live.hub.statistics().connections == 1
        assert live.runner.server is not None
        async with asyncio.timeout(5):
            while live.runner.server.connections:
                await asyncio.sleep(0.01)
        for number in range(20):
            ping = frame_of(t="ping", id=f"ping-{number:016}")
            writer.write(ping)
            await read_until(reader, b"%016d" % number)
        writer.close()
        async with asyncio.timeout(5):
            while live.door.admission.total:
                await asyncio.sleep(0.01)


async def test_a_body_that_looks_like_an_upgrade_is_a_body():
    async with opened() as live:
        reader, writer = await live.raw()
        head = b"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(UPGRADE)
        writer.write(head)
        await asyncio.sleep(0.01)
        writer.write(UPGRADE)
        answer = await read_until(reader, b"\r\n\r\n" + str(len(UPGRADE)).encode())
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ((b"/v1/live", b"/v1/live?token=secret"), b"400", b"token_in_url"),
        ((b"host:", b"Origin: https://evil.example\r\nhost:"), b"403", b"origin_not_allowed"),
        ((b"livecommerce.v1.json", b"chat"), b"400", b""),
        ((b"upgrade: WebSocket\r\n", b""), b"426", b""),
    ],
)
@pytest.mark.parametrize("is_kept_alive", [False, True])
async def test_who_may_not_upgrade_is_told_why(change, status, code, is_kept_alive):
    async with opened() as live:
        reader, writer = await live.raw()
        if is_kept_alive:
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await read_until(reader, b"hello ")
        writer.write(UPGRADE.replace(*change))
        answer = await read_until(reader, b"\r\n\r\n")
        assert answer.split(b" ")[1] == status
        if code:
            answer += b"" if code in answer else await read_until(reader, code)
            assert b"application/problem+json" in answer
            assert b"secret" not in answer
        assert live.door.admission.total == 0
        writer.close()


async def test_pages_of_this_host_and_of_the_list_may_connect():
    settings = FrontDoorSettings(allowed_origins=("https://shop.example",))
    async with opened(settings) as live:
        for origin in (f"http://127.0.0.1:{live.door.port}", "https://shop.example", None):
            async with live.client(origin=origin) as client:
                assert client.subprotocol == "livecommerce.v1.json"
        with pytest.raises(InvalidStatus) as caught:
            async with live.client(origin="https://other.example"):
                pass
        assert caught.value.response.status_code == 403


async def test_the_host_a_trusted_proxy_names_counts():
    settings = FrontDoorSettings(trusted_proxies=("127.0.0.1",))
    headers = {"X-Forwarded-Host": "shop.example", "X-Forwarded-For": "198.51.100.1"}
    async with opened(settings) as live:
        client = live.client(origin="https://shop.example", additional_headers=headers)
        async with client:
            assert list(live.door.admission._count_by_ip) == ["198.51.100.1"]
    async with opened() as live:
        with pytest.raises(InvalidStatus):
            await live.client(origin="https://shop.example", additional_headers=headers)


async def test_caps_answer_with_a_wait():
    async with opened(FrontDoorSettings(connections_per_ip=2, connections_max=2)) as live:
        async with live.client(), live.client():
            with pytest.raises(InvalidStatus) as caught:
                async with live.client():
                    pass
            response = caught.value.response
            assert response.status_code == 429
            assert 1 <= int(response.headers["Retry-After"]) <= 5
        async with asyncio.timeout(5):
            while live.door.admission.total:
                await asyncio.sleep(0.01)
        async with live.client():
            pass


async def test_a_storm_is_admitted_at_a_pace():
    settings = FrontDoorSettings(admissions_per_s=0.001, admissions_burst=1)
    async with opened(settings) as live, live.client():
        with pytest.raises(InvalidStatus) as caught:
            async with live.client():
                pass
        response = caught.value.response
        assert response.status_code == 503
        problem = json.loads(response.body)
        assert (problem["code"], problem["retry"]) == ("server_busy", "after")
        # The header has whole seconds, and never fewer than the document asks for.
        told_s = int(response.headers["Retry-After"])
        assert told_s - 1 < problem["after_ms"] / 1000 <= told_s
        # Nothing was made for it.
        assert live.hub.statistics().connections == 1
        assert live.door.admission.statistics().refused == 1


async def test_a_proxy_that_is_not_in_the_settings_is_named_once(
    capsys: pytest.CaptureFixture[str],
):
    headers = {"X-Forwarded-For": "198.51.100.1"}
    async with opened() as live:
        for _ in range(3):
            async with live.client(additional_headers=headers):
                pass
    assert capsys.readouterr().out.count("X-Forwarded-For is not believed") == 1
    settings = FrontDoorSettings(trusted_proxies=("127.0.0.1/32",))
    async with opened(settings) as live, live.client(additional_headers=headers):
        pass
    assert "not believed" not in capsys.readouterr().out


async def test_a_head_must_come_in_time():
    async with opened(FrontDoorSettings(head_deadline_s=0.1)) as live:
        reader, writer = await live.raw()
        writer.write(b"GET / HTTP/1.1\r\nHost:")
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


async def test_a_head_has_a_size():
    async with opened(FrontDoorSettings(head_bytes_max=1000)) as live:
        for head in (b"GET / HTTP/1.1\r\nX: " + b"x" * 2000, UPGRADE[:-2] + b"X: %b\r\n\r\n"):
            reader, writer = await live.raw()
            writer.write(head.replace(b"%b", b"x" * 2000))
            async with asyncio.timeout(5):
                assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
            writer.close()


async def test_what_is_not_http_gets_an_answer_and_no_more():
    async with opened() as live:
        for junk in (b"\x16\x03\x01\x02\x00\r\n\r\n", b"x\r\n\r\n"):
            reader, writer = await live.raw()
            writer.write(junk)
            async with asyncio.timeout(5):
                answer = await reader.read()
            assert answer.startswith(b"HTTP/1.")
            assert b" 400 " in answer[:20]
            writer.close()


async def test_connections_that_come_and_go_leave_nothing_behind():
    async with opened() as live:
        for _ in range(3):
            reader, writer = await live.raw()
            writer.close()
            reader, writer = await live.raw()
            writer.write(UPGRADE)
            await read_until(reader, b"\r\n\r\n")
            writer.transport.abort()
        async with asyncio.timeout(5):
            while live.door.admission.total or live.hub.statistics().connections:
                await asyncio.sleep(0.01)
            while len(live.door.reading):
                await asyncio.sleep(0.01)


async def test_the_kernel_buffers_little_for_a_live_socket():
    async with opened() as live, live.client():
        (connection,) = live.hub._wheel.connections()
        sock = connection.transport.get_extra_info("socket")
        # Linux tells twice of what was set.
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * 64 * 1024


async def test_drain_moves_everybody_and_lets_nobody_in():
    async with opened() as live, live.guest() as guest:
        draining = asyncio.create_task(live.door.drain(0.4))
        moved = await guest.until("moved")
        assert moved["in_ms"] >= 0
        assert await guest.closed() == 4001
        await draining
        with pytest.raises(OSError, match=r"."):
            await live.raw()


async def test_while_draining_kept_alive_connections_are_refused():
    async with opened() as live:
        reader, writer = await live.raw()
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await read_until(reader, b"hello ")
        await live.door.drain(0.0)
        writer.write(UPGRADE)
        assert (await read_until(reader, b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
        writer.close()


async def test_it_listens_on_a_socket_that_is_open_already():
    listening = socket.create_server(("127.0.0.1", 0))
    async with opened() as live:
        assert live.runner.server is not None
        await live.door.listen(web_server=live.runner.server, sock=listening)
        port = listening.getsockname()[1]
        url = f"http://127.0.0.1:{port}/"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
