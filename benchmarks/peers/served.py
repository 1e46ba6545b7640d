"""A server under measurement: its processes on one core, and what they have used."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers import usage
from benchmarks.support.machine import on_core

START_S = 30.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Loopback ports that were free a moment ago."""

    viewers: int
    intake: int
    other: int


@dataclass(frozen=True, slots=True)
class Intake:
    """Where and how a server is told what to say.

    Lines over a socket (`servers/intake.py`), or POSTs to `path` with a body of `template`, where
    %s is the event.
    """

    port: int
    path: str = ""
    template: str = "%s"


@dataclass(frozen=True, slots=True)
class Served:
    """A running server. Figures are of all of its processes together, Redis included."""

    port: int
    dialect: str
    intake: Intake
    pids: list[int]

    def address(self) -> dict[str, Any]:
        """The arguments of the audience's `open`."""
        return {"port": self.port, "dialect": self.dialect}

    def line(self) -> dict[str, Any]:
        """The arguments of the audience's `call`."""
        intake = self.intake
        return {"port": intake.port, "path": intake.path, "template": intake.template}

    def cpu_s(self) -> float:
        return usage.cpu_s(usage.family(self.pids))

    def rss_kib(self) -> int:
        return usage.rss_kib(usage.family(self.pids))


Commands = Callable[[Ports, Path], Sequence[Sequence[str]]]
"""The command lines of a server, the one viewers connect to last. The folder is for its files."""


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in held:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in held]


def _await_listener(port: int, processes: list[subprocess.Popen[bytes]], log: Path) -> None:
    until_s = time.monotonic() + START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        ended = [each.args for each in processes if each.poll() is not None]
        if ended or time.monotonic() > until_s:
            raise RuntimeError(f"{ended or 'a server'} did not start:\n{log.read_text()[-2000:]}")
        time.sleep(0.05)


@contextlib.contextmanager
def serving(
    commands: Commands,
    *,
    dialect: str,
    intake: Callable[[Ports], Intake],
    core: int,
    environ: dict[str, str],
) -> Iterator[Served]:
    """Runs a server's processes on a core until the block ends."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="peer-")))
        # nginx leaves its administrator's rights behind and still has to write here.
        folder.chmod(0o777)
        log = folder / "log"
        said = stack.enter_context(log.open("wb"))
        ports = Ports(*_free_ports(3))
        processes: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, processes)
        with on_core(core):
            for command in commands(ports, folder):
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=said,
                    env=environ,
                    cwd=folder,
                )
                processes.append(process)
        taken = intake(ports)
        _await_listener(ports.viewers, processes, log)
        _await_listener(taken.port, processes, log)
        yield Served(ports.viewers, dialect, taken, [each.pid for each in processes])


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
