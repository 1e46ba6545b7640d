"""A real redis-server for tests, benchmarks and torture, on a port of its own."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

from tests.support import processes
from tests.support.ports import LOOPBACK, lasting_port, wait_until_accepting

SLOTS = 16_384


class RedisServer:
    """One redis-server on loopback, without persistence. Made by `running_redis`."""

    def __init__(self, folder: Path, executable: str, *options: str) -> None:
        self.folder = folder
        self._options = options
        self.port = lasting_port()
        self.log = folder / "redis.log"
        self._executable = executable
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        """URL for redis-py; databases 0 to 63 are separate."""
        return f"redis://{LOOPBACK}:{self.port}/{database}"

    def start(self) -> None:
        """Start on the same port as before and wait until it takes connections.

        It is empty, or has what `save` wrote.
        """
        with self.log.open("ab") as log:
            self._process = processes.start(
                [
                    *(self._executable, "--bind", LOOPBACK, "--port", str(self.port)),
                    *("--save", "", "--appendonly", "no", "--databases", "64"),
                    *("--dir", str(self.folder), *self._options),
                ],
                output=log,
            )
        try:
            wait_until_accepting(self.port)
        except TimeoutError:
            self.kill()
            raise RuntimeError(f"redis did not start:\n{self.log.read_text()[-2000:]}") from None

    def stop(self) -> None:
        """Shut down; everything is gone that was not saved."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End at once, as a lost machine would."""
        self._end(signal.SIGKILL)

    def save(self) -> None:
        """Write what is stored to a file: the next start begins with it."""
        with Redis.from_url(self.url()) as client:
            client.save()

    def forget(self) -> None:
        """Throw what was saved away: the next start is empty again."""
        (self.folder / "dump.rdb").unlink(missing_ok=True)

    def pause(self) -> None:
        """Stop answering without closing a connection, until `resume`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again, beginning with what queued up meanwhile."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self, by: int) -> None:
        if self._process is not None:
            self.resume()
            processes.stop(self._process, by=by)
            self._process = None


@contextmanager
def running_cluster(count: int = 2) -> Iterator[list[RedisServer]]:
    """A Redis Cluster of primaries that share the slots."""
    executable = shutil.which("redis-server")
    if executable is None:
        raise RuntimeError("redis-server is missing: run `make system`")
    with tempfile.TemporaryDirectory(prefix="livecommerce-cluster-") as base, ExitStack() as stack:
        servers, buses = [], []
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        for number in range(count):
            folder = Path(base) / str(number)
            folder.mkdir()
            bus = lasting_port()
            server = RedisServer(folder, executable, *options, "--cluster-port", str(bus))
            buses.append(bus)
            stack.callback(server.stop)
            server.start()
            servers.append(server)
        clients = [stack.enter_context(Redis.from_url(each.url())) for each in servers]
        share = SLOTS // count
        for number, client in enumerate(clients):
            last = SLOTS - 1 if number == count - 1 else (number + 1) * share - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "MEET", LOOPBACK, servers[0].port, buses[0])
        deadline = time.monotonic() + 15
        while not all(_knows_all(client, count) for client in clients):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster did not come together")
            time.sleep(0.05)
        yield servers


def _knows_all(client: Redis, count: int) -> bool:
    about = client.execute_command("CLUSTER", "INFO")
    text = about.decode() if isinstance(about, bytes) else str(about)
    facts = (
        about
        if isinstance(about, dict)
        else dict(line.split(":") for line in text.split() if ":" in line)
    )
    return facts["cluster_state"] == "ok" and int(facts["cluster_size"]) == count


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A new redis-server, stopped at the end. `RuntimeError` where none is installed."""
    executable = shutil.which("redis-server")
    if executable is None:
        raise RuntimeError("redis-server is missing: run `make system`")
    with tempfile.TemporaryDirectory(prefix="livecommerce-redis-") as folder:
        server = RedisServer(Path(folder), executable)
        try:
            server.start()
            yield server
        finally:
            server.stop()
