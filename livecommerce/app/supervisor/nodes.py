"""A node, as its supervisor sees it: a child process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence

from livecommerce.app.supervisor.place import told_ready


class Node:
    """A process that serves, or is about to. Made by `start_node`."""

    def __init__(self, process: Process, link: socket.socket) -> None:
        self.pid = process.pid
        self._process = process
        self.ended = asyncio.create_task(self._wait(link))
        """Gives the exit code; minus the signal's number for one that a signal ended."""
        self.ready = asyncio.create_task(told_ready(link))
        """Gives whether it became ready; False for one that ended before."""
        self._ready_s = 0.0
        self.ready.add_done_callback(self._note_ready)

    def _note_ready(self, ready: asyncio.Task[bool]) -> None:
        if not ready.cancelled() and ready.result():
            self._ready_s = time.monotonic()

    @property
    def served_s(self) -> float:
        """Seconds since it was ready; 0 before."""
        return time.monotonic() - self._ready_s if self._ready_s else 0.0

    def signal(self, number: int) -> None:
        """Sends a signal; one that has ended takes it silently."""
        if not self.ended.done():
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def end(self, within_s: float) -> bool:
        """Asks it to drain and end, and insists after a while. False: it had to be killed."""
        self.signal(signal.SIGTERM)
        if (await asyncio.wait({self.ended}, timeout=within_s))[0]:
            return True
        await self.kill()
        return False

    async def kill(self) -> None:
        """Ends it where it stands."""
        self.signal(signal.SIGKILL)
        await asyncio.wait({self.ended})

    async def _wait(self, link: socket.socket) -> int:
        try:
            return await self._process.wait()
        finally:
            # Before, its end would tell the node that we are gone.
            await asyncio.wait({self.ready})
            link.close()


async def start_node(number: int, sockets: Sequence[socket.socket], *, works: bool) -> Node:
    """Starts a node on bound sockets; `Node.ready` says when it listens.

    Args:
        number: of its place, for its log lines.
        works: see `open_house`.
    """
    ours, theirs = socket.socketpair()
    listening = [sock.fileno() for sock in sockets]
    try:
        process = await asyncio.create_subprocess_exec(
            *livecommerce("node", str(number), "--work" if works else "--no-work"),
            *("--link", str(theirs.fileno())),
            *("--listening", ",".join(map(str, listening))),
            stdin=DEVNULL,
            pass_fds=[*listening, theirs.fileno()],
            # A Ctrl-C is for us alone: we hand it on once, and a second one would end the drain.
            start_new_session=True,
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    return Node(process, ours)


def livecommerce(*arguments: str) -> tuple[str, ...]:
    """Our own command line, by this Python and from the installed package, whatever lies in the
    working folder. It is read from disk anew: a rolling restart brings the version there now."""
    return sys.executable, "-P", "-m", "livecommerce", *arguments
