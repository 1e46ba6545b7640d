"""Make a room, change it, find it, list those on air."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from livecommerce.catalogue.service import Catalogue
from livecommerce.catalogue.wire import Text
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency, Made, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.service import TRAIL
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability, Role
from livecommerce.people.service import People, record_founder
from livecommerce.shows.bag import Bag
from livecommerce.shows.pins import SLOTS
from livecommerce.shows.rooms import Room, Standing, clean_title, clean_url
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.views import show_view
from livecommerce.shows.shows import Show
from livecommerce.shows.store import reading
from livecommerce.shows.store.records import columns_of_bag, pin_id
from livecommerce.shows.store.tables import bags, chat_rules, pins, room_slugs, rooms
from livecommerce.shows.wire import RoomDraft, RoomList, RoomPatch, RoomView


@dataclass(frozen=True, slots=True, kw_only=True)
class _Create(Write[Made]):
    room: Room
    idempotency: Idempotency[Made] | None

    def needs(self) -> Iterable[Need]:
        yield Need(room_slugs, self.room.slug)
        yield TRAIL.need(self.room.id)

    def decide(self, rows: Rows, now: int) -> Made:
        room = self.room
        if rows.get(room_slugs, room.slug) is not None:
            raise Refused(Code.ALREADY_EXISTS, field="slug")
        rows.insert(
            rooms,
            {
                "id": room.id,
                "slug": room.slug,
                "title_en": room.title_en,
                "title_ar": room.title_ar,
                "host_id": room.host_id,
                "market": room.market,
                "playback_url": room.playback_url,
                "poster_url": room.poster_url,
                "created_at": now,
            },
        )
        rows.insert(room_slugs, {"id": room.slug, "room_id": room.id})
        rows.insert(bags, {"id": room.id, **columns_of_bag(Bag())})
        rows.insert(chat_rules, {"id": room.id})
        for slot in SLOTS:
            rows.insert(pins, {"id": pin_id(room.id, slot), "room_id": room.id, "slot": slot})
        record_founder(rows, scope_id=room.id, person_id=room.host_id, role=Role.HOST, now=now)
        TRAIL.record(
            rows,
            now,
            chain=room.id,
            actor_id=room.host_id,
            action="create_room",
            subject=room.id,
            details={"slug": room.slug},
        )
        return Made(room.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit(Write[None]):
    actor: Actor
    room_id: str
    changes: dict[str, Any]

    def needs(self) -> Iterable[Need]:
        yield Need(rooms, self.room_id)
        yield TRAIL.need(self.room_id)

    def decide(self, rows: Rows, now: int) -> None:
        if rows.get(rooms, self.room_id) is None:
            raise Refused(Code.NOT_FOUND, field="room")
        rows.change(rooms, self.room_id, **self.changes)
        TRAIL.record(
            rows,
            now,
            chain=self.room_id,
            actor_id=self.actor.person_id,
            action="edit_room",
            subject=self.room_id,
            details={"fields": sorted(self.changes)},
        )


class Rooms:
    """The lasting places where shows happen."""

    def __init__(
        self,
        *,
        database: Database,
        people: People,
        catalogue: Catalogue,
        memory: Memory,
        viewers: Callable[[str], int],
    ) -> None:
        self._database = database
        self._people = people
        self._catalogue = catalogue
        self._memory = memory
        self._viewers = viewers

    async def create(self, actor: Actor, draft: RoomDraft, *, key: str | None = None) -> RoomView:
        """Makes a room; who makes it is its host.

        Args:
            key: made by the client; a repetition answers with what the first one made.

        Raises:
            Refused: `forbidden`, `bad_field`, `already_exists` (the slug).
        """
        await self._people.require_shop(actor, Capability.ROOM_CREATE)
        title_en, title_ar = clean_title(draft.title.en, draft.title.ar)
        self._check_market(draft.market)
        room = Room(
            id=new_id(),
            slug=draft.slug,
            title_en=title_en,
            title_ar=title_ar,
            host_id=actor.person_id,
            market=draft.market,
            playback_url=clean_url(draft.playback_url, field="playback_url"),
            poster_url=clean_url(draft.poster_url, field="poster_url"),
            show_version=0,
            version=1,
        )
        once = Idempotency.of(actor.person_id, "create_room", key, draft, Made)
        made = await self._database.writer.submit(_Create(room=room, idempotency=once))
        return await self.view(made.id, actor)

    async def edit(self, actor: Actor, ref: str, patch: RoomPatch) -> RoomView:
        """Changes what a room is called and plays.

        Raises:
            Refused: `forbidden`, `not_found`, `bad_field`.
        """
        room_id = await self.resolve(ref)
        await self._people.require(actor, room_id, Capability.ROOM_EDIT)
        changes: dict[str, Any] = {}
        if isinstance(patch.title, Text):
            changes["title_en"], changes["title_ar"] = clean_title(patch.title.en, patch.title.ar)
        if patch.playback_url is None or isinstance(patch.playback_url, str):
            changes["playback_url"] = clean_url(patch.playback_url, field="playback_url")
        if patch.poster_url is None or isinstance(patch.poster_url, str):
            changes["poster_url"] = clean_url(patch.poster_url, field="poster_url")
        if changes:
            await self._database.writer.submit(_Edit(actor=actor, room_id=room_id, changes=changes))
            await self._memory.reread(room_id)
        return await self.view(room_id, actor)

    async def view(self, ref: str, actor: Actor | None) -> RoomView:
        """Returns a room by id or slug, with what `actor` may do in it.

        Raises:
            Refused: `not_found`.
        """
        standing = await self.standing(await self.resolve(ref))
        capabilities: list[str] = []
        if actor is not None:
            held = await self._people.capabilities(standing.room.id, actor.person_id)
            capabilities = sorted(capability.value for capability in held)
        names = await self._people.names([standing.room.host_id])
        return self._view(standing.room, standing.show, names, capabilities)

    async def list_rooms(self) -> RoomList:
        """Returns the rooms, those on air first."""
        async with self._database.reading() as connection:
            found = await reading.list_rooms(connection)
        names = await self._people.names({room.host_id for room, _ in found})
        return RoomList(rooms=[self._view(room, show, names, []) for room, show in found])

    async def resolve(self, ref: str) -> str:
        """Returns the id of the room that has this id or slug.

        Raises:
            Refused: `not_found`.
        """
        if self._memory.known(ref) is not None:
            return ref
        if not (ref.isascii() and ref.isprintable()):
            # Of a web address anything may come; PostgreSQL does not even compare with a NUL.
            raise Refused(Code.NOT_FOUND, field="room")
        room_id = self._memory.id_of_slug(ref)
        if room_id is None:
            async with self._database.reading() as connection:
                room_id = await reading.room_id_of_slug(connection, ref)
        return (await self._memory.room(room_id or ref)).standing.room.id

    async def facts(self, room_id: str) -> Room:
        """Returns whose room it is and where it sells, from memory. Raises Refused: `not_found`."""
        return (await self.standing(room_id)).room

    async def standing(self, room_id: str) -> Standing:
        """Returns the room and all that decides what may be done in it, at most 2 s old.

        Raises:
            Refused: `not_found`.
        """
        return (await self._memory.room(room_id)).standing

    def _check_market(self, market: str) -> None:
        if market not in {known.id for known in self._catalogue.markets().markets}:
            raise Refused(Code.BAD_FIELD, field="market")

    def _view(
        self, room: Room, show: Show | None, names: dict[str, str], capabilities: Iterable[str]
    ) -> RoomView:
        return RoomView(
            id=room.id,
            slug=room.slug,
            title=Text(en=room.title_en, ar=room.title_ar),
            host_id=room.host_id,
            host_name=names.get(room.host_id, ""),
            market=room.market,
            playback_url=room.playback_url,
            poster_url=room.poster_url,
            show=show_view(show) if show is not None else None,
            viewers=self._viewers(room.id),
            capabilities=[*capabilities],
            version=room.version,
        )
