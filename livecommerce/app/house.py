"""One process, open: services, background work, pages, API and live socket on one port."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import signal
from collections.abc import AsyncIterator, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import structlog
from aiohttp import web
from sqlalchemy import make_url

from livecommerce.app.housekeeping import keep_house
from livecommerce.app.services import Services, open_services
from livecommerce.config import BadSettings, Settings
from livecommerce.database import migrations
from livecommerce.database.engine import Database
from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.front_door import FrontDoor, FrontDoorSettings
from livecommerce.gateway.gatekeeper import HouseGatekeeper
from livecommerce.gateway.http import application
from livecommerce.gateway.metrics import Metrics
from livecommerce.gateway.wire import AnyCommand
from livecommerce.kernel.clock import Clock, SystemClock
from livecommerce.kernel.limits import Throttle
from livecommerce.protocol.codec import CommandDecoder
from livecommerce.protocol.session import SessionLimits

log = structlog.get_logger()

_PARTS_END_S = 5.0
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
        waiting = [asyncio.create_task(asked.wait()), asyncio.create_task(self.failed.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()


def asked_to_end() -> asyncio.Event:
    """Returns what SIGTERM and SIGINT set. A second signal ends the process where it stands."""
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def ask() -> None:
        asked.set()
        for number in signals:
            loop.remove_signal_handler(number)

    for number in signals:
        loop.add_signal_handler(number, ask)
    return asked


@contextlib.asynccontextmanager
async def open_house(settings: Settings, *, clock: Clock | None = None) -> AsyncIterator[House]:
    """Brings the schema up to date and opens everything; drains and closes it on the way out."""
    clock = clock or SystemClock()
    settings.media_dir.mkdir(parents=True, exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        _be_the_only_one(settings, stack)
        for address in dict.fromkeys((settings.database_address, settings.vault_address)):
            await migrations.upgrade(address)
        services = await open_services(settings, clock, stack)
        await services.people.start()
        stack.push_async_callback(services.people.close)
        await services.hub.start()
        stack.push_async_callback(services.hub.stop)
        stack.push_async_callback(services.outbox.close)
        await services.shows.start()
        stack.push_async_callback(services.shows.close)
        stack.push_async_callback(services.orders.close)

        metrics = Metrics(
            {"hub": services.hub.statistics, "writer": lambda: _writer_numbers(services.database)}
        )
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
        )
        runner = web.AppRunner(
            web_app, keepalive_timeout=75, access_log=None, shutdown_timeout=_ANSWERS_S
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        assert runner.server is not None

        failed = asyncio.Event()
        await stack.enter_async_context(_working(services, gatekeeper, failed))
        await door.listen(settings.host, settings.port, web_server=runner.server)
        stack.push_async_callback(door.close)
        yield House(services, door, dispatch=dispatch, application=web_app, failed=failed)


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT, then drains: nobody is dropped who can be handed over."""
    asked = asked_to_end()
    async with open_house(settings) as house:
        log.info("serving", url=house.url, database=house.services.database.dialect)
        # What lives now lives on: the collector need not look at it again. What a command makes
        # dies with it, without the collector: looking after every 700 objects, as is usual, took a
        # tenth of a flash sale's time.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 20)
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


@contextlib.asynccontextmanager
async def _working(
    services: Services, gatekeeper: HouseGatekeeper, failed: asyncio.Event
) -> AsyncIterator[None]:
    """Runs the background work of every part while the house is open.

    A part that dies is a bug, and going on without it would be a silent failure (no holds expire,
    no events are relayed). So it is logged and the process ends, for its supervisor to start again.
    """
    work: dict[str, Coroutine[Any, Any, None]] = {
        "outbox": services.outbox.run(),
        "housekeeping": keep_house(services),
        "people": services.people.run(),
        "moderation": services.moderation.run(),
        "stock": services.stock.run(),
        "orders": services.orders.run(),
        "shows": services.shows.run(),
        "gatekeeper": gatekeeper.run(services.hub),
        "sandbox": services.sandbox.run(services.payments.receive_sandbox),
    }
    tasks = [asyncio.create_task(coroutine, name=name) for name, coroutine in work.items()]

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("background work ended", part=task.get_name(), exc_info=task.exception())
            failed.set()

    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        for task in tasks:
            task.remove_done_callback(ended)
            task.cancel()
        # A part that swallows its cancellation is a bug, but not one to keep a process alive for.
        ended_by_now, stuck = await asyncio.wait(tasks, timeout=_PARTS_END_S)
        await asyncio.gather(*ended_by_now, return_exceptions=True)
        for task in stuck:
            log.error("background work did not end", part=task.get_name())


def _writer_numbers(database: Database) -> dict[str, float]:
    return {**asdict(database.writer.counts), "backlog": database.writer.backlog}


def _door_settings(settings: Settings) -> FrontDoorSettings:
    return FrontDoorSettings(
        allowed_origins=settings.allowed_origins,
        trusted_proxies=settings.trusted_proxies,
        connections_max=settings.connections_max,
        connections_per_ip=settings.connections_per_ip,
        admissions_per_s=settings.admissions_per_s,
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
