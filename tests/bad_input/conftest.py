"""One server and one scene for all cases of the session."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bad_input.scene import Scene, set_scene
from tests.support.server import running_server
from tests.support.shop import PLATFORM_SETTINGS

SECRET = "the secret of a shop that is fed bad input"


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder: Path = tmp_path_factory.mktemp("bad-input")
    environ = {
        **PLATFORM_SETTINGS,
        "LIVECOMMERCE_DATA_DIR": str(folder),
        "LIVECOMMERCE_SECRET": SECRET,
        "LIVECOMMERCE_LOG_FORMAT": "json",
        "LIVECOMMERCE_SIGN_INS_PER_MINUTE_PER_IP": "20",
    }
    with running_server(environ) as server:
        yield asyncio.run(set_scene(server, folder))
