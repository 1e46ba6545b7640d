"""Writes that give and take roles. Each is recorded in the audit trail of its scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Kind
from livecommerce.people.roles import GRANTABLE, Role
from livecommerce.people.store.tables import AuditTrail, grant_id, grants, people


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveRole(Write[None]):
    """Gives a person a role in a scope, in place of the one held there before."""

    audit: AuditTrail
    actor_id: str
    scope_id: str
    person_id: str
    role: Role
    expires_at: int | None

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)
        yield Need(grants, grant_id(self.scope_id, self.person_id))
        yield self.audit.need(self.scope_id)

    def decide(self, rows: Rows, now: int) -> None:
        person = rows.get(people, self.person_id)
        if person is None or person["erased_at"] is not None:
            raise Refused(Code.NOT_FOUND, field="person_id")
        if person["kind"] == Kind.GUEST:
            # Power needs somebody who can be found again.
            raise Refused(Code.BAD_FIELD, field="person_id", reason="guest")
        if self.expires_at is not None and self.expires_at <= now:
            raise Refused(Code.BAD_FIELD, field="expires_at")
        id = grant_id(self.scope_id, self.person_id)
        held = rows.get(grants, id)
        values = {
            "role": self.role.value,
            "granted_by": self.actor_id,
            "created_at": now,
            "expires_at": self.expires_at,
        }
        if held is None:
            of_whom = {"id": id, "scope_id": self.scope_id, "person_id": self.person_id}
            rows.insert(grants, {**of_whom, **values})
        elif Role(held["role"]) not in GRANTABLE and self.role in GRANTABLE:
            # The founder's own role cannot be exchanged for a lesser one.
            raise Refused(Code.FORBIDDEN)
        else:
            rows.change(grants, id, **values)
        self.audit.record(
            rows,
            now,
            chain=self.scope_id,
            actor_id=self.actor_id,
            action="grant_role",
            subject=self.person_id,
            details={"role": self.role.value, "expires_at": self.expires_at},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeRole(Write[str]):
    """Takes a role that was given; returns whose it was."""

    audit: AuditTrail
    actor_id: str
    scope_id: str
    grant_id: str

    def needs(self) -> Iterable[Need]:
        yield Need(grants, self.grant_id)
        yield self.audit.need(self.scope_id)

    def decide(self, rows: Rows, now: int) -> str:
        held = rows.get(grants, self.grant_id)
        if held is None or held["scope_id"] != self.scope_id:
            raise Refused(Code.NOT_FOUND)
        if Role(held["role"]) not in GRANTABLE:
            raise Refused(Code.FORBIDDEN)
        rows.delete(grants, self.grant_id)
        person_id: str = held["person_id"]
        self.audit.record(
            rows,
            now,
            chain=self.scope_id,
            actor_id=self.actor_id,
            action="revoke_role",
            subject=person_id,
            details={"role": held["role"]},
        )
        return person_id
