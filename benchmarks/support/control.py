"""Child processes that obey JSON lines on stdin and answer on stdout."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any

Verb = Callable[..., Awaitable[dict[str, Any]]]


LAST = 10
"""Niceness."""


class Child:
    """A module run as a process of its own; `ask` sends one order and waits for its answer."""

    def __init__(self, module: str, **arguments: Any) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def step_back(self) -> None:
        """Lets the others on its core go first."""
        os.setpriority(os.PRIO_PROCESS, self._process.pid, LAST)

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill(self) -> None:
        """Ends it as a lost machine would."""
        self._process.kill()
        self._process.wait(10)

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        self.tell(verb, **arguments)
        return self.answer()

    def tell(self, verb: str, **arguments: Any) -> None:
        """Sends an order; fetch its answer later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": verb, **arguments}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the child process ended")
        answer: dict[str, Any] = json.loads(line)
        if "failed" in answer:
            raise RuntimeError(answer["failed"])
        return answer


async def obey(verbs: Mapping[str, Verb]) -> None:
    """Serves orders until stdin is closed."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        order = json.loads(line)
        try:
            answer = await verbs[order.pop("do")](**order)
        except Exception as error:  # noqa: BLE001 - told to the parent, which ends the run
            answer = {"failed": repr(error)}
        os.write(1, json.dumps(answer).encode() + b"\n")


def raise_open_files() -> int:
    """Allows as many sockets as the machine lets us have; returns how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_s() -> float:
    """CPU seconds of this process, kernel time included."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def waited_s() -> float:
    """Seconds this process was ready to run while something else had its core."""
    with open("/proc/self/schedstat") as schedstat:
        return int(schedstat.read().split()[1]) / 1e9


def rss_kib() -> int:
    """Resident memory of this process. Kernel socket buffers (about 4 KiB each) are not in it."""
    with open("/proc/self/statm") as statm:
        pages = int(statm.read().split()[1])
    return pages * resource.getpagesize() // 1024
