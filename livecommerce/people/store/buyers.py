"""Writes about a person's own details. What is personal goes to the vault, the rest stands here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from livecommerce.database.group_commit import Idempotency, Made, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Kind
from livecommerce.people.store.tables import (
    ADDRESSES_MAX,
    address_refs,
    grants,
    logins,
    people,
    sign_ins,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePerson(Write[None]):
    """Changes what is given; None leaves a value as it is."""

    person_id: str
    name: str | None = None
    market: str | None = None
    has_phone: bool | None = None

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(people, self.person_id)
        if row is None or row["erased_at"] is not None:
            raise Refused(Code.NOT_FOUND)
        if self.name is not None and self.name != row["name"] and row["kind"] == Kind.PLATFORM:
            # The platform's next token would undo it.
            raise Refused(Code.FORBIDDEN, field="name")
        wanted = {"name": self.name, "market": self.market, "has_phone": self.has_phone}
        changed = {
            column: value
            for column, value in wanted.items()
            if value is not None and value != row[column]
        }
        if changed:
            rows.change(people, self.person_id, **changed)


@dataclass(frozen=True, slots=True)
class AddAddressRef(Write[Made]):
    """Makes an address of the vault one of the person's addresses."""

    person_id: str
    address_id: str
    country: str
    idempotency: Idempotency[Made] | None = None

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)

    def decide(self, rows: Rows, now: int) -> Made:
        row = rows.get(people, self.person_id)
        if row is None or row["erased_at"] is not None:
            raise Refused(Code.NOT_FOUND)
        if row["address_count"] >= ADDRESSES_MAX:
            raise Refused(Code.LIMIT_REACHED, limit=ADDRESSES_MAX)
        rows.add(people, self.person_id, address_count=1)
        rows.insert(
            address_refs,
            {
                "id": self.address_id,
                "person_id": self.person_id,
                "country": self.country,
                "created_at": now,
            },
        )
        return Made(self.address_id)


@dataclass(frozen=True, slots=True)
class HideAddress(Write[None]):
    """Takes an address off the person's list. Orders that go there keep it."""

    person_id: str
    address_id: str

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)
        yield Need(address_refs, self.address_id)

    def decide(self, rows: Rows, now: int) -> None:
        ref = rows.get(address_refs, self.address_id)
        if ref is None or ref["person_id"] != self.person_id or ref["removed_at"] is not None:
            raise Refused(Code.NOT_FOUND)
        rows.change(address_refs, self.address_id, removed_at=now)
        rows.add(people, self.person_id, address_count=-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasePerson(Write[None]):
    """Leaves of a person the id that orders and the audit trail name, and nothing else."""

    person_id: str
    login_ids: tuple[str, ...]
    sign_in_ids: tuple[str, ...]
    address_ids: tuple[str, ...]
    grant_ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)
        for table, ids in (
            (logins, self.login_ids),
            (sign_ins, self.sign_in_ids),
            (address_refs, self.address_ids),
            (grants, self.grant_ids),
        ):
            for id in ids:
                yield Need(table, id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(people, self.person_id)
        if row is None:
            raise Refused(Code.NOT_FOUND)
        for login_id in self.login_ids:
            if rows.get(logins, login_id) is not None:
                rows.delete(logins, login_id)
        for grant_id in self.grant_ids:
            if rows.get(grants, grant_id) is not None:
                rows.delete(grants, grant_id)
        for sign_in_id in self.sign_in_ids:
            sign_in = rows.get(sign_ins, sign_in_id)
            if sign_in is not None and sign_in["ended_at"] is None:
                rows.change(sign_ins, sign_in_id, ended_at=now)
        hidden = 0
        for address_id in self.address_ids:
            ref = rows.get(address_refs, address_id)
            if ref is not None and ref["removed_at"] is None:
                rows.change(address_refs, address_id, removed_at=now)
                hidden += 1
        rows.change(
            people,
            self.person_id,
            name="",
            has_phone=False,
            address_count=row["address_count"] - hidden,
            erased_at=row["erased_at"] or now,
        )
