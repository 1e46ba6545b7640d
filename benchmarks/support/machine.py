"""The machine a figure was measured on, and who of us runs on which of its cores."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tests.support.redis import RedisServer, running_redis

# As it was before anybody was confined: inside of one `on_core` another must still find its core.
_CORES = sorted(os.sched_getaffinity(0))

FIRST = -15
"""Niceness of those that are measured, and of their crowd."""
SESSION_FIRST = -10
"""The same of the whole session, while it measures."""


@contextlib.contextmanager
def on_core(core: int) -> Iterator[None]:
    """Runs this thread, and every process it starts meanwhile, on one core (modulo their number),
    and where the system allows it before what else runs there: that is not what is measured.

    A process started inside stays there; the thread goes back.
    """
    _put_session_first()
    before, niceness = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0)
    os.sched_setaffinity(0, {_CORES[core % len(_CORES)]})
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, min(niceness, FIRST))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        with contextlib.suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


@functools.cache
def _put_session_first() -> None:
    """Linux shares cores out among sessions before it looks at anybody's niceness."""
    group = Path("/proc/self/autogroup")
    with contextlib.suppress(OSError):
        group.write_text(str(SESSION_FIRST))
        atexit.register(group.write_text, "0")


@contextlib.contextmanager
def redis_on_core(core: int) -> Iterator[RedisServer]:
    """A redis-server on one core; whoever asked for it goes back."""
    with contextlib.ExitStack() as stack:
        with on_core(core):
            server = stack.enter_context(running_redis())
        yield server


def cpu_s(pid: int) -> float:
    """CPU seconds a process and those it started have used."""
    total = 0.0
    family = psutil.Process(pid)
    for process in [family, *family.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def softirq_s(core: int) -> float:
    """Seconds this core spent on packets: the kernel charges them to no process."""
    wanted = f"cpu{_CORES[core % len(_CORES)]} "
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[7]) / os.sysconf("SC_CLK_TCK")
    return 0.0


def kernel_kib() -> float:
    """Memory the kernel of this machine holds in slabs and for TCP buffers, of whomever."""
    slab = 0.0
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith(("Slab:", "KernelStack:")):
            slab += float(line.split()[1])
    fields = Path("/proc/net/sockstat").read_text().split("TCP:")[1].split()
    pages = int(fields[fields.index("mem") + 1])
    return slab + pages * os.sysconf("SC_PAGE_SIZE") / 1024


def described() -> dict[str, Any]:
    """Processor, cores, memory, system, and the versions that matter."""
    return {
        "cpu": _cpu_name(),
        "cores": len(_CORES),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "versions": {
            name: version(name) for name in ("uvloop", "SQLAlchemy", "asyncpg", "aiosqlite")
        },
    }


def _cpu_name() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
