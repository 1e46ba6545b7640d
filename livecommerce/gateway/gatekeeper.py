"""Who may come in, as what, and what their commands do: the socket's view of the house."""

from __future__ import annotations

import msgspec

from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.websocket import Entry, Visitor
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.service import Moderation
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People
from livecommerce.protocol.commands import Command
from livecommerce.shows.service import Shows

_NOBODY = Visitor(person_id=None, name=None, kind="visitor")
_WATCHING = Entry()


class HouseGatekeeper:
    """Implements `gateway.websocket.Gatekeeper` over the services."""

    def __init__(
        self, *, people: People, shows: Shows, moderation: Moderation, dispatch: Dispatch
    ) -> None:
        self._people = people
        self._shows = shows
        self._moderation = moderation
        self._dispatch = dispatch

    async def admit(self, token: str | None) -> Visitor:
        """Returns who holds this token; no database is asked."""
        if token is None:
            return _NOBODY
        actor, expires_at = await self._people.authenticate(token)
        return Visitor(
            person_id=actor.person_id,
            name=actor.name,
            kind=actor.kind,
            expires_at=expires_at,
            sign_in_id=actor.sign_in_id,
        )

    async def enter(self, visitor: Visitor, room_id: str) -> Entry:
        """Returns what a visitor may see and do in the room. Raises Refused(BANNED)."""
        if visitor.person_id is None:
            return _WATCHING
        sanction = await self._moderation.sanction_of(room_id, visitor.person_id)
        if sanction is not None and sanction.kind == "ban":
            raise Refused(Code.BANNED)
        capabilities = await self._people.capabilities(room_id, visitor.person_id)
        if not capabilities:
            return _WATCHING
        return Entry(audience_class="staff", capabilities=tuple(sorted(capabilities)))

    async def execute(
        self, visitor: Visitor, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        """Executes a command in the visitor's name."""
        actor = None
        if visitor.person_id is not None:
            actor = Actor(
                person_id=visitor.person_id,
                name=visitor.name or "",
                kind=visitor.kind,
                sign_in_id=visitor.sign_in_id,
            )
        return await self._dispatch.execute(actor, room_id, command)
