"""A house without its doors: people, catalogue, stock, moderation and shows on one database."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

import livecommerce.shows.invariants  # noqa: F401  (registers the checks of `breaches`)
from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.store_pictures import PictureFiles
from livecommerce.catalogue.wire import MerchantDraft, ProductDraft, ProductView, Text, VariantDraft
from livecommerce.database import verify
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import OutboxEntry
from livecommerce.database.outbox import Outbox
from livecommerce.gateway.snapshot import Snapshots
from livecommerce.gateway.wire import AnyEvent
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.service import TRAIL, Moderation
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People
from livecommerce.people.service.vault import Vault
from livecommerce.protocol.commands import Command
from livecommerce.protocol.events import EVERYONE, Event
from livecommerce.realtime.publications import Publication, publication_of
from livecommerce.shows.service import ChatLimits, Showing, Shows
from livecommerce.shows.service.offered import Offered
from livecommerce.shows.wire import AddOffer, ChatPosted, OfferView, RoomDraft, RoomView, SendChat
from livecommerce.stock.service import Shelf, Stock
from tests.support.publisher import RecordingPublisher

C = TypeVar("C", bound=Command)
E = TypeVar("E", bound=Event)
SECRET = b"a secret of at least thirty-two bytes"
_numbers = itertools.count(1)


def command(kind: type[C], **fields: Any) -> C:
    """A command with an id of its own."""
    return kind(id=f"command-{next(_numbers):08d}", **fields)


@dataclass
class World:
    clock: FakeClock
    database: Database
    vault_database: Database
    outbox: Outbox
    publisher: RecordingPublisher
    people: People
    moderation: Moderation
    catalogue: Catalogue
    stock: Stock
    showing: Showing
    shows: Shows
    snapshots: Snapshots
    host: Actor
    room: RoomView
    shut_out: list[tuple[str, str]] = field(default_factory=list)
    viewers: dict[str, int] = field(default_factory=dict)
    cable: list[RecordingPublisher] = field(default_factory=list)
    """What all processes of the house publish, and so what viewers of each are told."""

    @property
    def room_id(self) -> str:
        return self.room.id

    def events(self, kind: type[E], room_id: str | None = None) -> list[E]:
        """What a room was told, of one kind, in order."""
        wanted = room_id or self.room_id
        return [
            event
            for room, event, _ in self.publisher.published
            if room == wanted and isinstance(event, kind)
        ]

    def seen(self, room_id: str | None = None) -> list[Event]:
        """Everything everyone in a room was told."""
        wanted = room_id or self.room_id
        return [
            event
            for room, event, audience in self.publisher.published
            if room == wanted and audience == EVERYONE
        ]

    async def person(self, name: str, *, kind: str = "account") -> Actor:
        return await self.people.make_account(name=name)

    async def moderator(self, name: str = "Mona", role: str = "moderator") -> Actor:
        actor = await self.person(name)
        await self.people.grant(
            self.host, self.room_id, person_id=actor.person_id, role=role, expires_at=None
        )
        return actor

    async def make_room(self, slug: str, host: Actor | None = None) -> RoomView:
        draft = RoomDraft(slug=slug, title=Text(en=f"Room {slug}"))
        return await self.shows.rooms.create(host or self.host, draft)

    async def product(self, name: str, *, variants: int = 1, on_hand: int = 10) -> ProductView:
        merchant = await self.catalogue.create_merchant(
            self.host, MerchantDraft(name=Text(en="Souq"), slug=f"m{next(_numbers)}")
        )
        return await self.catalogue.create_product(
            self.host,
            merchant.id,
            ProductDraft(
                market="SA",
                title=Text(en=name, ar="منتج"),
                axes=[Text(en="Size")] if variants > 1 else [],
                variants=[
                    VariantDraft(
                        sku=f"{name}-{number}",
                        options=[Text(en=f"{number}")] if variants > 1 else [],
                        price_minor=10_000 + number,
                        on_hand=on_hand,
                    )
                    for number in range(variants)
                ],
            ),
        )

    async def offer(self, name: str, **product: Any) -> OfferView:
        """A new product in the bag."""
        made = await self.product(name, **product)
        return await self.shows.bag.add_offer(
            self.host, self.room_id, command(AddOffer, product_id=made.id)
        )

    async def say(self, actor: Actor, text: str, **fields: Any) -> str:
        """Posts a message; gives its id."""
        sent = command(SendChat, text=text, **fields)
        return (await self.shows.chat.send_chat(actor, self.room_id, sent)).id

    async def recent(self) -> list[ChatPosted]:
        """The messages that a newcomer is shown."""
        seed = await self.snapshots.load_room(self.room_id)
        return [event for event in seed.recent if isinstance(event, ChatPosted)]

    async def breaches(self) -> list[verify.Breach]:
        await self.shows.archive.store()
        await self.outbox.close()
        return list(await verify.run(self.database))

    async def close(self) -> None:
        await self.shows.close()
        await self.people.close()
        await self.database.close()
        await self.vault_database.close()


async def open_world(
    url: str,
    folder: Path,
    *,
    create: bool = True,
    clock: FakeClock | None = None,
    limits: ChatLimits | None = None,
    like: World | None = None,
) -> World:
    """Opens a house; `like` another on the same database: the second process of one shop."""
    clock = clock or (like.clock if like is not None else FakeClock())
    database = await Database.open(url, clock=clock, create=create)
    name = f"vault-{next(_numbers)}.db"
    vault_database = await Database.open(
        f"sqlite+aiosqlite:///{folder}/{name}", clock=clock, create=True
    )
    publisher = RecordingPublisher()
    vault = Vault(database=vault_database, region="home", region_key=SECRET[:32])
    people = People(database=database, vault=vault, clock=clock, secret=SECRET, audit=TRAIL)
    moderation = Moderation(database=database, clock=clock, people=people)
    shelf = Shelf(database)
    catalogue = Catalogue(
        database=database,
        clock=clock,
        people=people,
        shelf=shelf,
        pictures=PictureFiles(folder / "pictures"),
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
    shut_out: list[tuple[str, str]] = []
    viewers: dict[str, int] = {}
    cable = [] if like is None else like.cable
    cable.append(publisher)

    async def heard(room_id: str, most: int) -> list[Publication]:
        told = [event for each in cable for room, event, _ in each.published if room == room_id]
        gone = {id for event in told for id in event.redacts()}
        lines = [event for event in told if event.replayed and event.id not in gone]
        return [publication_of(event) for event in lines[-most:]]

    shows = Shows(
        database=database,
        publisher=publisher,
        clock=clock,
        people=people,
        moderation=moderation,
        catalogue=catalogue,
        stock=stock,
        showing=showing,
        shut_out=lambda room_id, person_id: shut_out.append((room_id, person_id)),
        viewers=lambda room_id: viewers.get(room_id, 0),
        heard=heard,
        limits=limits,
    )

    def deliver(entries: Iterable[OutboxEntry]) -> None:
        for entry in entries:
            if entry.person_id is not None:
                publisher.tell(entry.person_id, entry.event)
            elif entry.room_id is not None:
                publisher.publish(entry.room_id, entry.event, audience=entry.audience)

    outbox = Outbox(
        database, decode=msgspec.msgpack.Decoder(AnyEvent).decode, deliver=deliver, clock=clock
    )
    await people.start()
    await shows.start()
    if like is not None:
        host, room = like.host, like.room
    else:
        host = await people.make_account(name="Huda")
        room = await shows.rooms.create(
            host, RoomDraft(slug=f"souq-{next(_numbers)}", title=Text(en="Souq", ar="سوق"))
        )
    return World(
        clock=clock,
        database=database,
        vault_database=vault_database,
        outbox=outbox,
        publisher=publisher,
        people=people,
        moderation=moderation,
        catalogue=catalogue,
        stock=stock,
        showing=showing,
        shows=shows,
        snapshots=Snapshots(shows=shows, stock=stock),
        host=host,
        room=room,
        shut_out=shut_out,
        viewers=viewers,
        cable=cable,
    )


def code_of(refused: Any) -> Code:
    """The code inside `pytest.raises(Refused) as refused`."""
    value = refused.value
    assert isinstance(value, Refused)
    return value.code
