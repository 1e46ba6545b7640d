"""`serve --workers`: real nodes on one port, killed, replaced and ended."""

import asyncio
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK, free_ports
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.server import ServerProcess, running_server
from tests.support.sockets import LiveSocket

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

WORKERS = ("serve", "--workers", "2")


@pytest.fixture(scope="module")
def settings(
    postgres_server: PostgresServer,
    redis_server: RedisServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("cluster")
    with shared_settings(postgres_server, redis_server, folder) as env:
        yield env | {"LIVECOMMERCE_OWN_PORT": str(free_ports(2))}


@pytest.fixture(scope="module")
def supervised(settings: dict[str, str]) -> Iterator[ServerProcess]:
    """Two nodes; a test that begins has both of them."""
    with running_server(settings | {"LIVECOMMERCE_OWN_HOST": LOOPBACK}, WORKERS) as server:
        yield server


@pytest.fixture
def server(supervised: ServerProcess, settings: dict[str, str]) -> ServerProcess:
    for port in own(settings):
        until_answering(port)
    return supervised


def own(settings: dict[str, str]) -> tuple[int, int]:
    first = int(settings["LIVECOMMERCE_OWN_PORT"])
    return first, first + 1


def answers(port: int) -> bool:
    """Whether a new connection is answered."""
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/healthz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until_answering(port: int, *, within_s: float = 15.0) -> None:
    deadline = time.monotonic() + within_s
    while not answers(port):
        assert time.monotonic() < deadline, f"nobody answers on port {port}"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    """Whether the process lives; one that nobody has waited for does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Visitors:
    """New connections, one after the other in several threads, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self.answered = 0
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._come) for _ in range(4)]

    def __enter__(self) -> "Visitors":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _come(self) -> None:
        while not self._over.is_set():
            try:
                url = f"http://{LOOPBACK}:{self._port}/healthz"
                with urllib.request.urlopen(url, timeout=10) as answer:
                    answer.read()
                self.answered += 1
            except OSError as problem:
                self.failures.append(repr(problem))
            time.sleep(0.005)


def test_two_nodes_answer_on_one_port_and_each_on_its_own(
    server: ServerProcess, settings: dict[str, str]
):
    assert set(server.nodes()) == {1, 2}

    async def named(port: int) -> set[str]:
        """The nodes that answered on a port."""
        found = set()
        for _ in range(20):
            socket = await LiveSocket.connect(port)
            found.add((await socket.hello())["node"])
            socket.abort()
        return found

    async def ask() -> None:
        first, second = [await named(port) for port in own(settings)]
        assert len(first) == len(second) == 1
        assert first != second
        assert await named(server.port) == first | second

    asyncio.run(ask())


def test_metrics_are_told_on_the_own_ports_only(server: ServerProcess, settings: dict[str, str]):
    def status(port: int) -> int:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert [status(port) for port in (*own(settings), server.port)] == [200, 200, 404]


def test_a_node_that_is_killed_is_started_again_and_the_other_goes_on(
    server: ServerProcess, settings: dict[str, str]
):
    before = server.nodes()
    first, second = own(settings)
    with Visitors(second) as visitors:
        os.kill(before[1], signal.SIGKILL)
        while answers(first):
            time.sleep(0.01)
        until_answering(first)
    after = server.nodes()
    assert after[1] != before[1]
    assert after[2] == before[2]
    assert visitors.failures == []
    assert visitors.answered > 10


def test_a_node_that_died_is_sent_nobody(server: ServerProcess):
    """Its socket goes with it; what waited in its queue at that moment is lost, as it is."""
    os.kill(server.nodes()[1], signal.SIGKILL)
    time.sleep(0.2)
    for _ in range(40):
        started_s = time.monotonic()
        assert answers(server.port)
        assert time.monotonic() - started_s < 2


def test_a_rolling_restart_turns_nobody_away(server: ServerProcess):
    before = server.nodes()
    with Visitors(server.port) as visitors:
        server.signal(signal.SIGHUP)
        deadline = time.monotonic() + 60
        while any(map(runs, before.values())):
            assert time.monotonic() < deadline, server.output()
            time.sleep(0.05)
    assert visitors.failures == []
    assert visitors.answered > 50
    assert set(server.nodes()) == {1, 2}


def test_sigterm_drains_all_nodes(settings: dict[str, str]):
    with running_server(settings | {"LIVECOMMERCE_OWN_PORT": "0"}, WORKERS) as server:

        async def leave() -> None:
            sockets = [await LiveSocket.open(server.port) for _ in range(12)]
            started_s = time.monotonic()
            server.signal(signal.SIGTERM)
            assert await asyncio.to_thread(server.wait, 10) == 0, server.output()
            assert time.monotonic() - started_s < 6
            await asyncio.sleep(0.1)
            assert {socket.close_code for socket in sockets} == {4001}

        asyncio.run(leave())
        assert '"event": "node died"' not in server.output()
        assert "Traceback" not in server.output()


def test_nodes_end_when_their_supervisor_is_gone(settings: dict[str, str]):
    with running_server(settings | {"LIVECOMMERCE_OWN_PORT": "0"}, WORKERS) as server:
        pids = list(server.nodes().values())
        os.kill(server.pid, signal.SIGKILL)
        server.wait(5)
        deadline = time.monotonic() + 8
        while any(map(runs, pids)):
            assert time.monotonic() < deadline, "nodes outlive their supervisor"
            time.sleep(0.05)


def test_a_second_signal_does_not_wait_for_the_drain(settings: dict[str, str]):
    env = settings | {"LIVECOMMERCE_OWN_PORT": "0", "LIVECOMMERCE_DRAIN_S": "30"}
    with running_server(env, WORKERS) as server:

        async def stay() -> None:
            socket = await LiveSocket.open(server.port)
            server.signal(signal.SIGINT)
            await asyncio.sleep(0.5)
            assert not socket.is_lost
            server.signal(signal.SIGINT)
            assert await asyncio.to_thread(server.wait, 5) == 1

        asyncio.run(stay())


def test_nodes_that_cannot_start_are_given_up(settings: dict[str, str], tmp_path: Path):
    """What a supervisor cannot know beforehand: the node reads the file of its key."""
    env = settings | {
        "LIVECOMMERCE_OWN_PORT": "0",
        "LIVECOMMERCE_PLATFORM_PUBLIC_KEY": str(tmp_path / "missing.pem"),
    }
    with (
        pytest.raises(RuntimeError, match="giving up on a node"),
        running_server(env, WORKERS),
    ):
        pass
