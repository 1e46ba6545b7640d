"""A place that is kept filled: its node is started again when it dies, and replaced on wish."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence

import structlog

from livecommerce.app.supervisor.nodes import Node
from livecommerce.app.supervisor.patience import Patience
from livecommerce.app.supervisor.shared_port import SharedPort

log = structlog.get_logger()

READY_S = 60.0
"""How long a node may take to open its doors. It waits for a database that is coming back."""
BAD_SETTINGS = 2
"""What the command line exits with for BadSettings: the next start would meet the same ones."""

StartNode = Callable[[int, Sequence[socket.socket]], Awaitable[Node]]


class Hopeless(Exception):
    """The next node would die too. `code` is what the last one exited with."""

    def __init__(self, number: int, code: int) -> None:
        super().__init__(f"node {number} exited with {code}")
        self.number = number
        self.code = code


class Slot:
    """The place of one node.

    Its sockets live as long as some node in it does. A node that replaces another listens on the
    same ones, so nobody who is waiting in their queue is turned away in between; when a node dies
    they are closed at once, so that the system sends newcomers to the other nodes.

    Args:
        ports: where a node in this place listens.
        ending_s: how long a node that was asked to end may take.
    """

    def __init__(
        self, number: int, ports: Sequence[SharedPort], *, start: StartNode, ending_s: float
    ) -> None:
        self.number = number
        self.nodes: set[Node] = set()
        """The processes of this place: one, and while it is replaced two."""
        self.filled = asyncio.Event()
        """Set when a node of this place was ready for the first time."""
        self._ports = ports
        self._start = start
        self._ending_s = ending_s
        self._sockets: list[socket.socket] = []
        self._wish: asyncio.Future[bool] | None = None
        self._wished = asyncio.Event()

    async def keep(self) -> None:
        """Keeps the place filled until cancelled. The nodes outlive this: they are to be ended.

        Raises:
            Hopeless: there is no use in going on.
        """
        patience = Patience()
        node = await self._fill()
        while True:
            await self._until_ended_or_wished(node)
            if not node.ended.done():
                node = await self._replace(node)
                continue
            code = node.ended.result()
            # What was never up says at once why, as a single node does.
            is_vain = code == BAD_SETTINGS or not self.filled.is_set()
            wait_s = None if is_vain else patience.after(node.served_s)
            self.close()
            if wait_s is None:
                raise Hopeless(self.number, code)
            log.error("node died", node=self.number, pid=node.pid, code=code, again_in_s=wait_s)
            await asyncio.sleep(wait_s)
            node = await self._fill()

    async def replace(self) -> bool:
        """Puts a new node in the place of the old one, which drains when the new one is ready.

        Returns when the old one is gone. False: the new one did not come up, the old one goes on.
        """
        self._wish = asyncio.get_running_loop().create_future()
        self._wished.set()
        try:
            return await self._wish
        finally:
            self._wish = None

    async def _until_ended_or_wished(self, node: Node) -> None:
        wished = asyncio.create_task(self._wished.wait())
        try:
            await asyncio.wait({node.ended, wished}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            wished.cancel()

    async def _replace(self, old: Node) -> Node:
        self._wished.clear()
        new = await self._fill()
        is_up = await asyncio.shield(new.ready)
        if is_up:
            if not await old.end(self._ending_s):
                log.error("node did not end", node=self.number, pid=old.pid)
            log.info("node replaced", node=self.number, pid=new.pid, was=old.pid)
        else:
            log.error("the new node did not come up", node=self.number, pid=new.pid)
            await new.kill()
        if self._wish is not None and not self._wish.done():
            self._wish.set_result(is_up)
        return new if is_up else old

    async def _fill(self) -> Node:
        if not self._sockets:
            self._sockets = [sock for port in self._ports for sock in port.bind()]
        node = await self._start(self.number, self._sockets)
        self.nodes.add(node)
        node.ended.add_done_callback(lambda _: self.nodes.discard(node))
        node.ready.add_done_callback(self._note_ready)
        asyncio.get_running_loop().call_later(READY_S, self._end_if_late, node)
        return node

    def _end_if_late(self, node: Node) -> None:
        """One that hangs would keep its place for ever."""
        if not node.ready.done():
            log.error("node is not ready in time", node=self.number, pid=node.pid)
            node.signal(signal.SIGKILL)

    def _note_ready(self, ready: asyncio.Task[bool]) -> None:
        if not ready.cancelled() and ready.result():
            self.filled.set()

    def close(self) -> None:
        """Closes the sockets: nobody is sent here any more."""
        for sock in self._sockets:
            sock.close()
        self._sockets = []
