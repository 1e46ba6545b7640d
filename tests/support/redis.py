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
        self.options = options
        """Of the next start, after our own: `--appendonly`, `yes` for two."""
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
                    *("--dir", str(self.folder), *self.options),
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
def running_cluster(count: int = 2, *, spares: int = 0) -> Iterator[list[RedisServer]]:
    """A Redis Cluster of primaries that share the slots.

    Args:
        spares: servers at the end of the list that belong to the cluster and have no slots yet.
    """
    executable = shutil.which("redis-server")
    if executable is None:
        raise RuntimeError("redis-server is missing: run `make system`")
    with tempfile.TemporaryDirectory(prefix="livecommerce-cluster-") as base, ExitStack() as stack:
        servers, buses = [], []
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
        for number in range(count + spares):
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
            if number < count:
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            client.execute_command("CLUSTER", "MEET", LOOPBACK, servers[0].port, buses[0])
        deadline = time.monotonic() + 15
        while not all(_knows_all(client, count, count + spares) for client in clients):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster did not come together")
            time.sleep(0.05)
        yield servers


def move_slot(slot: int, source: RedisServer, target: RedisServer) -> None:
    """Gives a slot of a cluster, with its keys, to another primary."""
    with Redis.from_url(source.url()) as old, Redis.from_url(target.url()) as new:
        old_id, new_id = id_of(old), id_of(new)
        new.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", old_id)
        old.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", new_id)
        keys = old.execute_command("CLUSTER", "GETKEYSINSLOT", slot, 100)
        if keys:
            old.execute_command("MIGRATE", LOOPBACK, target.port, "", 0, 5000, "KEYS", *keys)
        for client in (new, old):
            client.execute_command("CLUSTER", "SETSLOT", slot, "NODE", new_id)


def id_of(client: Redis) -> str:
    """The name of a server in its cluster."""
    return str(client.execute_command("CLUSTER", "MYID"), "ascii")


def _knows_all(client: Redis, primaries: int, servers: int) -> bool:
    about = client.execute_command("CLUSTER", "INFO")
    text = about.decode() if isinstance(about, bytes) else str(about)
    facts = (
        about
        if isinstance(about, dict)
        else dict(line.split(":") for line in text.split() if ":" in line)
    )
    counts = int(facts["cluster_size"]), int(facts["cluster_known_nodes"])
    return facts["cluster_state"] == "ok" and counts == (primaries, servers)


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
