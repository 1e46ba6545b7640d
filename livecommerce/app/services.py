"""The business of one process: every service, tied to its neighbours."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.store_pictures import PictureFiles
from livecommerce.config import BadSettings, Settings, secret_of
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import OutboxEntry
from livecommerce.database.outbox import Outbox
from livecommerce.gateway.snapshot import Snapshots
from livecommerce.gateway.wire import AnyEvent
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.service import TRAIL, Moderation
from livecommerce.orders.orders import RoomCounter
from livecommerce.orders.service import Orders
from livecommerce.payments.providers.sandbox import Sandbox
from livecommerce.payments.service import Payments
from livecommerce.people.service import People, PeopleSettings
from livecommerce.people.service.vault import Vault
from livecommerce.people.tokens import PlatformTrust
from livecommerce.protocol.codes import CloseCode
from livecommerce.protocol.events import VolatileEvent
from livecommerce.realtime.backplane.base import Backplane
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.backplane.redis.backplane import RedisBackplane
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.hub import Hub
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.realtime.settings import HubSettings
from livecommerce.shows.service import ChatLimits, Shows
from livecommerce.shows.service.likes import viewers_counted, visitors_counted
from livecommerce.shows.service.offered import Offered
from livecommerce.shows.service.showing import Showing
from livecommerce.stock.service import Shelf, Stock


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a request or a background task can ask."""

    settings: Settings
    clock: Clock
    database: Database
    vault_database: Database
    hub: Hub
    outbox: Outbox
    people: People
    moderation: Moderation
    catalogue: Catalogue
    stock: Stock
    payments: Payments
    sandbox: Sandbox
    orders: Orders
    shows: Shows
    snapshots: Snapshots


class _Rooms:
    """What checkout asks about the room a buyer stands in."""

    def __init__(self, shows: Shows, moderation: Moderation) -> None:
        self._shows = shows
        self._moderation = moderation

    async def counter(self, room_id: str, offer_id: str | None) -> RoomCounter:
        facts = await self._shows.rooms.facts(room_id)
        product_id = None
        if offer_id is not None:
            product_id = (await self._shows.bag.offer(room_id, offer_id)).product_id
        return RoomCounter(
            room_id=facts.id, host_id=facts.host_id, market=facts.market, product_id=product_id
        )

    async def check_may_buy(self, room_id: str, person_id: str) -> None:
        await self._moderation.check_may_enter(room_id, person_id)


async def open_services(
    settings: Settings, clock: Clock, stack: contextlib.AsyncExitStack
) -> Services:
    """Opens the databases and builds the services on them; `stack` closes all in reverse order."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    secret = secret_of(settings)
    database = await Database.open(settings.database_address, clock=clock)
    stack.push_async_callback(database.close)
    database.writer.batch_max = settings.batch_max
    vault_database = database
    if settings.vault_address != settings.database_address:
        vault_database = await Database.open(settings.vault_address, clock=clock)
        stack.push_async_callback(vault_database.close)

    people = _people(settings, clock, database, vault_database, secret)
    moderation = Moderation(database=database, clock=clock, people=people)
    shelf = Shelf(database)
    pictures = PictureFiles(settings.pictures_dir)
    catalogue = Catalogue(
        database=database, clock=clock, people=people, shelf=shelf, pictures=pictures
    )
    showing = Showing(database=database)

    stock = Stock(
        database=database,
        clock=clock,
        people=people,
        catalogue=catalogue,
        shelf=shelf,
        showing=showing.rooms,
        offered=Offered(database=database),
    )

    async def load_room(room_id: str) -> RoomSeed:
        return await snapshots.load_room(room_id)

    def viewers(room_id: str, count: int) -> VolatileEvent:
        return viewers_counted(room_id, count, clock.now_ms())

    def visitors(room_id: str, count: int) -> VolatileEvent:
        return visitors_counted(count, clock.now_ms())

    node_id = new_id()[-8:]
    hub = Hub(
        node_id=node_id,
        clock=clock,
        settings=HubSettings(
            tick_min_ms=settings.tick_ms_min,
            tick_max_ms=settings.tick_ms_max,
            ping_s=settings.beat_s,
            thin_from_viewers=settings.chat_thin_from_viewers,
            spare_per_s=settings.chat_shown_per_s,
        ),
        backplane=_backplane(settings, clock, node_id),
        load_room=load_room,
        viewers_event=viewers,
        visitors_event=visitors,
    )
    shows = Shows(
        database=database,
        publisher=hub.publisher,
        clock=clock,
        people=people,
        moderation=moderation,
        catalogue=catalogue,
        stock=stock,
        showing=showing,
        shut_out=lambda room_id, person_id: hub.kick(person_id, CloseCode.BANNED, room_id=room_id),
        viewers=hub.viewers,
        heard=hub.heard,
        limits=ChatLimits(
            rate_per_s=settings.chat_per_s,
            burst=settings.chat_burst,
            room_per_s=settings.chat_room_per_s,
        ),
    )
    snapshots = Snapshots(shows=shows, stock=stock)

    sandbox = await Sandbox.open(
        settings.data_dir / "sandbox.db",
        clock=clock,
        secret=_derived(secret, "sandbox"),
        base_url=settings.public_url,
    )
    stack.push_async_callback(sandbox.close)
    payments = Payments(database=database, clock=clock, providers=[sandbox])
    orders = Orders(
        database=database,
        publisher=hub.publisher,
        clock=clock,
        people=people,
        catalogue=catalogue,
        stock=stock,
        payments=payments,
        rooms=_Rooms(shows, moderation),
        unpaid_max=settings.unpaid_orders_max,
    )

    people.on_signed_out(lambda sign_in_id: hub.kick(sign_in_id, CloseCode.SIGNED_OUT))
    return Services(
        settings=settings,
        clock=clock,
        database=database,
        vault_database=vault_database,
        hub=hub,
        outbox=_outbox(database, hub, clock),
        people=people,
        moderation=moderation,
        catalogue=catalogue,
        stock=stock,
        payments=payments,
        sandbox=sandbox,
        orders=orders,
        shows=shows,
        snapshots=snapshots,
    )


def _backplane(settings: Settings, clock: Clock, node_id: str) -> Backplane:
    """How this process hears the others: through Redis, or there are none."""
    if not settings.redis_urls:
        return MemoryBackplane(clock=clock)
    return RedisBackplane(node_id=node_id, clock=clock, settings=redis_settings(settings))


def redis_settings(settings: Settings) -> RedisSettings:
    """What is set of Redis, in its own words."""
    return RedisSettings(
        urls=settings.redis_urls,
        prefix=settings.redis_prefix,
        is_cluster=settings.redis_cluster,
    )


def _outbox(database: Database, hub: Hub, clock: Clock) -> Outbox:
    """What is committed for a room or a person goes to the hub."""

    def deliver(entries: Sequence[OutboxEntry]) -> asyncio.Future[list[None]]:
        publisher = hub.publisher
        # Events of one batch share its receipt.
        receipts: dict[asyncio.Future[None], None] = {}
        for entry in entries:
            if entry.person_id is not None:
                receipts[publisher.deliver_to(entry.person_id, entry.event)] = None
            elif entry.room_id is not None:
                event, audience = entry.event, entry.audience
                receipts[publisher.deliver(entry.room_id, event, audience=audience)] = None
        return asyncio.gather(*receipts)

    decoder = msgspec.msgpack.Decoder(AnyEvent)
    return Outbox(
        database,
        decode=decoder.decode,
        deliver=deliver,
        clock=clock,
        is_open=hub.publisher.is_accepting,
    )


def _people(
    settings: Settings, clock: Clock, database: Database, vault_database: Database, secret: str
) -> People:
    vault = Vault(
        database=vault_database,
        region=settings.region,
        region_key=_derived(secret, "vault"),
    )
    return People(
        database=database,
        vault=vault,
        clock=clock,
        secret=_derived(secret, "tokens"),
        audit=TRAIL,
        settings=PeopleSettings(
            default_market=settings.market,
            everybody_may_sell=settings.everybody_may_sell,
            guests_per_minute_per_ip=settings.guests_per_minute_per_ip,
            sign_ins_per_minute_per_ip=settings.sign_ins_per_minute_per_ip,
            sign_ins_per_minute_per_account=settings.sign_ins_per_minute_per_account,
        ),
        platform=_platform(settings),
    )


def _platform(settings: Settings) -> PlatformTrust | None:
    if not settings.platform_issuer:
        return None
    try:
        key = settings.platform_public_key
        if key and not key.startswith("-----BEGIN"):
            key = Path(key).read_text()
        return PlatformTrust(
            issuer=settings.platform_issuer,
            audience=settings.platform_audience,
            secret=settings.platform_secret or None,
            public_key=key or None,
            jwks=settings.platform_jwks or None,
        )
    except (ValueError, OSError) as problem:
        raise BadSettings(f"LIVECOMMERCE_PLATFORM_…: {problem}") from problem


def _derived(secret: str, purpose: str) -> bytes:
    """One key a purpose: a leaked token key opens no vault."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=purpose.encode()[:16]).digest()
