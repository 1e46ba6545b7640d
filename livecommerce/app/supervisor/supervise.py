"""The supervisor: starts nodes, keeps them, ends them, and replaces them one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import Iterator, Sequence
from functools import partial

import structlog

from livecommerce.app.core import require_shared
from livecommerce.app.supervisor.nodes import livecommerce, start_node
from livecommerce.app.supervisor.shared_port import SharedPort
from livecommerce.app.supervisor.slots import BAD_SETTINGS, Hopeless, Slot
from livecommerce.config import BadSettings, Settings

log = structlog.get_logger()

ENDING_S = 20.0
"""What a node may take after its drain: answers, payments and events under way have deadlines of
their own, of some seconds each."""


async def supervise(settings: Settings, *, workers: int, works: bool = True) -> None:
    """Serves with `workers` nodes on one port until SIGTERM or SIGINT, which all nodes are told.

    SIGHUP replaces the nodes one after the other, by what is installed then. A node that dies is
    started again. A second SIGTERM or SIGINT ends the nodes where they stand.

    Args:
        works: False leaves the background work to `livecommerce work`.

    Raises:
        BadSettings: on SQLite, without Redis, or for ports that cannot be had.
        SystemExit: other than 0 when nodes died again and again, or had to be killed.
    """
    require_shared(settings, "livecommerce serve --workers")
    wishes = _Wishes()
    with _ports(settings, workers) as ports:
        if not await _migrate():
            raise SystemExit(1)
        slots = [
            Slot(
                number,
                ports_of_one,
                start=partial(start_node, works=works),
                ending_s=settings.drain_s + ENDING_S,
            )
            for number, ports_of_one in enumerate(ports, start=1)
        ]
        tasks = [asyncio.create_task(slot.keep()) for slot in slots]
        others = [
            asyncio.create_task(_tell_serving(slots, settings.host, ports[0][0].port)),
            asyncio.create_task(_roll(slots, wishes.roll)),
        ]
        ending = asyncio.create_task(wishes.end.wait())
        await asyncio.wait({ending, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in (ending, *others):
            task.cancel()
        failures = [task.exception() for task in tasks if task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(ending, *others, *tasks, return_exceptions=True)
        for slot in slots:
            slot.close()
        is_clean = await _end(slots, settings.drain_s + ENDING_S, wishes.hurry)
    for failure in failures:
        if not isinstance(failure, Hopeless):
            assert failure is not None
            raise failure
        log.error("giving up on a node", node=failure.number, code=failure.code)
        raise SystemExit(BAD_SETTINGS if failure.code == BAD_SETTINGS else 1)
    if not is_clean:
        raise SystemExit(1)


class _Wishes:
    """What signals ask of the supervisor."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.hurry = asyncio.Event()
        self.roll = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        loop.add_signal_handler(signal.SIGHUP, self.roll.set)

    def _end(self) -> None:
        (self.hurry if self.end.is_set() else self.end).set()


@contextlib.contextmanager
def _ports(settings: Settings, workers: int) -> Iterator[Sequence[Sequence[SharedPort]]]:
    """Holds the ports of every node: the shared one first, then its own, if they have own ones."""
    own = range(settings.own_port, settings.own_port + workers) if settings.own_port else range(0)
    if settings.port in own:
        raise BadSettings(
            f"LIVECOMMERCE_OWN_PORT: {own[0]} to {own[-1]} are the nodes' own ports, and "
            f"LIVECOMMERCE_PORT {settings.port} is one of them"
        )
    with contextlib.ExitStack() as stack:

        def held(host: str, port: int, setting: str) -> SharedPort:
            made = SharedPort(host, port, setting=setting)
            stack.callback(made.close)
            return made

        shared = held(settings.host, settings.port, "PORT")
        own_ones = [held(settings.own_address, port, "OWN_PORT") for port in own]
        yield [[shared, *own_ones[index : index + 1]] for index in range(workers)]


async def _migrate() -> bool:
    """Brings the databases to the newest schema, by what is installed now."""
    process = await asyncio.create_subprocess_exec(
        *livecommerce("migrate"), stdin=DEVNULL, stdout=DEVNULL
    )
    return await process.wait() == 0


async def _tell_serving(slots: Sequence[Slot], host: str, port: int) -> None:
    await asyncio.gather(*(slot.filled.wait() for slot in slots))
    log.info("serving", host=host, port=port, nodes=len(slots))


async def _roll(slots: Sequence[Slot], wished: asyncio.Event) -> None:
    """Replaces all nodes whenever it is wished, and stops at the first that does not come up."""
    while True:
        await wished.wait()
        wished.clear()
        log.info("rolling restart")
        if not await _migrate():
            log.error("rolling restart given up", reason="the migrations failed")
            continue
        for slot in slots:
            if not await slot.replace():
                log.error("rolling restart given up", reason="a node did not come up")
                break
        else:
            log.info("rolling restart done")


async def _end(slots: Sequence[Slot], within_s: float, hurry: asyncio.Event) -> bool:
    """Ends all nodes at once, each with its drain. False when one had to be killed."""
    nodes = [node for slot in slots for node in slot.nodes]
    ending = [asyncio.create_task(node.end(within_s)) for node in nodes]
    hurried = asyncio.create_task(hurry.wait())
    pending: set[asyncio.Task[bool]] = set(ending)
    while pending:
        done, _ = await asyncio.wait({*pending, hurried}, return_when=asyncio.FIRST_COMPLETED)
        pending -= done
        if hurried in done:
            for node in nodes:
                node.signal(signal.SIGKILL)
            await asyncio.gather(*ending)
            return False
    hurried.cancel()
    return all(task.result() for task in ending)
