"""The processes that compose.yaml starts, all at once on an empty database, as compose does it."""

import os
import shlex
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import processes
from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK, free_port
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "examples" / "compose.yaml"
START_S = 60.0


def service(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["services"][name]
    return found


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_nodes_and_worker_start_together_on_an_empty_database(
    postgres_server: PostgresServer, redis_server: RedisServer, tmp_path: Path
):
    names = ("worker", "nodes")
    ports = {name: free_port() for name in names}
    started: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "log"
    with shared_settings(postgres_server, redis_server, tmp_path) as ours, log.open("wb") as out:
        try:
            for name in names:
                said = service(name)["environment"]
                # Each of them is answered by a setting of ours, or it would be one too many here.
                addresses = {
                    "LIVECOMMERCE_PUBLIC_URL": f"http://{LOOPBACK}:{ports['nodes']}",
                    # What is there when nobody names a proxy.
                    "LIVECOMMERCE_TRUSTED_PROXIES": "",
                }
                own = "LIVECOMMERCE_OWN_PORT" if name == "worker" else "LIVECOMMERCE_PORT"
                env = {**ours, **addresses, own: str(ports[name])}
                assert said.keys() <= env.keys()
                started.append(
                    processes.start(
                        [
                            *(sys.executable, "-P", "-m", "livecommerce"),
                            *shlex.split(service(name)["command"]),
                        ],
                        output=out,
                        env={"PATH": os.environ["PATH"], **env},
                        cwd=tmp_path,
                    )
                )
            deadline = time.monotonic() + START_S
            while not all(is_ready(port) for port in ports.values()):
                for process in started:
                    assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.1)
            asked = service("worker")["healthcheck"]["test"].replace("9100", str(ports["worker"]))
            program, *arguments = shlex.split(asked)
            assert program == "python"
            subprocess.run([sys.executable, *arguments], check=True, timeout=20)
        finally:
            codes = [processes.stop(process, timeout_s=20) for process in started]
    assert codes == [0, 0], log.read_text()
    assert '"level": "error"' not in log.read_text()
