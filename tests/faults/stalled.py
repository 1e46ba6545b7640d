"""Viewers in a process of their own that is stopped: their sockets stay open and take nothing."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import selectors
import signal
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from multiprocessing.connection import Connection

import orjson
from websockets.frames import Opcode

from tests.support.ports import LOOPBACK
from tests.support.sockets import frame, handshake, new_command_id

RECEIVE_BYTES = 4096
"""Asked for as the kernel's buffer of each; it makes what it likes of so little."""
JOIN_S = 30.0


class Stalled:
    """So many viewers. Made by `stalled_viewers`."""

    def __init__(self, pid: int, line: Connection) -> None:
        self._pid = pid
        self._line = line

    def stop(self) -> None:
        """They take nothing any more, and do not know it."""
        os.kill(self._pid, signal.SIGSTOP)

    def resume(self) -> Counter[int]:
        """They read on to the end; gives how each was closed: a code, or 0 without one."""
        os.kill(self._pid, signal.SIGCONT)
        if not self._line.poll(JOIN_S):
            raise TimeoutError("the stalled viewers do not come to an end")
        closed: Counter[int] = self._line.recv()
        return closed


@asynccontextmanager
async def stalled_viewers(port: int, room_id: str, count: int) -> AsyncIterator[Stalled]:
    """Seats them; they read until they are stopped."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_sit, args=(port, room_id, count, there), daemon=True)
    process.start()
    try:
        if not await asyncio.to_thread(here.poll, JOIN_S):
            raise TimeoutError("the viewers to be stalled are not seated")
        here.recv()
        assert process.pid is not None
        yield Stalled(process.pid, here)
    finally:
        process.kill()
        process.join()


def _sit(port: int, room_id: str, count: int, line: Connection) -> None:
    """In the other process: takes its seats and reads, for as long as it is let."""
    sockets = []
    for _ in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        sock.connect((LOOPBACK, port))
        sock.sendall(handshake(port))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        hello = {"t": "hello", "id": new_command_id(), "room": room_id}
        sock.sendall(frame(orjson.dumps(hello)))
        sockets.append(sock)
    line.send("seated")
    line.send(_read_to_the_end(sockets))


def _read_to_the_end(sockets: list[socket.socket]) -> Counter[int]:
    """Answers pings. How each was closed: the code of the close frame, 0 without one."""
    codes: Counter[int] = Counter()
    with selectors.DefaultSelector() as selector:
        for sock in sockets:
            selector.register(sock, selectors.EVENT_READ, (sock, bytearray()))
        while selector.get_map():
            for key, _ in selector.select():
                sock, data = key.data
                piece, code = b"", None
                with suppress(ConnectionError):
                    piece = sock.recv(1 << 16)
                    data += piece
                    code = _take_frames(sock, data)
                if code is not None or not piece:
                    codes[code or 0] += 1
                    selector.unregister(sock)
                    sock.close()
    return codes


def _take_frames(sock: socket.socket, data: bytearray) -> int | None:
    """Takes whole frames off the front; the code of a close frame among them."""
    while len(data) >= 2:
        size, start = data[1], 2
        if size == 126:
            size, start = int.from_bytes(data[2:4]), 4
        elif size == 127:
            size, start = int.from_bytes(data[2:10]), 10
        if len(data) < start + size:
            return None
        opcode, payload = data[0] & 15, bytes(data[start : start + size])
        del data[: start + size]
        if opcode == Opcode.CLOSE:
            return int.from_bytes(payload[:2])
        if opcode == Opcode.PING:
            sock.sendall(frame(payload, opcode=Opcode.PONG))
    return None
