"""What every process of a shop opens: services that hear the other processes and are heard."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from livecommerce.app.process import process_statistics
from livecommerce.app.services import Services, open_services
from livecommerce.config import BadSettings, Settings
from livecommerce.database.clock import DatabaseClock
from livecommerce.gateway.metrics import Metrics
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.figures import figures_of


@contextlib.asynccontextmanager
async def open_core(settings: Settings, clock: Clock) -> AsyncIterator[Services]:
    """Opens the services on databases of the newest schema; on the way out stores what waits,
    tells what is committed, and closes them.

    Args:
        clock: of this machine; what the services go by is the database's.
    """
    async with contextlib.AsyncExitStack() as stack:
        shared = DatabaseClock(clock)
        services = await open_services(settings, shared, stack)
        await stack.enter_async_context(shared.kept(services.database))
        await services.people.start()
        stack.push_async_callback(services.people.close)
        await services.hub.start()
        stack.push_async_callback(services.hub.stop)
        stack.push_async_callback(services.outbox.close)
        await services.shows.start()
        stack.push_async_callback(services.shows.close)
        stack.push_async_callback(services.orders.close)
        yield services


def metrics_of(services: Services) -> Metrics:
    """Makes what the process tells at /metrics."""
    hub, writer = services.hub, services.database.writer
    return Metrics(
        {
            "hub": lambda: figures_of(hub.statistics()),
            "writer": lambda: {**figures_of(writer.counts), "backlog": writer.backlog},
            "checkout": lambda: {"refunds_refused_total": services.orders.checkout.refunds_refused},
            "process": process_statistics,
        }
    )


def require_shared(settings: Settings, wish: str) -> None:
    """Refuses settings with which several processes cannot be one shop.

    Args:
        wish: the command that needs them, as it is typed.

    Raises:
        BadSettings: naming each setting that is in the way, and what to do.
    """
    wrong = []
    for name, address in (
        ("DATABASE_URL", settings.database_address),
        ("VAULT_URL", settings.vault_address),
    ):
        if address.startswith("sqlite"):
            wrong.append(
                f"LIVECOMMERCE_{name}: `{wish}` needs PostgreSQL (postgresql+asyncpg://…). "
                "SQLite takes one process, and `livecommerce serve` is it: it does everything"
            )
            if not settings.database_url:
                break  # the vault follows the database
    if not settings.redis_urls:
        wrong.append(
            f"LIVECOMMERCE_REDIS_URL: `{wish}` needs Redis (redis://…), through which the "
            "processes of a shop hear each other; without it a room would be told half"
        )
    if wrong:
        raise BadSettings("\n".join(wrong))
