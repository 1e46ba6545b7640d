"""`make cluster`: the demo on two nodes, a worker, PostgreSQL and Redis, all on this machine.

The servers are those the tests start, so nothing has to be installed or set up; what they keep is
gone afterwards. The drawn pictures and the video are those of `make demo`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from livecommerce import config
from livecommerce.app.core import open_core
from livecommerce.app.ending import asked_to_end
from livecommerce.app.operations import migrate
from livecommerce.app.services import Services
from livecommerce.demo.doors import ROOM, doors
from livecommerce.demo.playing import playing
from livecommerce.demo.seed import Seeded, seed
from livecommerce.demo.stage import Draw, Interrupted, bars, draw_showcase
from livecommerce.gateway import log
from livecommerce.kernel.clock import SystemClock
from tests.support import processes
from tests.support.ports import LOOPBACK
from tests.support.postgres import running_postgres
from tests.support.redis import running_redis
from tests.support.server import nodes_of

NODES = 2
START_S = 90.0
END_S = 30.0


class Ended(Exception):
    """One of the processes ended by itself; it has said why."""


async def open_cluster(
    *,
    crowd: int,
    port: int,
    folder: Path,
    console: Console,
    scripted: bool = True,
    draw: Draw | None = None,
) -> None:
    """Opens the room on two nodes and plays until interrupted.

    Args:
        port: of both nodes; each has one of its own above it, and the worker the next one.
        folder: of `make demo`, whose pictures and video are used.

    Raises:
        Ended: a process ended before it was asked to.
    """
    asked = asked_to_end()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.suppress(Interrupted))
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-")))
        bar = stack.enter_context(bars(console, asked))
        await (draw or draw_showcase)(folder / "drawn", _made(folder / "media"), bar)
        shutil.copytree(folder / "media", data / "media")
        postgres = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis())
        own = {
            "LIVECOMMERCE_HOST": LOOPBACK,
            "LIVECOMMERCE_PORT": str(port),
            "LIVECOMMERCE_PUBLIC_URL": f"http://{LOOPBACK}:{port}",
            "LIVECOMMERCE_DATA_DIR": str(data),
            "LIVECOMMERCE_DATABASE_URL": postgres.create_database(),
            "LIVECOMMERCE_REDIS_URL": redis.url(),
            "LIVECOMMERCE_DRAIN_S": "1",
            "LIVECOMMERCE_CONNECTIONS_MAX": "2000",
            "LIVECOMMERCE_LOG_LEVEL": "warning",
        }
        settings = config.load(own)
        await migrate(settings)
        async with open_core(settings, SystemClock()) as services:
            began_ms = services.clock.now_ms()
            seeded = await seed(
                services,
                pictures=folder / "drawn",
                playback_url=f"/media/showcase.mp4#loop={began_ms}",
                progress=bar("filling the shop"),
            )
            workers = ("serve", "--workers", str(NODES), "--no-work")
            front = stack.enter_context(_process(workers, own, own_port=port + 1))
            worker = stack.enter_context(_process(("work",), own, own_port=port + 1 + NODES))
            ports = [port + 1 + each for each in range(NODES + 1)]
            await _until_ready(ports, (front, worker), asked)
            # The host is where the load balancer leads to: not on a node that may be killed.
            live = [f"ws://{LOOPBACK}:{each}/v1/live" for each in (port, *ports[:NODES])]
            show = playing(
                services, seeded, live, began_ms=began_ms, crowd=crowd, scripted=scripted
            )
            async with show:
                bar.stop()
                nodes = nodes_of(front.pid)
                said = await _welcome(services, seeded, port, nodes, worker.pid)
                console.print(said, soft_wrap=True, highlight=False)
                await _until_asked(asked, (front, worker))
                console.print("closing the room …")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _process(
    arguments: Sequence[str], own: Mapping[str, str], *, own_port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Our command line with these settings, its log on our terminal; ended on the way out."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(config.PREFIX)}
    process = processes.start(
        [sys.executable, "-P", "-m", "livecommerce", *arguments],
        output=sys.stderr.fileno(),
        env={**inherited, **own, "LIVECOMMERCE_OWN_PORT": str(own_port)},
    )
    try:
        yield process
    finally:
        processes.stop(process, timeout_s=END_S)


async def _until_ready(
    ports: Sequence[int], all_of: Sequence[subprocess.Popen[bytes]], asked: asyncio.Event
) -> None:
    async with asyncio.timeout(START_S):
        for port in ports:
            while not await asyncio.to_thread(_is_ready, port):
                _check(all_of)
                if asked.is_set():
                    raise Interrupted
                await asyncio.sleep(0.1)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


async def _until_asked(asked: asyncio.Event, all_of: Sequence[subprocess.Popen[bytes]]) -> None:
    while not asked.is_set():
        _check(all_of)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asked.wait(), 1.0)


def _check(all_of: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in all_of:
        if (code := process.poll()) is not None:
            raise Ended(f"{' '.join(map(str, process.args[4:]))}: exit code {code}")  # type: ignore[index]


async def _welcome(
    services: Services, seeded: Seeded, port: int, nodes: Mapping[int, int], worker: int
) -> str:
    here = f"http://localhost:{port}"
    lines = ["", "[bold]The living room is open on two nodes.[/] Ctrl-C closes it.", ""]
    for name, link in (await doors(services.people, seeded, here=here, there=here))[:-1]:
        lines.append(f"  [bold]{name:<11}[/] {link}")
    lines.append("")
    for number, pid in sorted(nodes.items()):
        lines.append(
            f"  [bold]{f'node {number}':<11}[/] http://localhost:{port + number}{ROOM}"
            f"   process {pid}"
        )
    health = f"http://localhost:{port + 1 + len(nodes)}/readyz"
    lines.append(f"  [bold]{'worker':<11}[/] {health}   process {worker}")
    lines += [
        "",
        "  Say something on one node and see it on the other. End a node with kill -9: who watches",
        "  by the first links goes on at the other node; a page of the node itself waits for the",
        "  process that takes its place.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Reads the options and opens the room."""
    parser = argparse.ArgumentParser(prog="make cluster ARGS=…", description=__doc__)
    parser.add_argument("--crowd", type=int, default=40, help="simulated viewers")
    parser.add_argument("--port", type=int, default=8080, help="of both nodes; three more follow")
    parser.add_argument("--no-script", action="store_true", help="the stage is yours")
    wanted = parser.parse_args()
    log.configure("warning", "auto")
    try:
        asyncio.run(
            open_cluster(
                crowd=wanted.crowd,
                port=wanted.port,
                folder=Path("data/demo"),
                console=Console(),
                scripted=not wanted.no_script,
            )
        )
    except Ended as ended:
        sys.exit(str(ended))


if __name__ == "__main__":
    main()
