"""The aiohttp application: every route file, and the middlewares around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

from aiohttp import web

from livecommerce.catalogue.service import Catalogue
from livecommerce.database.engine import Database
from livecommerce.gateway import metrics as telemetry
from livecommerce.gateway import openapi
from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.http import (
    boot,
    catalogue,
    commands,
    middleware,
    orders,
    pages,
    payments,
    people,
    rooms,
)
from livecommerce.gateway.http.bodies import reply_raw
from livecommerce.gateway.http.errors import answer_errors
from livecommerce.gateway.metrics import Metrics
from livecommerce.gateway.readiness import checks_of
from livecommerce.gateway.snapshot import Snapshots
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.limits import Throttle
from livecommerce.orders.service import Orders
from livecommerce.payments.providers.sandbox import Sandbox
from livecommerce.payments.service import Payments
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People
from livecommerce.protocol.codec import CommandDecoder
from livecommerce.realtime.hub import Hub
from livecommerce.shows.service import Shows
from livecommerce.stock.service import Stock


class HouseServices(Protocol):
    """The services the routes call (`app.services.Services` has them all)."""

    @property
    def clock(self) -> Clock: ...
    @property
    def database(self) -> Database: ...
    @property
    def hub(self) -> Hub: ...
    @property
    def people(self) -> People: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def stock(self) -> Stock: ...
    @property
    def payments(self) -> Payments: ...
    @property
    def sandbox(self) -> Sandbox: ...
    @property
    def orders(self) -> Orders: ...
    @property
    def shows(self) -> Shows: ...
    @property
    def snapshots(self) -> Snapshots: ...


def build(
    services: HouseServices,
    *,
    dispatch: Dispatch,
    commands_decoder: CommandDecoder,
    metrics: Metrics,
    upgrade: Callable[[web.Request], Awaitable[web.StreamResponse]],
    web_dir: Path,
    media_dir: Path,
    allowed_origins: Sequence[str],
    trusted_proxies: Sequence[str],
    pace: Throttle,
    behind_https: bool,
    unmeasured: int | None = None,
) -> web.Application:
    """Builds the application.

    Args:
        upgrade: takes sockets that come on a kept-alive connection.
        unmeasured: the port on which /metrics is not answered.
    """

    async def authenticate(token: str) -> Actor:
        actor, _ = await services.people.authenticate(token)
        return actor

    identify = middleware.identify(
        authenticate,
        trusted_proxies=trusted_proxies,
        allowed_origins=allowed_origins,
        pace=pace,
    )
    application = web.Application(
        middlewares=[
            middleware.number,
            telemetry.count_requests(metrics),
            answer_errors,
            identify,
        ],
    )
    document = openapi.document()

    async def described(request: web.Request) -> web.Response:
        return reply_raw(document)

    boots = boot.Boots(
        shows=services.shows,
        catalogue=services.catalogue,
        snapshots=services.snapshots,
        clock=services.clock,
    )
    application.router.add_routes(
        [
            web.get("/v1/live", upgrade),
            web.get("/v1/openapi.json", described),
            *telemetry.routes(
                metrics, checks_of(services.database, services.hub), unmeasured=unmeasured
            ),
            *people.routes(
                services.people,
                services.shows.rooms.resolve,
                behind_https=behind_https,
            ),
            *catalogue.routes(services.catalogue, services.stock),
            *rooms.routes(services.shows, services.stock, clock=services.clock),
            *commands.routes(dispatch, commands_decoder),
            *orders.routes(services.orders, services.shows.rooms.resolve),
            *payments.routes(services.payments, services.sandbox),
            web.static("/media", media_dir),
            *pages.routes(web_dir, boots),
        ]
    )
    return application
