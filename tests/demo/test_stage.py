"""`livecommerce demo` as a process: it opens, opens again soon, and ends when it is told."""

import re
import signal
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from livecommerce.demo.stage import lan_address
from tests.demo.opened import OPEN, OPEN_ON_NODES, demo
from tests.support.ports import accepts, free_ports

pytestmark = pytest.mark.slow

SECOND_START_S = 10.0


def test_it_opens_and_opens_again_and_ends(tmp_path: Path, pictures: Path):
    folder = tmp_path / "demo"
    with demo(folder, pictures) as first:
        first.wait_for(OPEN, within_s=40)
        with urllib.request.urlopen(f"http://127.0.0.1:{first.port}/v1/rooms/majlis") as answer:
            assert answer.status == 200
        links = re.findall(r"http://\S+", first.said())
        assert len(links) == 5
        assert sum("/account#link=" in link for link in links) == 4
        time.sleep(1.0)  # the crowd comes in
        code, seconds = first.end(signal.SIGTERM)
        assert code == 0, first.said()
        assert seconds < 10
        assert "Traceback" not in first.said()

    started_s = time.monotonic()
    with demo(folder, pictures, crowd=0) as second:
        second.wait_for(OPEN, within_s=40)
        assert time.monotonic() - started_s < SECOND_START_S
        code, seconds = second.end(signal.SIGINT)
        assert code == 0, second.said()
        assert seconds < 10


@pytest.mark.postgres
@pytest.mark.redis
def test_on_a_cluster_it_plays_on_all_nodes_and_ends_all_of_them(tmp_path: Path, pictures: Path):
    first = free_ports(4)
    with demo(tmp_path / "demo", pictures, "--cluster", port=first) as cluster:
        cluster.wait_for(OPEN_ON_NODES, within_s=60)
        family = psutil.Process(cluster.process.pid).children(recursive=True)
        assert {"postgres", "redis-server"} <= {one.name() for one in family}
        for port in range(first, first + 3):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/rooms/majlis") as answer:
                assert answer.status == 200
        deadline = time.monotonic() + 10
        while not all(connections(first + node) for node in (1, 2)):  # the crowd comes in
            assert time.monotonic() < deadline, "a node without viewers"
            time.sleep(0.1)
        code, seconds = cluster.end(signal.SIGINT)
        assert code == 0, cluster.said()
        assert seconds < 15
        assert "Traceback" not in cluster.said()
        assert not [one for one in family if one.is_running()]


def connections(port: int) -> int:
    """How many viewers a node says it has."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        found = re.search(rb"^livecommerce_hub_connections ([\d.]+)$", answer.read(), re.MULTILINE)
    assert found is not None
    return int(float(found[1]))


def test_it_ends_in_the_middle_of_a_long_step(tmp_path: Path, pictures: Path):
    with demo(tmp_path / "demo", pictures, "--slow") as slow:
        deadline = time.monotonic() + 20
        while not (tmp_path / "demo" / "media" / "showcase.mp4").exists():
            assert time.monotonic() < deadline, slow.said()
            time.sleep(0.05)
        code, seconds = slow.end(signal.SIGTERM)
        assert code == 0, slow.said()
        assert seconds < 5
        assert not accepts(slow.port)


def test_the_address_for_phones_is_an_address():
    assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", lan_address())
