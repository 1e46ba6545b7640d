"""The HTTP interface against what its own description says may be sent: never a 5xx."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import running_server
from tests.support.shop import PLATFORM_SETTINGS, platform_token

pytestmark = pytest.mark.slow

EXAMPLES_PER_OPERATION = 20
SEED = 20_261_120
RUN_S = 75.0


def test_no_request_is_a_server_error(tmp_path: Path):
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None, "schemathesis is missing"
    environ = {
        **PLATFORM_SETTINGS,
        "LIVECOMMERCE_DATA_DIR": str(tmp_path / "data"),
        "LIVECOMMERCE_SECRET": "the secret of a shop that is asked nonsense",
        "LIVECOMMERCE_LOG_FORMAT": "json",
    }
    with running_server(environ) as server:
        done = subprocess.run(
            [
                program,
                *("run", f"{server.url}/v1/openapi.json", "--url", server.url),
                *("--phases", "examples,fuzzing"),
                *("--max-examples", str(EXAMPLES_PER_OPERATION)),
                *("--checks", "not_a_server_error"),
                *("--seed", str(SEED)),
                *("--header", f"Authorization: Bearer {platform_token('schemathesis')}"),
                *("--request-timeout", "20"),
                "--no-color",
            ],
            check=False,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=RUN_S,
        )
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        faults = [line for line in server.log.read_text().splitlines() if '"error"' in line]
        assert faults == [], faults[0][:2000]
