"""The staged demo as a process of its own, and what it says of itself."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support import processes
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
OPEN = "The living room is open."
OPEN_ON_NODES = "The living room is open on two nodes."


class Demo:
    """A demo that is opening or open. Made by `demo`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path, port: int) -> None:
        self.process = process
        self.log = log
        self.port = port

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, text: str, *, within_s: float) -> None:
        deadline = time.monotonic() + within_s
        while text not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def door(self, name: str) -> str:
        """The address somebody comes in by, as it is printed."""
        found = re.search(rf"^ +{name} +(http://\S+)", self.said(), re.MULTILINE)
        assert found is not None, self.said()
        return found[1]

    def nodes(self) -> dict[int, int]:
        """Process ids of the nodes by their numbers, as they are printed."""
        found = re.findall(r"^ +node (\d+) .* process (\d+)$", self.said(), re.MULTILINE)
        return {int(number): int(pid) for number, pid in found}

    def end(self, by: signal.Signals) -> tuple[int, float]:
        """The exit code, and the seconds it took."""
        started_s = time.monotonic()
        code = processes.stop(self.process, by=by, timeout_s=30)
        return code, time.monotonic() - started_s


@contextmanager
def demo(folder: Path, pictures: Path, *more: str, crowd: int = 3, port: int = 0) -> Iterator[Demo]:
    """Opens a demo; its video is empty. See `staged` for what there is `more`."""
    port, log = port or free_port(), folder.with_suffix(".log")
    command = [sys.executable, "-m", "tests.demo.staged"]
    with log.open("wb") as output:
        process = processes.start(
            [*command, str(folder), str(port), str(crowd), str(pictures), *more],
            output=output,
            cwd=ROOT,
        )
    try:
        yield Demo(process, log, port)
    finally:
        processes.stop(process, by=signal.SIGKILL)
