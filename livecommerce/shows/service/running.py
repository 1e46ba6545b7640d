"""Plan a show, open the lobby, go live, pause, end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Need, Rows
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.staff_writes import StaffWrite
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.shows import shows as rules
from livecommerce.shows.rooms import clean_title
from livecommerce.shows.service.likes import Likes
from livecommerce.shows.service.memory import Memory
from livecommerce.shows.service.slots import Outdated
from livecommerce.shows.service.views import show_changed, show_view
from livecommerce.shows.shows import Show, State
from livecommerce.shows.store.records import columns_of_show, show_of
from livecommerce.shows.store.tables import rooms, shows
from livecommerce.shows.wire import MoveShow, PlanShow, ShowView
from livecommerce.stock.service import Stock

TRIES = 5
_MADE_ON_THE_WAY = (State.LOBBY, State.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShowWrite(StaffWrite[ShowView]):
    current_id: str | None
    """The room's show when this was prepared."""
    draft: Show
    """The show to make, should one be made."""

    def needs(self) -> Iterable[Need]:
        yield from self.trail()
        yield Need(rooms, self.room_id)
        if self.current_id is not None:
            yield Need(shows, self.current_id)

    def current(self, rows: Rows) -> Show | None:
        room = rows.get(rooms, self.room_id)
        if room is None:
            raise Refused(Code.NOT_FOUND, field="room")
        if room["show_id"] != self.current_id:
            raise Outdated
        row = rows.get(shows, self.current_id) if self.current_id is not None else None
        return show_of(row) if row is not None else None

    def save(self, rows: Rows, show: Show, now: int) -> ShowView:
        if show.id == self.current_id:
            rows.change(shows, show.id, **columns_of_show(show))
        else:
            rows.insert(
                shows,
                {
                    "id": show.id,
                    "room_id": show.room_id,
                    "created_at": now,
                    **columns_of_show(show),
                },
            )
        rows.change(rooms, self.room_id, show_id=show.id)
        version = rows.version(rooms, self.room_id)
        rows.change(rooms, self.room_id, show_version=version)
        rows.publish(self.room_id, show_changed(self.room_id, show, version=version, now=now))
        self.log(rows, now, subject=show.id, state=show.state.value)
        return show_view(show)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan(_ShowWrite):
    def decide(self, rows: Rows, now: int) -> ShowView:
        return self.save(rows, rules.plan(self.current(rows), self.draft), now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move(_ShowWrite):
    to: State

    def decide(self, rows: Rows, now: int) -> ShowView:
        show = self.current(rows)
        if (show is None or show.state is State.ENDED) and self.to in _MADE_ON_THE_WAY:
            room = rows.get(rooms, self.room_id)
            assert room is not None
            show = replace(self.draft, title_en=room["title_en"], title_ar=room["title_ar"])
        if show is None:
            raise Refused(Code.BAD_TRANSITION, held=None, to=self.to.value)
        return self.save(rows, rules.move(show, self.to, now=now), now)


class Running:
    """The shows of rooms, from their plan to their end."""

    def __init__(
        self, *, database: Database, people: People, stock: Stock, memory: Memory, likes: Likes
    ) -> None:
        self._database = database
        self._stock = stock
        self._people = people
        self._memory = memory
        self._likes = likes

    async def plan_show(self, actor: Actor, room_id: str, command: PlanShow) -> ShowView:
        """Plans the room's next show, or plans it anew while it has not begun.

        Raises:
            Refused: `forbidden`, `not_found`, `bad_field`, `bad_transition` (a show has begun).
        """
        await self._people.require(actor, room_id, Capability.SHOW_RUN)
        title_en, title_ar = clean_title(command.title.en, command.title.ar)
        draft = Show(
            id=new_id(),
            room_id=room_id,
            title_en=title_en,
            title_ar=title_ar,
            starts_at=command.starts_at,
        )
        return await self._submit(
            room_id,
            lambda current_id: _Plan(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=ShowView,
                current_id=current_id,
                draft=draft,
            ),
        )

    async def move_show(self, actor: Actor, room_id: str, command: MoveShow) -> ShowView:
        """Moves the room's show along; one is planned where none is. Its end ends its flash sales.

        Raises:
            Refused: `forbidden`, `not_found`, `bad_transition`.
        """
        await self._people.require(actor, room_id, Capability.SHOW_RUN)
        draft = Show(id=new_id(), room_id=room_id, title_en="", title_ar="")
        view = await self._submit(
            room_id,
            lambda current_id: _Move(
                actor=actor,
                room_id=room_id,
                command=command,
                answer=ShowView,
                current_id=current_id,
                draft=draft,
                to=State(command.to),
            ),
        )
        if view.state == State.ENDED:
            await self._stock.end_sales(actor, room_id)
        return view

    async def _submit(self, room_id: str, make: Callable[[str | None], _ShowWrite]) -> ShowView:
        room = await self._memory.room(room_id)
        for _ in range(TRIES):
            show = room.standing.show
            try:
                view = await self._database.writer.submit(make(show.id if show else None))
            except Outdated:
                # Another process has begun the next show.
                room = await self._memory.reread(room_id)
                continue
            await self._memory.reread(room_id)
            self._likes.tell(room_id)
            return view
        raise Refused(Code.CONFLICT)
