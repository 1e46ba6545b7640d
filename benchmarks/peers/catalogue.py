"""Which peers there are, with which settings, and how each is brought here and started."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import cache
from benchmarks.peers.cache import SERVERS, Absent
from benchmarks.peers.served import Commands, Intake, Ports, Served, serving

REDIS = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
"""Nothing is written to disk: for the peer, the fastest way to run it."""


def _lines(ports: Ports) -> Intake:
    return Intake(ports.intake)


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that can be measured."""

    title: str
    dialect: str
    settings: str
    """What was chosen for it, for the table of settings."""
    commands: Commands
    versions: Callable[[], dict[str, str]]
    """Brings it here if it is not, and says what it consists of. Raises Absent."""
    intake: Callable[[Ports], Intake] = _lines
    uses_redis: bool = False
    is_billed: bool = True
    """What it sends costs its own CPU time. If not, it is measured, and best in nothing."""

    def install(self) -> dict[str, str]:
        """Brings it here unless it is; returns the versions of its parts.

        Raises:
            Absent: it cannot be had on this machine.
        """
        return self.versions()

    @contextmanager
    def serve(self, core: int = 0) -> Iterator[Served]:
        """Runs it on a core, with all of its processes."""
        environ = dict(os.environ) | {"NODE_ENV": "production", "PYTHONUNBUFFERED": "1"}
        if self.title == "Socket.IO":
            environ["NODE_PATH"] = str(cache.node_modules())
        with serving(
            self.commands, dialect=self.dialect, intake=self.intake, core=core, environ=environ
        ) as served:
            yield served


# How each is started


def _ours(ports: Ports, _folder: Path) -> list[list[str]]:
    module = "benchmarks.peers.our_server"
    return [[sys.executable, "-m", module, str(ports.viewers), str(ports.intake)]]


def _python(program: str, *more: str) -> Commands:
    def commands(ports: Ports, _folder: Path) -> list[list[str]]:
        script = str(SERVERS / program)
        return [[str(cache.python()), script, str(ports.viewers), str(ports.intake), *more]]

    return commands


def _channels(layer: str) -> Commands:
    def commands(ports: Ports, folder: Path) -> list[list[str]]:
        redis = [cache.on_path("redis-server"), "--port", str(ports.other), *REDIS]
        served = _python("django_channels.py", str(ports.other), layer)(ports, folder)
        return [redis, *[list(each) for each in served]]

    return commands


def _socket_io(ports: Ports, _folder: Path) -> list[list[str]]:
    script = str(SERVERS / "socket_io.js")
    return [[cache.on_path("node"), script, str(ports.viewers), str(ports.intake)]]


def _nchan(ports: Ports, folder: Path) -> list[list[str]]:
    root = cache.debian()
    filled = {
        "{folder}": str(folder),
        "{modules}": str(root / "usr/lib/nginx/modules"),
        "{port}": str(ports.viewers),
        "{open_files}": str(resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
    }
    config = _filled(SERVERS / "nginx.conf", filled, folder)
    nginx = str(root / "usr/sbin/nginx")
    return [[nginx, "-e", "stderr", "-p", str(folder), "-c", str(config)]]


def _centrifugo(ports: Ports, folder: Path) -> list[list[str]]:
    filled = {'"{port}"': str(ports.viewers)}
    config = _filled(SERVERS / "centrifugo.json", filled, folder)
    return [[cache.on_path("centrifugo"), "--config", str(config)]]


def _filled(template: Path, values: dict[str, str], folder: Path) -> Path:
    text = template.read_text()
    for name, value in values.items():
        text = text.replace(name, value)
    written = folder / template.name
    written.write_text(text)
    return written


# What each consists of


def _python_versions(*names: str) -> Callable[[], dict[str, str]]:
    def versions() -> dict[str, str]:
        cache.python()
        return cache.python_versions(*names)

    return versions


def _channels_versions() -> dict[str, str]:
    redis = subprocess.run(
        [cache.on_path("redis-server"), "--version"], check=True, capture_output=True, text=True
    ).stdout
    found = _python_versions("channels", "channels_redis", "Django", "uvicorn", "websockets")()
    return found | {"redis-server": redis.split("v=")[1].split()[0]}


def _socket_io_versions() -> dict[str, str]:
    cache.on_path("node")
    return cache.node_versions("socket.io", "engine.io", "ws", "bufferutil")


def _nchan_versions() -> dict[str, str]:
    cache.debian()
    return cache.debian_versions()


def _centrifugo_versions() -> dict[str, str]:
    program = cache.on_path("centrifugo")
    said = subprocess.run([program, "version"], check=True, capture_output=True, text=True)
    return {"centrifugo": said.stdout.strip()}


def _our_versions() -> dict[str, str]:
    from importlib.metadata import version

    return {name: version(name) for name in ("livecommerce", "uvloop", "websockets", "orjson")}


_NCHAN = (
    "one worker, memory storage, messages not kept, no access log; batches are made before they are"
    " POSTed, at no cost to it"
)

OURS = Peer(
    title="livecommerce",
    dialect="ours",
    settings="as shipped: uvloop, a tick of 20 ms that grows with the room; no Redis (one node)",
    commands=_ours,
    versions=_our_versions,
)

PEERS: dict[str, Peer] = {
    "socket.io": Peer(
        title="Socket.IO",
        dialect="socket.io",
        settings="WebSocket only, no compression (its default), bufferutil, first request not kept;"
        " io.to(room).emit, in-memory adapter",
        commands=_socket_io,
        versions=_socket_io_versions,
    ),
    "python-socketio": Peer(
        title="python-socketio",
        dialect="socket.io",
        settings="aiohttp (here faster than uvicorn) with uvloop, WebSocket only, no compression;"
        " emit to a room",
        commands=_python("python_socketio.py", "aiohttp"),
        versions=_python_versions("python-socketio", "python-engineio", "aiohttp", "uvloop"),
    ),
    "websockets": Peer(
        title="websockets.broadcast",
        dialect="plain",
        settings="uvloop, compression=None, C extension",
        commands=_python("websockets_broadcast.py"),
        versions=_python_versions("websockets", "uvloop"),
    ),
    "channels": Peer(
        title="Django Channels",
        dialect="plain",
        settings="RedisPubSubChannelLayer (the faster of both), uvicorn with uvloop and httptools,"
        " no compression; Redis without persistence, on the same core and counted",
        commands=_channels("channels_redis.pubsub.RedisPubSubChannelLayer"),
        versions=_channels_versions,
        uses_redis=True,
    ),
    "nchan": Peer(
        title="Nchan",
        dialect="kept",
        settings=f"{_NCHAN}; viewers ask for something first, so that TCP_NODELAY is on",
        commands=_nchan,
        versions=_nchan_versions,
        intake=lambda ports: Intake(ports.viewers, "/say"),
    ),
    "nchan-bare": Peer(
        title="Nchan, bare connections",
        dialect="plain",
        settings=f"{_NCHAN}; Nagle's algorithm on: most of it is sent by the kernel when something"
        " is acknowledged, on the audience's core",
        commands=_nchan,
        versions=_nchan_versions,
        intake=lambda ports: Intake(ports.viewers, "/say"),
        is_billed=False,
    ),
    "centrifugo": Peer(
        title="Centrifugo",
        dialect="centrifugo",
        settings="memory engine, JSON protocol, no compression; batches are made before they are"
        " POSTed, at no cost to it",
        commands=_centrifugo,
        versions=_centrifugo_versions,
        intake=lambda ports: Intake(ports.viewers, "/api/publish", '{"channel":"room","data":%s}'),
    ),
}

__all__ = ["OURS", "PEERS", "Absent", "Peer"]
