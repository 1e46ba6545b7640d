"""`livecommerce work`: the background work of a shop whose nodes leave it to this process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import structlog
from aiohttp import web

from livecommerce.app.core import metrics_of, open_core, require_shared
from livecommerce.app.ending import asked_to_end, first_of
from livecommerce.app.operations import migrate
from livecommerce.app.parts import running, work_of
from livecommerce.app.services import Services
from livecommerce.app.watchdog import watched_loop
from livecommerce.config import Settings
from livecommerce.gateway import metrics as telemetry
from livecommerce.gateway.readiness import checks_of
from livecommerce.kernel.clock import SystemClock

log = structlog.get_logger()


async def work(settings: Settings) -> None:
    """Works until SIGTERM or SIGINT. Several may run: for what one has to do, one of them leads.

    Raises:
        BadSettings: on SQLite, or without Redis.
        SystemExit: with 1, when a part of the work died; see `parts.running`.
    """
    require_shared(settings, "livecommerce work")
    asked = asked_to_end()
    await migrate(settings)
    async with open_core(settings, SystemClock()) as services:
        # It has no viewers, but what it sells and takes back is told to the rooms that show it.
        parts = {**work_of(services), "shows": services.shows.run()}
        async with running(parts) as failed, _status(services), watched_loop():
            log.info("working", port=settings.own_port or None)
            await first_of(asked, failed)
    if failed.is_set():
        raise SystemExit(1)


@contextlib.asynccontextmanager
async def _status(services: Services) -> AsyncIterator[None]:
    """Answers /healthz, /readyz and /metrics on the process's own port, if it has one."""
    settings = services.settings
    if not settings.own_port:
        yield
        return
    application = web.Application()
    checks = checks_of(services.database, services.hub)
    application.router.add_routes(telemetry.routes(metrics_of(services), checks))
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.own_address, settings.own_port).start()
        yield
    finally:
        await runner.cleanup()
