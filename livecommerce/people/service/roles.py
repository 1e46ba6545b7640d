"""Who may do what, where: asked with every command, so answered from memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor, Kind
from livecommerce.people.roles import (
    CAPABILITIES,
    GRANTABLE,
    SHOP,
    Capability,
    Role,
    is_current,
)
from livecommerce.people.service.cache import RecentValues
from livecommerce.people.store.roles import GiveRole, TakeRole
from livecommerce.people.store.tables import AuditTrail, grant_id, grants

_NOTHING: Final[frozenset[Capability]] = frozenset()
_BY_KIND: Final = frozenset({Capability.ROOM_CREATE, Capability.MERCHANT_CREATE})


@dataclass(frozen=True, slots=True)
class Held:
    role: Role
    expires_at: int | None


@dataclass(frozen=True, slots=True)
class Grant:
    """A role somebody was given."""

    id: str
    person_id: str
    role: Role
    expires_at: int | None


class Roles:
    """Gives, takes and looks up roles."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        audit: AuditTrail,
        everybody_may_sell: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._audit = audit
        self._everybody_may_sell = everybody_may_sell
        self._held = RecentValues(self._load, clock=clock)

    async def role(self, scope_id: str, person_id: str) -> Role | None:
        held = (await self._held.get(scope_id)).get(person_id)
        if held is None or not is_current(held.expires_at, self._clock.now_ms()):
            return None
        return held.role

    async def staff(self, scope_id: str) -> dict[str, Role]:
        now = self._clock.now_ms()
        return {
            person_id: held.role
            for person_id, held in (await self._held.get(scope_id)).items()
            if is_current(held.expires_at, now)
        }

    async def capabilities(self, scope_id: str, person_id: str) -> frozenset[Capability]:
        role = await self.role(scope_id, person_id)
        return _NOTHING if role is None else CAPABILITIES[role]

    async def of_kind(self, person_id: str, kind: str) -> frozenset[Capability]:
        """Returns the powers over the whole shop."""
        granted = await self.capabilities(SHOP, person_id)
        if self._everybody_may_sell and kind != Kind.GUEST:
            return granted | _BY_KIND
        return granted

    async def require(self, actor: Actor, scope_id: str, capability: Capability) -> None:
        if capability not in await self.capabilities(scope_id, actor.person_id):
            raise Refused(Code.FORBIDDEN, capability=capability.value)

    async def require_shop(self, actor: Actor, capability: Capability) -> None:
        if capability not in await self.of_kind(actor.person_id, actor.kind):
            raise Refused(Code.FORBIDDEN, capability=capability.value)

    async def grant(
        self, actor: Actor, scope_id: str, *, person_id: str, role: str, expires_at: int | None
    ) -> Grant:
        await self.require(actor, scope_id, Capability.ROLES_GRANT)
        if role not in GRANTABLE:
            raise Refused(Code.BAD_FIELD, field="role")
        given = Role(role)
        await self.give(
            scope_id, person_id=person_id, role=given, expires_at=expires_at, by=actor.person_id
        )
        return Grant(grant_id(scope_id, person_id), person_id, given, expires_at)

    async def give(
        self, scope_id: str, *, person_id: str, role: Role, expires_at: int | None, by: str
    ) -> None:
        """Gives a role without asking whether `by` may: for the operator and the demo."""
        await self._database.writer.submit(
            GiveRole(
                audit=self._audit,
                actor_id=by,
                scope_id=scope_id,
                person_id=person_id,
                role=role,
                expires_at=expires_at,
            )
        )
        self._held.forget(scope_id)

    async def revoke(self, actor: Actor, scope_id: str, id: str) -> str:
        await self.require(actor, scope_id, Capability.ROLES_GRANT)
        person_id = await self._database.writer.submit(
            TakeRole(audit=self._audit, actor_id=actor.person_id, scope_id=scope_id, grant_id=id)
        )
        self._held.forget(scope_id)
        return person_id

    async def grants(self, actor: Actor, scope_id: str) -> list[Grant]:
        """Returns who works here; anybody who does may see it."""
        if await self.role(scope_id, actor.person_id) is None:
            raise Refused(Code.FORBIDDEN)
        now = self._clock.now_ms()
        rows = await self._database.fetch(
            sa.select(grants).where(grants.c.scope_id == scope_id).order_by(grants.c.created_at)
        )
        return [
            Grant(row["id"], row["person_id"], Role(row["role"]), row["expires_at"])
            for row in rows
            if is_current(row["expires_at"], now)
        ]

    async def refresh(self) -> None:
        """Reads the scopes in use again."""
        await self._held.refresh()

    def forget(self, scope_id: str) -> None:
        self._held.forget(scope_id)

    async def _load(self, scope_ids: Collection[str]) -> Mapping[str, Mapping[str, Held]]:
        rows = await self._database.fetch(
            sa.select(
                grants.c.scope_id, grants.c.person_id, grants.c.role, grants.c.expires_at
            ).where(grants.c.scope_id.in_(scope_ids))
        )
        held: dict[str, dict[str, Held]] = {scope_id: {} for scope_id in scope_ids}
        for row in rows:
            held[row["scope_id"]][row["person_id"]] = Held(Role(row["role"]), row["expires_at"])
        return held
