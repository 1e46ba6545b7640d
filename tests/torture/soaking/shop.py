"""The shop that is soaked: as processes, over the databases they would have."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from livecommerce import config
from livecommerce.app.operations import verify
from livecommerce.config import Settings
from tests.support.cluster import shared_settings
from tests.support.ports import LOOPBACK, free_ports
from tests.support.postgres import running_postgres
from tests.support.redis import running_redis
from tests.support.server import ServerProcess, running_server
from tests.support.shop import PLATFORM_SETTINGS

On = Literal["cluster", "sqlite"]
NODES = 2
_OWN_PORT = "LIVECOMMERCE_OWN_PORT"
_ALL = {
    # A few dozen people play everybody, from one address.
    "LIVECOMMERCE_UNPAID_ORDERS_MAX": "1000000",
    "LIVECOMMERCE_CONNECTIONS_PER_IP": "20000",
    "LIVECOMMERCE_LOG_FORMAT": "json",
    "LIVECOMMERCE_LOG_LEVEL": "warning",
}


@dataclass(frozen=True, slots=True)
class Soaked:
    """Running processes of one shop."""

    port: int
    """Where viewers come in; in a cluster any of the nodes answers."""
    ports: Mapping[str, int]
    """Each process by name, and where it tells its own figures."""
    servers: tuple[ServerProcess, ...]
    settings: Settings

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    def faults(self) -> list[str]:
        """Lines of the logs that tell of a bug or of trouble."""
        return [
            line[:600]
            for server in self.servers
            for line in server.log.read_text(errors="replace").splitlines()
            if '"level": "error"' in line or line.startswith("Traceback ")
        ]

    async def breaches(self) -> list[str]:
        """What `livecommerce verify` finds."""
        return [str(breach) for breach in await verify(self.settings)]


@contextlib.contextmanager
def running_soaked(on: On) -> Iterator[Soaked]:
    """Starts the processes over empty databases."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-soak-")))
        if on == "sqlite":
            env = {**PLATFORM_SETTINGS, **_ALL, "LIVECOMMERCE_DATA_DIR": str(folder)}
            server = stack.enter_context(running_server(env))
            yield Soaked(server.port, {"server": server.port}, (server,), config.load(env))
            return
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        env = _ALL | stack.enter_context(shared_settings(postgres, redis, folder))
        first = free_ports(NODES)
        front = stack.enter_context(
            running_server(
                {**env, _OWN_PORT: str(first)}, ("serve", "--workers", str(NODES), "--no-work")
            )
        )
        worker = stack.enter_context(running_server(env, ("work",), port_setting=_OWN_PORT))
        ports = {f"node {number + 1}": first + number for number in range(NODES)}
        ports["worker"] = worker.port
        yield Soaked(front.port, ports, (front, worker), config.load(env))
