"""`livecommerce demo`: everything a first look needs, in one process and one command."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import segno
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from livecommerce.app.ending import asked_to_end
from livecommerce.app.house import House, open_house
from livecommerce.config import Settings
from livecommerce.demo.doors import doors
from livecommerce.demo.playing import playing
from livecommerce.demo.seed import Seeded, seed


async def open_stage(
    *,
    crowd: int,
    port: int,
    lan: bool,
    folder: Path,
    fresh: bool,
    console: Console,
    scripted: bool = True,
    draw: Draw | None = None,
) -> None:
    """Prepares what is missing, opens the room, and plays until interrupted.

    Args:
        folder: where the demo keeps what it makes: data, pictures, video.
        scripted: our host runs the show; else the stage is left to whoever signs in as host.
        fresh: throw away what an earlier demo left there.
        draw: fills the folders of pictures and media; ours, with the showcase video, unless given.
    """
    asked = asked_to_end()
    media = await asyncio.to_thread(_prepare, folder, fresh=fresh)
    address = lan_address() if lan else "127.0.0.1"
    settings = Settings(
        host="0.0.0.0" if lan else "127.0.0.1",  # noqa: S104 - so that phones can come in
        port=port,
        public_url=f"http://{address}:{port}",
        data_dir=folder,
        log_level="warning",
    )
    with contextlib.suppress(Interrupted), bars(console, asked) as bar:
        await (draw or draw_showcase)(folder / "drawn", media, bar)
        async with open_house(settings) as house:
            began_ms = house.services.clock.now_ms()
            seeded = await seed(
                house.services,
                pictures=folder / "drawn",
                playback_url=f"/media/showcase.mp4#loop={began_ms}",
                progress=bar("filling the shop"),
            )
            live = [f"ws://127.0.0.1:{house.door.port}/v1/live"]
            show = playing(
                house.services, seeded, live, began_ms=began_ms, crowd=crowd, scripted=scripted
            )
            async with show:
                bar.stop()
                console.print(await _welcome(house, seeded, address, port), soft_wrap=True)
                await house.until(asked)
                console.print("closing the room …")
            await house.door.drain(1.0)
            if house.failed.is_set():
                raise SystemExit(1)


def _prepare(folder: Path, *, fresh: bool) -> Path:
    if fresh and folder.exists():
        shutil.rmtree(folder)
    media = folder / "media"
    media.mkdir(parents=True, exist_ok=True)
    return media


Bars = Callable[[str], Callable[[float], None]]
"""Names a long step; returns what is told the share of it that is done."""
Draw = Callable[[Path, Path, Bars], Awaitable[None]]


class Interrupted(Exception):
    """The demo was asked to end in the middle of a long step."""


class _Bars:
    """A progress bar for each long step, made when the step begins.

    Long steps run in threads, which nobody can stop from outside; but all of them tell how far they
    are, and that is where they hear that they shall end.
    """

    def __init__(self, progress: Progress, asked: asyncio.Event) -> None:
        self._progress = progress
        self._asked = asked

    def __call__(self, text: str) -> Callable[[float], None]:
        task = self._progress.add_task(text, total=1.0)

        def advance(share: float) -> None:
            if self._asked.is_set():
                raise Interrupted
            self._progress.update(task, completed=share)

        return advance

    def stop(self) -> None:
        self._progress.stop()


@contextlib.contextmanager
def bars(console: Console, asked: asyncio.Event) -> Iterator[_Bars]:
    """Shows how far long steps are; when `asked` is set, the one under way raises Interrupted."""
    columns = (TextColumn("  {task.description:<28}"), BarColumn(32), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress, asked)


async def draw_showcase(drawn: Path, media: Path, bar: Bars) -> None:
    """Draws the pictures and renders the video, in another thread and only when they changed."""
    from livecommerce.demo.pictures import draw_all
    from livecommerce.demo.video import render_showcase

    await asyncio.to_thread(draw_all, drawn, bar("drawing the pictures"))
    poster = drawn / "poster.webp"
    if poster.exists():
        shutil.copyfile(poster, media / "poster.webp")
    video = media / "showcase.mp4"
    await asyncio.to_thread(render_showcase, video, drawn, bar("rendering the showcase video"))


async def _welcome(house: House, seeded: Seeded, address: str, port: int) -> str:
    """The sign-in links, a line each so that a terminal can open them, and a code for phones."""
    here, there = f"http://localhost:{port}", f"http://{address}:{port}"
    lines = ["", "[bold]The living room is open.[/] Ctrl-C closes it.", ""]
    link = ""
    for name, link in await doors(house.services.people, seeded, here=here, there=there):
        lines.append(f"  [bold]{name:<11}[/] {link}")
    code = io.StringIO()
    segno.make(link, error="l").terminal(out=code, compact=True)
    lines += ["", "  A phone in the same network comes in by the last link:", "", code.getvalue()]
    return "\n".join(lines)


def lan_address() -> str:
    """Returns this machine's address in its network; the loopback one when it has none.

    Connecting a datagram socket sends nothing: it only asks the system which address it would use.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
