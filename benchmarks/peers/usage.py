"""What a family of processes has used, as finely as the kernel says it."""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil


def family(pids: list[int]) -> list[int]:
    """These processes and all they have started."""
    found: list[int] = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [pid, *(each.pid for each in psutil.Process(pid).children(recursive=True))]
    return found


def cpu_s(pids: list[int]) -> float:
    """CPU seconds (user and kernel) of exactly these processes.

    From `schedstat`, which counts nanoseconds where the usual times count hundredths of a second.
    """
    return sum(_process_cpu_s(pid) for pid in pids)


def _process_cpu_s(pid: int) -> float:
    spent_ns = 0
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            spent_ns += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        with contextlib.suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            return float(times.user + times.system)
    return spent_ns / 1e9


def rss_kib(pids: list[int]) -> int:
    """Resident memory; what the kernel holds for their sockets is not in it."""
    total = 0
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            total += psutil.Process(pid).memory_info().rss
    return total // 1024
