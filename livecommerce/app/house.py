"""One process, open: services, background work, pages, API and live socket on one port."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import socket
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import structlog
from aiohttp import web
from sqlalchemy import make_url

from livecommerce.app.core import metrics_of, open_core, require_shared
from livecommerce.app.ending import asked_to_end, first_of
from livecommerce.app.parts import own_work_of, running, upkeep_of, work_of
from livecommerce.app.process import collect_rarely, files_needed, raise_open_files
from livecommerce.app.services import Services
from livecommerce.app.supervisor.place import Place
from livecommerce.app.watchdog import watched_loop
from livecommerce.config import BadSettings, Settings
from livecommerce.database import migrations
from livecommerce.database.engine import telling_why
from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.front_door import FrontDoor, FrontDoorSettings
from livecommerce.gateway.gatekeeper import HouseGatekeeper
from livecommerce.gateway.http import application
from livecommerce.gateway.wire import AnyCommand
from livecommerce.kernel.clock import Clock, SystemClock
from livecommerce.kernel.figures import figures_of
from livecommerce.kernel.limits import Throttle
from livecommerce.protocol.codec import CommandDecoder
from livecommerce.protocol.session import SessionLimits

log = structlog.get_logger()

_ANSWERS_S = 2.0
"""How long answers under way may take when the house closes: an order is written in that time, and
a phone that is downloading a video must not keep the process alive."""


class House:
    """A running process. Made by `open_house`."""

    def __init__(
        self,
        services: Services,
        door: FrontDoor,
        *,
        dispatch: Dispatch,
        application: web.Application,
        failed: asyncio.Event,
    ) -> None:
        self.services = services
        self.door = door
        self.dispatch = dispatch
        self.application = application
        self.failed = failed
        """Set when a background task died; the process should end and be started again."""

    @property
    def url(self) -> str:
        """Where this process answers."""
        settings = self.services.settings
        return settings.public_url or f"http://{settings.host}:{self.door.port}"

    async def until(self, asked: asyncio.Event) -> None:
        """Waits until the process is asked to end, or has to because a part of it died."""
        await first_of(asked, self.failed)


@contextlib.asynccontextmanager
async def open_house(
    settings: Settings,
    *,
    clock: Clock | None = None,
    works: bool = True,
    sockets: Sequence[socket.socket] | None = None,
) -> AsyncIterator[House]:
    """Brings the schema up to date and opens everything; drains and closes it on the way out.

    Args:
        works: False leaves the background work to a worker (`livecommerce work`).
        sockets: bound ones to listen on, of a supervisor that has seen to the schema as well;
            without them we bind the ports of the settings.

    Raises:
        BadSettings: for settings that nothing can be served with.
        Unusable: for databases that are not there, or keep us out.
    """
    if not works:
        require_shared(settings, "livecommerce serve --no-work")
    if sockets is None and settings.own_port and settings.own_port == settings.port:
        # At two addresses both could be bound, and /metrics would be answered at neither.
        raise BadSettings(f"LIVECOMMERCE_OWN_PORT: {settings.port} is LIVECOMMERCE_PORT")
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        _be_the_only_one(settings, stack)
        if sockets is None:
            for address in dict.fromkeys((settings.database_address, settings.vault_address)):
                with telling_why(address):
                    await migrations.upgrade(address)
        services = await stack.enter_async_context(open_core(settings, clock or SystemClock()))
        clock = services.clock
        metrics = metrics_of(services)
        dispatch = Dispatch(
            shows=services.shows, stock=services.stock, orders=services.orders, metrics=metrics
        )
        commands = CommandDecoder(list(AnyCommand.__args__))
        gatekeeper = HouseGatekeeper(
            people=services.people, moderation=services.moderation, dispatch=dispatch
        )
        door = FrontDoor(
            hub=services.hub,
            gatekeeper=gatekeeper,
            commands=commands,
            clock=clock,
            settings=_door_settings(settings),
        )
        metrics.add("admission", lambda: figures_of(door.admission.statistics()))
        web_app = application.build(
            services,
            dispatch=dispatch,
            commands_decoder=commands,
            metrics=metrics,
            upgrade=door.upgrade,
            web_dir=web_dir(settings),
            media_dir=settings.media_dir,
            allowed_origins=settings.allowed_origins,
            trusted_proxies=settings.trusted_proxies,
            pace=Throttle(
                rate_per_s=settings.messages_per_s, burst=settings.messages_burst, clock=clock
            ),
            behind_https=settings.public_url.startswith("https:"),
            unmeasured=settings.port if settings.own_host else None,
        )
        runner = web.AppRunner(
            web_app, keepalive_timeout=75, access_log=None, shutdown_timeout=_ANSWERS_S
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        assert runner.server is not None

        work = work_of(services) if works else own_work_of(services)
        parts = {**upkeep_of(services, gatekeeper), **work}
        failed = await stack.enter_async_context(running(parts))
        if sockets is None:
            places = {"PORT": (settings.host, settings.port)}
            if settings.own_port:
                places["OWN_PORT"] = (settings.own_address, settings.own_port)
            for setting, (host, port) in places.items():
                try:
                    await door.listen(host, port, web_server=runner.server)
                except OSError as problem:
                    # A name that cannot be resolved has a number below zero, and words of its own.
                    number = problem.errno or 0
                    reason = os.strerror(number) if number > 0 else str(problem)
                    told = f"LIVECOMMERCE_{setting}: {host}:{port}: {reason}"
                    raise BadSettings(told) from problem
        else:
            for sock in sockets:
                await door.listen(sock=sock, web_server=runner.server)
        stack.push_async_callback(door.close)
        # Last: what holds the loop up before the doors are open holds nobody up.
        await stack.enter_async_context(watched_loop())
        yield House(services, door, dispatch=dispatch, application=web_app, failed=failed)


async def serve(settings: Settings, *, works: bool = True, place: Place | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then drains: nobody is dropped who can be handed over.

    Args:
        works: see `open_house`.
        place: of a node of `serve --workers`; its supervisor is told when the doors are open, and
            ends the node by going away.
    """
    asked = asked_to_end()
    needed = files_needed(settings.connections_max)
    if (files := raise_open_files(needed)) < needed:
        log.warning("too few open files", limit=files, connections_max=settings.connections_max)
    sockets = None if place is None else place.sockets
    async with open_house(settings, works=works, sockets=sockets) as house:
        if place is None:
            log.info("serving", url=house.url, database=house.services.database.dialect)
        else:
            place.take(asked)
        collect_rarely()
        await house.until(asked)
        log.info("draining", seconds=settings.drain_s)
        await house.door.drain(settings.drain_s)
    if house.failed.is_set():
        raise SystemExit(1)


def _be_the_only_one(settings: Settings, stack: contextlib.AsyncExitStack) -> None:
    """Refuses a second process on one SQLite file. It would take payments that the first one is
    making for left behind by a crash, and hear nothing of what the first one tells its rooms.

    Raises BadSettings. The lock goes with the process, however it dies.
    """
    url = make_url(settings.database_address)
    if url.get_backend_name() != "sqlite" or url.database is None:
        return
    path = Path(f"{url.database}.serving")
    path.parent.mkdir(parents=True, exist_ok=True)
    file = stack.enter_context(path.open("a"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        raise BadSettings(
            f"{url.database} is being served by another process; PostgreSQL takes several"
        ) from problem


def _door_settings(settings: Settings) -> FrontDoorSettings:
    return FrontDoorSettings(
        allowed_origins=settings.allowed_origins,
        trusted_proxies=settings.trusted_proxies,
        connections_max=settings.connections_max,
        connections_per_ip=settings.connections_per_ip,
        admissions_per_s=settings.admissions_per_s,
        admissions_burst=settings.admissions_burst,
        deflates=settings.deflate,
        session=SessionLimits(
            message_bytes_max=settings.frame_bytes_max,
            commands_per_s=settings.messages_per_s,
            commands_burst=settings.messages_burst,
        ),
    )


def web_dir(settings: Settings) -> Path:
    """Returns the folder of the built web client: as set, as installed, or of this checkout."""
    if settings.web_dir:
        return Path(settings.web_dir)
    package = Path(__file__).resolve().parent.parent
    installed = package / "web"
    return installed if installed.is_dir() else package.parent / "clients" / "web" / "dist"
