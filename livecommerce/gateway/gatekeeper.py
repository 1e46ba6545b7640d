"""Who may come in, as what, and what their commands do: the socket's view of the house."""

from __future__ import annotations

import asyncio

import msgspec
import structlog

from livecommerce.gateway.dispatch import Dispatch
from livecommerce.gateway.websocket import Entry, Visitor
from livecommerce.kernel.errors import Refused
from livecommerce.moderation.service import Moderation
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import CAPABILITIES, Role
from livecommerce.people.service import People
from livecommerce.protocol.commands import Command
from livecommerce.realtime.hub import Hub

log = structlog.get_logger()

_NOBODY = Visitor(person_id=None, name=None, kind="visitor")
_WATCHING = Entry()
_REGRADE_S = 1.0


def _entry(role: Role | None) -> Entry:
    capabilities = CAPABILITIES[role] if role is not None else None
    if not capabilities:
        return _WATCHING
    return Entry(audience_class="staff", capabilities=tuple(sorted(capabilities)))


class HouseGatekeeper:
    """Implements `gateway.websocket.Gatekeeper` over the services."""

    def __init__(self, *, people: People, moderation: Moderation, dispatch: Dispatch) -> None:
        self._people = people
        self._moderation = moderation
        self._dispatch = dispatch
        self._shown: dict[str, dict[str, Role]] = {}
        """By room and person: the role that their open sockets are shown the room as."""

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
        role = await self._people.role(room_id, visitor.person_id)
        # Last, so that nothing is waited for between this answer and the entry.
        await self._moderation.check_may_enter(room_id, visitor.person_id)
        if role is not None:
            self._shown.setdefault(room_id, {})[visitor.person_id] = role
        return _entry(role)

    async def run(self, hub: Hub) -> None:
        """Applies roles that were given, taken or have run out to the sockets that are open.

        Commands ask for capabilities themselves; this is about what a socket is shown.
        """
        rooms_before: frozenset[str] = frozenset()
        while True:
            await asyncio.sleep(_REGRADE_S)
            rooms = frozenset(hub.room_ids())
            # A room that somebody is just entering may not be in the hub yet.
            for room_id in self._shown.keys() - rooms - rooms_before:
                del self._shown[room_id]
            try:
                for room_id in rooms:
                    await self._look(hub, room_id)
            except Refused as refused:
                log.warning("roles not looked at", code=refused.code)
            rooms_before = rooms

    async def _look(self, hub: Hub, room_id: str) -> None:
        staff = await self._people.staff(room_id)
        before = self._shown.get(room_id, {})
        self._shown[room_id] = staff
        for person_id in staff.keys() | before.keys():
            role = staff.get(person_id)
            if role != before.get(person_id):
                entry = _entry(role)
                # Every node looks for itself, so nobody else need hear of it.
                hub.regrade_here(person_id, room_id, entry.audience_class, entry.capabilities)

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
