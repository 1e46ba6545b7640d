"""The product as a process of its own, as a host runs it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from tests.support import processes
from tests.support.ports import LOOPBACK, free_port

START_S = 60.0
PRODUCT = "from livecommerce.cli import main; main()"


class ServerProcess:
    """`livecommerce serve` on a loopback port. Made by `running_server`.

    `port_setting` is the one that says where to ask whether it is ready.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        env: Mapping[str, str],
        port_setting: str = "LIVECOMMERCE_PORT",
        program: str = PRODUCT,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.log = folder / "server.log"
        self._arguments = arguments
        self._program = program
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("LIVECOMMERCE_")}
        self._env = {
            **inherited,
            "LIVECOMMERCE_HOST": LOOPBACK,
            port_setting: str(self.port),
            **env,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of the server."""
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def nodes(self) -> dict[int, int]:
        """Of `serve --workers`: see `nodes_of`."""
        return nodes_of(self.pid)

    def signal(self, number: int) -> None:
        """Send a signal, and wait for nothing."""
        os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Wait until it ends; gives the exit code. `subprocess.TimeoutExpired` when it does not."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Start, and wait until `/readyz` says yes."""
        # by the module, so that it is the same Python that runs the tests
        command = [sys.executable, "-c", self._program]
        with self.log.open("ab") as log:
            self._process = processes.start(
                [*command, *self._arguments], output=log, env=self._env, cwd=self.folder
            )
        deadline = time.monotonic() + START_S
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """What `/readyz` says now; no answer is a no."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=1.0) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def output(self) -> str:
        """The last of what it wrote to its standard streams."""
        return self.log.read_text(errors="replace")[-8000:]

    def stop(self) -> int | None:
        """Ask it to drain and end; gives the exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once, as a lost machine would; `start` brings it back on the same port."""
        self._end(signal.SIGKILL)

    def _end(self, by: int) -> int | None:
        if self._process is None:
            return None
        code = processes.stop(self._process, by=by, timeout_s=20.0)
        self._process = None
        return code


def nodes_of(supervisor: int) -> dict[int, int]:
    """The process ids of a supervisor's nodes by place; while one is replaced, the new one."""
    found = {}
    for child in sorted(psutil.Process(supervisor).children(), key=lambda one: one.create_time()):
        with suppress(psutil.NoSuchProcess):
            line = child.cmdline()
            if "node" in line:
                found[int(line[line.index("node") + 1])] = child.pid
    return found


@contextmanager
def running_server(
    env: Mapping[str, str] | None = None,
    arguments: Sequence[str] = ("serve",),
    *,
    port_setting: str = "LIVECOMMERCE_PORT",
    program: str = PRODUCT,
) -> Iterator[ServerProcess]:
    """A server in a temporary working folder, stopped at the end.

    `env` holds `LIVECOMMERCE_*` settings; those of the calling shell are not passed on. `program`
    is Python that serves in its own way.
    """
    with tempfile.TemporaryDirectory(prefix="livecommerce-server-") as folder:
        server = ServerProcess(Path(folder), arguments, env or {}, port_setting, program)
        try:
            server.start()
            yield server
        finally:
            server.stop()
