"""Where a torture takes place: one or two server processes over one database."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from livecommerce.config import Settings
from tests.support.ports import free_ports, wait_until_accepting
from tests.support.postgres import running_postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.server import START_S, ServerProcess, running_server
from tests.support.shop import AUDIENCE, ISSUER, PLATFORM_SECRET, PLATFORM_SETTINGS

Kind = Literal["sqlite", "postgresql", "postgresql x2"]
KINDS: tuple[Kind, ...] = ("sqlite", "postgresql", "postgresql x2")

SECRET = "the secret of a shop that is tortured, never used elsewhere"


@dataclass(frozen=True, slots=True)
class Stage:
    """Running servers over one database."""

    kind: Kind
    servers: tuple[ServerProcess, ...]
    settings: Settings
    """What the servers were started with, for reading the database beside them."""

    @property
    def ports(self) -> list[int]:
        return [server.port for server in self.servers]

    @property
    def book(self) -> Path:
        """The sandbox's own database: what the payment provider knows."""
        return self.settings.data_dir / "sandbox.db"

    def faults(self) -> list[str]:
        """Lines of the servers' logs that tell of a bug: unhandled errors and tracebacks."""
        return [
            line[:600]
            for server in self.servers
            for line in server.log.read_text(errors="replace").splitlines()
            if '"level": "error"' in line
            or '"level":"error"' in line
            or line.startswith("Traceback ")
        ]


@dataclass(frozen=True, slots=True)
class Cluster(Stage):
    """Nodes under one supervisor, over one PostgreSQL and one Redis."""

    redis: RedisServer
    node_ports: tuple[int, ...]
    """Where each node answers alone; `ports` is what a load balancer would know."""

    @property
    def supervisor(self) -> ServerProcess:
        return self.servers[0]

    def faults(self) -> list[str]:
        """As of a `Stage`, without what nodes say of a Redis that is away, and of a dead node."""
        return [line for line in super(Cluster, self).faults() if not _is_told_of_losses(line)]


@contextlib.contextmanager
def running_stage(kind: Kind, *, sockets: int) -> Iterator[Stage]:
    """Starts the servers over a fresh database, ready for so many sockets."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        url = ""
        if kind != "sqlite":
            url = stack.enter_context(running_postgres()).create_database()
        settings = settings_for(folder, url, sockets)
        servers = [
            stack.enter_context(running_server(environ_of(settings)))
            for _ in range(2 if kind.endswith("x2") else 1)
        ]
        yield Stage(kind, tuple(servers), settings)


@contextlib.contextmanager
def running_cluster(nodes: int, *, sockets: int) -> Iterator[Cluster]:
    """Starts nodes under a supervisor, ready for so many sockets on any one of them."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        settings = settings_for(
            folder, stack.enter_context(running_postgres()).create_database(), sockets
        )
        redis = stack.enter_context(running_redis())
        first = free_ports(nodes)
        environ = {
            **environ_of(settings),
            "LIVECOMMERCE_REDIS_URL": redis.url(),
            "LIVECOMMERCE_OWN_PORT": str(first),
            "LIVECOMMERCE_DRAIN_S": "1",
        }
        supervisor = stack.enter_context(
            running_server(environ, ["serve", "--workers", str(nodes)])
        )
        ports = tuple(range(first, first + nodes))
        for port in ports:
            wait_until_accepting(port, timeout_s=START_S)
        yield Cluster("postgresql", (supervisor,), settings, redis, ports)


def settings_for(folder: Path, url: str, sockets: int) -> Settings:
    """Of servers over one database, for so many sockets."""
    return Settings(
        data_dir=folder,
        database_url=url,
        secret=SECRET,
        connections_max=sockets + 1000,
        connections_per_ip=sockets + 1000,
        admissions_per_s=2000,
        # Whoever talks for a whole room, and never stops to think.
        messages_per_s=500,
        messages_burst=1000,
        log_format="json",
        platform_issuer=ISSUER,
        platform_audience=AUDIENCE,
        platform_secret=PLATFORM_SECRET,
    )


def environ_of(settings: Settings) -> dict[str, str]:
    """What a server is started with to have them."""
    return {
        **PLATFORM_SETTINGS,
        "LIVECOMMERCE_DATA_DIR": str(settings.data_dir),
        "LIVECOMMERCE_DATABASE_URL": settings.database_url,
        "LIVECOMMERCE_SECRET": SECRET,
        "LIVECOMMERCE_CONNECTIONS_MAX": str(settings.connections_max),
        "LIVECOMMERCE_CONNECTIONS_PER_IP": str(settings.connections_per_ip),
        "LIVECOMMERCE_ADMISSIONS_PER_S": str(settings.admissions_per_s),
        "LIVECOMMERCE_MESSAGES_PER_S": str(settings.messages_per_s),
        "LIVECOMMERCE_MESSAGES_BURST": str(settings.messages_burst),
        # A few dozen buyers play a whole crowd.
        "LIVECOMMERCE_UNPAID_ORDERS_MAX": "1000000",
        "LIVECOMMERCE_LOG_FORMAT": "json",
    }


def _is_told_of_losses(line: str) -> bool:
    return any(f'"event": "{said}"' in line for said in TOLD_OF_LOSSES)


TOLD_OF_LOSSES = (
    "node died",
    "not published",
    "not hearing Redis",
    "subscribing failed",
    "a deaf link is dropped",
    "Redis is away",
    "this node does not hear the backplane",
    "telling failed, the relay repeats it",
)
