"""The Procfile under honcho, as a developer runs it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import processes
from tests.support.cluster import shared_settings
from tests.support.ports import free_port, wait_until_accepting
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / ".venv" / "bin" / "livecommerce"


def test_honcho_runs_a_node_and_a_worker(
    postgres_server: PostgresServer, redis_server: RedisServer, tmp_path: Path
):
    assert HERE.exists(), "the Procfile starts what `make setup` makes"
    port = free_port()
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LIVECOMMERCE_")}
    with shared_settings(postgres_server, redis_server, tmp_path) as env:
        process = processes.start(
            [sys.executable, "-m", "honcho", "-e", os.devnull, "start", "-p", str(port)],
            output=subprocess.PIPE,
            env=inherited | env | {"PYTHONUNBUFFERED": "1"},
            cwd=ROOT,
        )
        try:
            wait_until_accepting(port, timeout_s=20)
            assert process.stdout is not None
            said = b""
            while not (b"working" in said and b"serving" in said):
                line = process.stdout.readline()
                assert line, said.decode()
                said += line
            process.send_signal(signal.SIGTERM)
            assert process.wait(15) in (0, 143)
        finally:
            processes.stop(process)
            if process.stdout is not None:
                process.stdout.close()
