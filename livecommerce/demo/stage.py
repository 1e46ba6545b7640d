"""`livecommerce demo`: everything a first look needs, in one process and one command."""

from __future__ import annotations

import asyncio
import contextlib
import io
import shutil
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import segno
import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from livecommerce.app.ending import asked_to_end
from livecommerce.app.house import House, open_house
from livecommerce.client import Closed, RoomClient
from livecommerce.config import Settings
from livecommerce.demo import script
from livecommerce.demo.crowd import Crowd
from livecommerce.demo.host import ScriptedHost
from livecommerce.demo.seed import ROOM_SLUG, Seeded, seed
from livecommerce.kernel.errors import Refused
from livecommerce.people.accounts import Actor

log = structlog.get_logger()

_LINK_VALID_S = 86_400
_HOST_AWAY_S = 2.0


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
    with contextlib.suppress(_Interrupted), _bars(console, asked) as bar:
        await (draw or draw_showcase)(folder / "drawn", media, bar)
        async with open_house(settings) as house:
            began_ms = house.services.clock.now_ms()
            seeded = await seed(
                house.services,
                pictures=folder / "drawn",
                playback_url=f"/media/showcase.mp4#loop={began_ms}",
                progress=bar("filling the shop"),
            )
            async with _playing(house, seeded, began_ms, crowd, scripted=scripted):
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


class _Interrupted(Exception):
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
                raise _Interrupted
            self._progress.update(task, completed=share)

        return advance

    def stop(self) -> None:
        self._progress.stop()


@contextlib.contextmanager
def _bars(console: Console, asked: asyncio.Event) -> Iterator[_Bars]:
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


@contextlib.asynccontextmanager
async def _playing(
    house: House, seeded: Seeded, began_ms: int, crowd: int, *, scripted: bool
) -> AsyncIterator[None]:
    """Host and audience, while the room is open."""
    url = f"ws://127.0.0.1:{house.door.port}/v1/live"

    async def perform() -> None:
        while True:
            try:
                token = await _token(house, seeded.host)
                client = RoomClient(url, room=seeded.room.id, token=token)
                # The token lives ten minutes; between two rounds nobody notices a new one.
                async with asyncio.timeout(script.LOOP_S * 3), client:
                    show = ScriptedHost(client, seeded, house.services.clock, began_ms)
                    await show.run()
            except TimeoutError:
                pass
            except (Closed, Refused) as problem:
                log.warning("the host comes back", after=str(problem))
                await asyncio.sleep(_HOST_AWAY_S)

    parts = {"crowd": Crowd(house.services, seeded, url, crowd).run()}
    if scripted:
        parts["host"] = perform()
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    for task in tasks:
        task.add_done_callback(_complain)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("part of the demo ended", part=task.get_name(), exc_info=task.exception())


async def _token(house: House, actor: Actor) -> str:
    link = await house.services.people.make_link(actor.person_id)
    return (await house.services.people.link(link, ip="127.0.0.1")).tokens.access_token


async def _welcome(house: House, seeded: Seeded, address: str, port: int) -> str:
    """The sign-in links, a line each so that a terminal can open them, and a code for phones."""
    people = house.services.people
    here, there = f"http://localhost:{port}", f"http://{address}:{port}"
    room, studio = f"/r/{ROOM_SLUG}", f"/studio/{ROOM_SLUG}"
    doors: tuple[tuple[str, Actor | None, str, str], ...] = (
        ("just watch", None, here, room),
        ("viewer", seeded.viewer, here, room),
        ("host", seeded.host, here, studio),
        ("moderator", seeded.moderator, here, studio),
        ("phone", seeded.phone, there, room),
    )
    lines = ["", "[bold]The living room is open.[/] Ctrl-C closes it.", ""]
    link = ""
    for name, actor, base, path in doors:
        link = base + path
        if actor is not None:
            token = await people.make_link(actor.person_id, valid_s=_LINK_VALID_S, uses=50)
            link = f"{base}/account#link={token}&next={path}"
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
