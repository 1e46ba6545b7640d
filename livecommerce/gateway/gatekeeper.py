"""Who may come in, as what, and what their commands do: the socket's view of the house."""

from __future__ import annotations

import asyncio

import msgspec

from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.websocket import Entry, Visitor
from livecommerce.moderation.service import Moderation
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability, Role
from livecommerce.people.service import People
from livecommerce.protocol.commands import Command
from livecommerce.realtime.hub import Hub

_NOBODY = Visitor(person_id=None, name=None, kind="visitor")
_WATCHING = Entry()
_REGRADE_S = 1.0


def _entry(capabilities: frozenset[Capability]) -> Entry:
    if not capabilities:
        return _WATCHING
    return Entry(audience_class="staff", capabilities=tuple(sorted(capabilities)))


class HouseGatekeeper:
    """Implements `gateway.websocket.Gatekeeper` over the services."""

    def __init__(self, *, people: People, moderation: Moderation, dispatch: Dispatch) -> None:
        self._people = people
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
        await self._moderation.check_may_enter(room_id, visitor.person_id)
        return _entry(await self._people.capabilities(room_id, visitor.person_id))

    async def run(self, hub: Hub) -> None:
        """Applies roles that were given, taken or have run out to the sockets that are open.

        Commands ask for capabilities themselves; this is about what a socket is shown.
        """
        known: dict[str, dict[str, Role]] = {}
        while True:
            await asyncio.sleep(_REGRADE_S)
            rooms = hub.room_ids()
            known = {room_id: known.get(room_id, {}) for room_id in rooms}
            for room_id in rooms:
                staff = await self._people.staff(room_id)
                before = known[room_id]
                known[room_id] = staff
                for person_id in staff.keys() | before.keys():
                    if staff.get(person_id) != before.get(person_id):
                        await self._regrade(hub, room_id, person_id)

    async def _regrade(self, hub: Hub, room_id: str, person_id: str) -> None:
        capabilities = await self._people.capabilities(room_id, person_id)
        entry = _entry(capabilities)
        hub.regrade(person_id, room_id, entry.audience_class, entry.capabilities)

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
