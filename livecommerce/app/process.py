"""What a process can say about itself; /metrics reads it, and a soak judges by it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import sys
from collections.abc import Mapping
from pathlib import Path

from livecommerce.realtime.hub import Hub

IDLE_LOOK_S = 10.0
_OWN_FILES = 256
"""What a process has open beside its viewers: databases, links, pages under way."""

_MEMORY = Path("/proc/self/statm")
_FILES = Path("/proc/self/fd")


def process_statistics() -> Mapping[str, int]:
    """Gives memory, tasks and open files. Costs tens of microseconds; nothing is collected for it.

    resident_bytes: what the kernel holds in memory for us (Linux only).
    memory_blocks: small pieces of memory that Python objects live in, and have not given back.
    tasks: of the event loop, those that have not ended.
    open_files: sockets are among them (Linux only).
    """
    found = {"memory_blocks": sys.getallocatedblocks(), "tasks": len(asyncio.all_tasks())}
    if _MEMORY.exists():
        pages = int(_MEMORY.read_text().split()[1])
        found["resident_bytes"] = pages * os.sysconf("SC_PAGESIZE")
        found["open_files"] = len(os.listdir(_FILES))
    return found


def files_needed(connections_max: int) -> int:
    """Open files of a process with so many live connections; each of them is one."""
    return connections_max + _OWN_FILES


def files_to_be_had(needed: int) -> int:
    """The limit of open files that `raise_open_files` leads to."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # "Without end" is a name, not a number, and some systems do not take it for files.
    return hard if hard != resource.RLIM_INFINITY else max(soft, needed)


def raise_open_files(needed: int) -> int:
    """Raises the limit of open files to the hard one; shells and units often begin at 1,024.
    Gives the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = files_to_be_had(needed)
    if soft not in (most, resource.RLIM_INFINITY):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            return most
    return soft if soft != resource.RLIM_INFINITY else most


def collect_rarely() -> None:
    """What lives now lives on: the collector need not look at it again. What a command makes dies
    with it, without the collector: looking after every 700 objects, as is usual, took a tenth of a
    flash sale's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def collect_when_idle(hub: Hub) -> None:
    """Collects everything when the last viewer has left, and again when a room that nobody came
    back to has been given up, until cancelled.

    By the rare rounds alone, what a show leaves behind would stay in memory for hours. It takes
    tens of milliseconds, which nobody is there to notice.
    """
    before = hub.statistics()
    while True:
        await asyncio.sleep(IDLE_LOOK_S)
        now = hub.statistics()
        has_left = now.rooms < before.rooms or before.connections > 0
        if now.connections == 0 and has_left:
            gc.collect()
        before = now
