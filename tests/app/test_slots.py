"""Places of nodes: small processes stand in for nodes, and live and die as a test says."""

import asyncio
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from livecommerce.app.supervisor import patience, slots
from livecommerce.app.supervisor.nodes import Node
from livecommerce.app.supervisor.patience import Patience
from livecommerce.app.supervisor.shared_port import SharedPort
from livecommerce.app.supervisor.slots import Hopeless, Slot
from livecommerce.config import BadSettings
from tests.support.ports import LOOPBACK

SERVES = "import os, time; os.write({link}, b'\\x01'); time.sleep(60)"
IS_LATE = "import time; time.sleep(60)"
DIES = "import os; os.write({link}, b'\\x01'); raise SystemExit(3)"
FAILS = "raise SystemExit(3)"
HAS_BAD_SETTINGS = "raise SystemExit(2)"


class Nodes:
    """Starts one stand-in after the other, each by the next program; the last one goes on."""

    def __init__(self, *programs: str) -> None:
        self._programs = list(programs)
        self.started: list[Node] = []
        self.sockets: list[list[int]] = []

    async def start(self, number: int, sockets: Sequence[socket.socket]) -> Node:
        program = self._programs.pop(0) if len(self._programs) > 1 else self._programs[0]
        ours, theirs = socket.socketpair()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-ISE", "-c", program.replace("{link}", str(theirs.fileno()))),
            stdin=DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        node = Node(process, ours)
        self.started.append(node)
        self.sockets.append([sock.fileno() for sock in sockets])
        return node


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "WAIT_MIN_S", 0.01)
    monkeypatch.setattr(slots, "READY_S", 0.5)


@asynccontextmanager
async def kept(*programs: str) -> AsyncIterator[tuple[Slot, Nodes, asyncio.Task[None]]]:
    nodes = Nodes(*programs)
    port = SharedPort(LOOPBACK, 0)
    slot = Slot(1, [port], start=nodes.start, ending_s=5.0)
    keeping = asyncio.create_task(slot.keep())
    try:
        yield slot, nodes, keeping
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError, Hopeless):
            await keeping
        for node in nodes.started:
            await node.kill()
        slot.close()
        port.close()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def test_who_dies_is_started_again_on_new_sockets():
    async with kept(SERVES) as (slot, nodes, _):
        await slot.filled.wait()
        await nodes.started[0].kill()
        await until(lambda: len(nodes.started) == 2)
        assert await nodes.started[1].ready
        assert slot.nodes == {nodes.started[1]}


async def test_who_dies_again_and_again_is_given_up():
    async with kept(DIES) as (_, nodes, keeping):
        with pytest.raises(Hopeless) as hopeless:
            await keeping
        assert hopeless.value.code == 3
        assert len(nodes.started) == patience.EARLY_MAX


@pytest.mark.parametrize("program", [FAILS, IS_LATE])
async def test_the_first_start_has_to_succeed(program: str):
    async with kept(program) as (slot, nodes, keeping):
        with pytest.raises(Hopeless):
            await keeping
        assert len(nodes.started) == 1
        assert not slot.filled.is_set()


async def test_a_node_that_hangs_when_it_is_started_again_is_killed():
    async with kept(SERVES, IS_LATE, SERVES) as (slot, nodes, _):
        await slot.filled.wait()
        await nodes.started[0].kill()
        await until(lambda: len(nodes.started) == 3)
        assert await nodes.started[2].ready
        assert slot.nodes == {nodes.started[2]}


async def test_bad_settings_are_not_tried_twice():
    async with kept(SERVES, HAS_BAD_SETTINGS) as (slot, nodes, keeping):
        await slot.filled.wait()
        await nodes.started[0].kill()
        with pytest.raises(Hopeless):
            await keeping
        assert len(nodes.started) == 2


async def test_a_new_node_takes_over_the_sockets_of_the_old_one():
    async with kept(SERVES) as (slot, nodes, _):
        await slot.filled.wait()
        assert await slot.replace()
        old, new = nodes.started
        assert old.ended.done()
        assert not new.ended.done()
        assert nodes.sockets[0] == nodes.sockets[1]
        assert slot.nodes == {new}


@pytest.mark.parametrize("program", [IS_LATE, FAILS, HAS_BAD_SETTINGS])
async def test_when_the_new_node_does_not_come_up_the_old_one_goes_on(program: str):
    async with kept(SERVES, program, SERVES) as (slot, nodes, _):
        await slot.filled.wait()
        assert not await slot.replace()
        old, new = nodes.started
        assert new.ended.done()
        assert not old.ended.done()
        assert await slot.replace()
        assert old.ended.done()


async def test_a_wish_that_meets_a_death_is_granted():
    async with kept(SERVES) as (slot, nodes, _):
        await slot.filled.wait()
        wish = asyncio.create_task(slot.replace())
        await nodes.started[0].kill()
        assert await wish


def test_patience_ends_and_comes_back():
    some = Patience()
    waits = [some.after(0.1) for _ in range(patience.EARLY_MAX)]
    assert waits[0] == 0.0
    assert waits[-1] is None
    some_waits = [wait for wait in waits if wait is not None]
    assert len(some_waits) == len(waits) - 1
    assert sorted(some_waits) == some_waits
    other = Patience()
    for _ in range(20):
        assert other.after(0.1) == 0.0
        assert other.after(patience.STEADY_S) == 0.0


def test_a_shared_port_deals_out_and_refuses_strangers():
    port = SharedPort(LOOPBACK, 0)
    first, second = [port.bind()[0] for _ in range(2)]
    for sock in (first, second):
        sock.listen()
    assert first.getsockname()[1] == second.getsockname()[1] == port.port
    with pytest.raises(BadSettings, match=rf"{LOOPBACK}:{port.port}: Address already in use"):
        SharedPort(LOOPBACK, port.port)
    for sock in (first, second):
        sock.close()
    port.close()


def test_an_address_that_is_not_ours_is_refused():
    with pytest.raises(BadSettings, match=r"LIVECOMMERCE_PORT: 192\.0\.2\.1:0"):
        SharedPort("192.0.2.1", 0)
