"""What an operator does beside serving: migrate, verify, look for trouble, hand out a link."""

from __future__ import annotations

import contextlib
import resource
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from typing import NamedTuple

from livecommerce.app.house import web_dir
from livecommerce.app.process import files_needed, files_to_be_had
from livecommerce.app.services import open_services, redis_settings
from livecommerce.config import Settings, is_secret_known
from livecommerce.database import migrations
from livecommerce.database import verify as checker
from livecommerce.database.engine import Database, Unusable, named, telling_why
from livecommerce.kernel.clock import SystemClock
from livecommerce.moderation import invariants as moderation_invariants
from livecommerce.orders import invariants as orders_invariants
from livecommerce.payments import invariants as payments_invariants
from livecommerce.payments.providers.sandbox import Sandbox
from livecommerce.payments.service import RefusedRefund
from livecommerce.people import invariants as people_invariants
from livecommerce.realtime.backplane.redis.inspection import inspect
from livecommerce.shows import invariants as shows_invariants
from livecommerce.stock import invariants as stock_invariants

# Importing a feature's invariants registers them.
INVARIANTS = (
    moderation_invariants,
    orders_invariants,
    payments_invariants,
    people_invariants,
    shows_invariants,
    stock_invariants,
)

_FRESH_MS = 60_000
"""A payment the provider changed so recently may still be on its way to us."""
_DISK_MIN_BYTES = 1_000_000_000


class Finding(NamedTuple):
    name: str
    ok: bool
    detail: str


async def migrate(settings: Settings) -> dict[str, str]:
    """Brings the databases to the newest schema. Returns the revision of each."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    addresses = {"shop": settings.database_address, "vault": settings.vault_address}
    for address in dict.fromkeys(addresses.values()):
        with telling_why(address):
            await migrations.upgrade(address)
    return {name: await migrations.current(at) or "nothing" for name, at in addresses.items()}


async def verify(
    settings: Settings, progress: Callable[[str], None] = lambda name: None
) -> Sequence[checker.Breach]:
    """Checks every invariant of every feature, reading only. Returns what is broken.

    Raises:
        Unusable: a database is not there, nobody has made its tables yet, or what has to be read
            may not be.
    """
    await _require_tables(settings)
    found: list[checker.Breach] = []
    for address in dict.fromkeys((settings.database_address, settings.vault_address)):
        database = await Database.open(address, clock=SystemClock())
        try:
            with telling_why(address):
                found += await checker.run(
                    database, on_checked=lambda one: progress(f"{one.name}: {one.promise}")
                )
            if address == settings.database_address:
                found += await _provider_breaches(settings, database)
        finally:
            await database.close()
    return found


async def _provider_breaches(settings: Settings, database: Database) -> list[checker.Breach]:
    """Compares what we say was paid with the provider's own book."""
    book = settings.data_dir / "sandbox.db"
    if not book.exists():
        return []
    clock = SystemClock()
    with telling_why(str(book)):
        sandbox = await Sandbox.open(book, clock=clock, secret=b"only read here", base_url="")
    try:
        return await orders_invariants.check_provider_book(
            database, await sandbox.paid(), younger_than_ms=_FRESH_MS, now=clock.now_ms()
        )
    finally:
        await sandbox.close()


async def sign_in_link(settings: Settings, login: str) -> str:
    """Makes a one-time sign-in link for the account with this e-mail or phone."""
    await _require_tables(settings)
    async with contextlib.AsyncExitStack() as stack:
        services = await open_services(settings, SystemClock(), stack)
        person_id = await services.people.find(login)
        token = await services.people.make_link(person_id)
        base = settings.public_url or f"http://{settings.host}:{settings.port}"
        return f"{base}/account#link={token}"


async def make_seller(settings: Settings, login: str) -> None:
    """Lets the account with this e-mail or phone open rooms and shops, where not everybody may."""
    await _require_tables(settings)
    async with contextlib.AsyncExitStack() as stack:
        services = await open_services(settings, SystemClock(), stack)
        await services.people.make_seller(await services.people.find(login))


async def refused_refunds(settings: Settings) -> list[RefusedRefund]:
    """What the provider would not pay back, and somebody has to by other means."""
    await _require_tables(settings)
    async with contextlib.AsyncExitStack() as stack:
        services = await open_services(settings, SystemClock(), stack)
        return await services.payments.refused_refunds()


async def close_refund(settings: Settings, refund_id: str, reason: str) -> None:
    """Takes down that what the provider would not pay back was paid back by other means."""
    await _require_tables(settings)
    async with contextlib.AsyncExitStack() as stack:
        services = await open_services(settings, SystemClock(), stack)
        await services.orders.checkout.close_refund(refund_id, reason)


async def _require_tables(settings: Settings) -> None:
    """Raises Unusable for databases we cannot ask, and for those nobody has migrated; most likely
    it is another folder."""
    for address in dict.fromkeys((settings.database_address, settings.vault_address)):
        with telling_why(address):
            revision = await migrations.current(address)
        if revision is None:
            raise Unusable(f"{named(address)}: no tables yet. Run `livecommerce migrate`.")


async def doctor(settings: Settings) -> list[Finding]:
    """Looks at the machine and the settings. Every finding says what it found, good or bad."""
    findings = [_files(settings), _disk(settings), _sqlite(), _web(settings), _secret(settings)]
    database = await _database("database", settings.database_address)
    if settings.vault_address == settings.database_address:
        vault = Finding("vault", database.ok, "as the database, which holds it")
    else:
        vault = await _database("vault", settings.vault_address)
    findings += [database, vault]
    findings += await _backplane(settings)
    findings.append(Finding("payments", ok=True, detail="sandbox: test cards, no money moves"))
    if settings.database_address.startswith("sqlite") and settings.public_url:
        findings.append(
            Finding("scale", ok=True, detail="SQLite: one process; several need PostgreSQL, Redis")
        )
    return findings


def _files(settings: Settings) -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = files_needed(settings.connections_max)
    most = files_to_be_had(needed)
    raised = f", which `serve` raises to {most}" if most != soft else ""
    detail = (
        f"limit {soft}{raised}; LIVECOMMERCE_CONNECTIONS_MAX {settings.connections_max} "
        f"needs {needed}"
    )
    return Finding("open files", most >= needed, detail)


def _disk(settings: Settings) -> Finding:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.data_dir).free
    return Finding("disk", free >= _DISK_MIN_BYTES, f"{free // 1_000_000} MB free for data")


def _sqlite() -> Finding:
    version = sqlite3.sqlite_version_info
    return Finding("sqlite", version >= (3, 37), f"version {sqlite3.sqlite_version}, 3.37 needed")


def _web(settings: Settings) -> Finding:
    folder = web_dir(settings)
    built = (folder / "room.html").exists()
    return Finding("web client", built, f"{folder}" if built else "not built: run `make setup`")


def _secret(settings: Settings) -> Finding:
    if is_secret_known(settings):
        return Finding("secret", ok=False, detail="still that of the example: make your own")
    if settings.secret:
        return Finding("secret", ok=True, detail="set")
    kept = settings.data_dir / "secret"
    return Finding(
        "secret", ok=True, detail=f"{'kept' if kept.exists() else 'will be made'} in {kept}"
    )


async def _backplane(settings: Settings) -> list[Finding]:
    if not settings.redis_urls:
        return [Finding("backplane", ok=True, detail="memory: one process; Redis joins several")]
    return [
        Finding("backplane", *await inspect(url, redis_settings(settings)))
        for url in settings.redis_urls
    ]


async def _database(name: str, address: str) -> Finding:
    shown = named(address)
    try:
        with telling_why(address):
            revision = await migrations.current(address)
        if revision is None:
            return Finding(name, ok=False, detail=f"{shown}: no tables yet: `livecommerce migrate`")
        database = await Database.open(address, clock=SystemClock())
        await database.close()
    except Unusable as problem:
        return Finding(name, ok=False, detail=str(problem))
    except Exception as problem:  # noqa: BLE001 - whatever the driver says is the finding
        return Finding(name, ok=False, detail=f"{shown}: {type(problem).__name__}: {problem}")
    newest = migrations.head()
    return Finding(name, revision == newest, f"{shown}: at {revision}, newest is {newest}")
