"""What the tests ask with leaves nothing behind."""

import asyncio
import io
import socket
import threading

import aiohttp

from tests.support.http import Connector
from tests.support.ports import LOOPBACK

TOO_MUCH = io.BytesIO(bytes(20_000_000))
"""For all that lies between two sockets."""


async def test_a_connection_whose_request_was_not_taken_ends_with_its_session():
    may_end, may_leave = threading.Event(), threading.Event()

    def answer_without_reading(listening: socket.socket) -> None:
        peer, _ = listening.accept()
        with peer:
            peer.recv(100)
            peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{")
            may_end.wait(30)
            peer.sendall(b"}")
            may_leave.wait(30)

    with socket.create_server((LOOPBACK, 0)) as listening:
        server = asyncio.create_task(asyncio.to_thread(answer_without_reading, listening))
        url = f"http://{LOOPBACK}:{listening.getsockname()[1]}/"
        async with (
            aiohttp.ClientSession(connector=Connector()) as session,
            session.post(url, data=TOO_MUCH) as answer,
        ):
            assert answer.connection is not None
            transport = answer.connection.transport
            assert transport is not None
            was, waiting = -1, 0
            while not waiting or waiting != was:
                was, waiting = waiting, transport.get_write_buffer_size()
                await asyncio.sleep(0.05)
            may_end.set()
            assert (answer.status, await answer.read()) == (413, b"{}")
            assert transport.is_closing()
            assert transport.get_write_buffer_size() > 0
        await asyncio.sleep(0)
        assert transport.get_extra_info("socket").fileno() == -1
        may_leave.set()
        await server
