"""Writes that make people and let them in: guests, accounts, sign-ins, links, first sights."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from livecommerce.database.group_commit import ConstraintViolated, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Kind
from livecommerce.people.store.tables import logins, people, sign_in_links, sign_ins
from livecommerce.people.tokens import REUSE_GRACE_MS, RefreshClaims

ENDED_KEPT_MS: Final = 3_600_000
"""An ended sign-in stays listed until long after its last access token."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A sign-in as it now is."""

    sign_in_id: str
    generation: int
    expires_at: int
    person_id: str
    name: str
    kind: str
    market: str


@dataclass(frozen=True, slots=True)
class NewPerson:
    id: str
    kind: Kind
    name: str
    market: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPerson(Write[Opened | None]):
    """Stores a person, once; with a sign-in when one is named."""

    person: NewPerson
    sign_in_id: str | None
    sign_in_ms: int = 0

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person.id)

    def decide(self, rows: Rows, now: int) -> Opened | None:
        _add_person(rows, self.person, now)
        if self.sign_in_id is None:
            return None
        return _open_sign_in(rows, self.sign_in_id, self.person.id, now, self.sign_in_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddAccount(Write[Opened]):
    """Gives a person a login. A guest becomes an account and stays the same person, signed in."""

    person: NewPerson
    login_id: str
    password_hash: str
    sign_in_id: str
    is_guest: bool
    """The person and the sign-in are a guest's, and exist."""
    sign_in_ms: int

    def needs(self) -> Iterable[Need]:
        yield Need(logins, self.login_id)
        yield Need(people, self.person.id)
        yield Need(sign_ins, self.sign_in_id)

    def decide(self, rows: Rows, now: int) -> Opened:
        if rows.get(logins, self.login_id) is not None:
            raise Refused(Code.ALREADY_EXISTS, field="login")
        if self.is_guest:
            self._promote(rows)
        else:
            _add_person(rows, self.person, now)
        rows.insert(
            logins,
            {
                "id": self.login_id,
                "person_id": self.person.id,
                "password_hash": self.password_hash,
                "created_at": now,
            },
        )
        if self.is_guest:
            return _rotate(rows, self.sign_in_id, now, self.sign_in_ms)
        return _open_sign_in(rows, self.sign_in_id, self.person.id, now, self.sign_in_ms)

    def refusal(self, violated: ConstraintViolated) -> Refused | None:
        # Another process took the login between our looking and our saving.
        return Refused(Code.ALREADY_EXISTS, field="login") if violated.kind == "unique" else None

    def _promote(self, rows: Rows) -> None:
        guest, sign_in = rows.get(people, self.person.id), rows.get(sign_ins, self.sign_in_id)
        if guest is None or sign_in is None or sign_in["ended_at"] is not None:
            raise Refused(Code.UNAUTHENTICATED)
        if guest["kind"] != Kind.GUEST:
            raise Refused(Code.ALREADY_EXISTS, reason="account")
        rows.change(
            people,
            self.person.id,
            kind=Kind.ACCOUNT.value,
            name=self.person.name,
            market=self.person.market,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSignIn(Write[Opened]):
    """Lets somebody in whose password was right; stores it at today's cost when that changed."""

    sign_in_id: str
    person_id: str
    login_id: str
    password_hash: str
    """As it was read; when it is another by now, the password was changed meanwhile."""
    new_hash: str | None
    sign_in_ms: int

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)
        yield Need(logins, self.login_id)

    def decide(self, rows: Rows, now: int) -> Opened:
        login = rows.get(logins, self.login_id)
        if login is None or login["password_hash"] != self.password_hash:
            raise Refused(Code.WRONG_CREDENTIALS)
        if self.new_hash is not None:
            rows.change(logins, self.login_id, password_hash=self.new_hash)
        return _open_sign_in(rows, self.sign_in_id, self.person_id, now, self.sign_in_ms)


class Outcome(StrEnum):
    ROTATED = "rotated"
    AGAIN = "again"
    """The token before the current one, shown again at once: it gets the same successor."""
    REUSED = "reused"
    """An older token: it was copied. The sign-in has been ended."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Rotate(Write[tuple[Outcome, Opened | None]]):
    """Exchanges a refresh token for the next. A reused one ends the sign-in for everybody."""

    claims: RefreshClaims
    sign_in_ms: int

    def needs(self) -> Iterable[Need]:
        yield Need(sign_ins, self.claims.sign_in_id)
        yield Need(people, self.claims.person_id)

    def decide(self, rows: Rows, now: int) -> tuple[Outcome, Opened | None]:
        id, generation = self.claims.sign_in_id, self.claims.generation
        row = rows.get(sign_ins, id)
        if row is None or row["ended_at"] is not None or row["expires_at"] <= now:
            return Outcome.REFUSED, None
        assert row["person_id"] == self.claims.person_id, "we made the token from this row"
        if generation == row["generation"]:
            return Outcome.ROTATED, _rotate(rows, id, now, self.sign_in_ms)
        is_last = generation == row["generation"] - 1
        if is_last and now - row["rotated_at"] <= REUSE_GRACE_MS:
            return Outcome.AGAIN, _opened(rows, id)
        rows.change(sign_ins, id, ended_at=now)
        return Outcome.REUSED, None


@dataclass(frozen=True, slots=True)
class EndSignIns(Write[tuple[str, ...]]):
    """Ends sign-ins; returns those it was that ended."""

    sign_in_ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        for sign_in_id in self.sign_in_ids:
            yield Need(sign_ins, sign_in_id)

    def decide(self, rows: Rows, now: int) -> tuple[str, ...]:
        ended = []
        for sign_in_id in self.sign_in_ids:
            row = rows.get(sign_ins, sign_in_id)
            if row is not None and row["ended_at"] is None:
                rows.change(sign_ins, sign_in_id, ended_at=now)
                ended.append(sign_in_id)
        return tuple(ended)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddLink(Write[None]):
    link_id: str
    person_id: str
    uses: int
    valid_ms: int

    def needs(self) -> Iterable[Need]:
        yield Need(people, self.person_id)

    def decide(self, rows: Rows, now: int) -> None:
        _person(rows, self.person_id)
        rows.insert(
            sign_in_links,
            {
                "id": self.link_id,
                "person_id": self.person_id,
                "uses_left": self.uses,
                "created_at": now,
                "expires_at": now + self.valid_ms,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UseLink(Write[Opened]):
    link_id: str
    person_id: str
    sign_in_id: str
    sign_in_ms: int

    def needs(self) -> Iterable[Need]:
        yield Need(sign_in_links, self.link_id)
        yield Need(people, self.person_id)

    def decide(self, rows: Rows, now: int) -> Opened:
        link = rows.get(sign_in_links, self.link_id)
        if link is None or link["uses_left"] < 1 or link["expires_at"] <= now:
            raise Refused(Code.UNAUTHENTICATED)
        rows.add(sign_in_links, self.link_id, uses_left=-1)
        return _open_sign_in(rows, self.sign_in_id, self.person_id, now, self.sign_in_ms)


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody a platform's token told us of. `market` None: the token named none."""

    person_id: str
    name: str
    market: str | None


@dataclass(frozen=True, slots=True)
class SeePeople(Write[None]):
    """Stores many platform people at once: those not known yet, and new names of those known."""

    seen: tuple[Seen, ...]
    default_market: str

    def needs(self) -> Iterable[Need]:
        for one in self.seen:
            yield Need(people, one.person_id)

    def decide(self, rows: Rows, now: int) -> None:
        for one in self.seen:
            row = rows.get(people, one.person_id)
            if row is None:
                market = one.market or self.default_market
                _add_person(rows, NewPerson(one.person_id, Kind.PLATFORM, one.name, market), now)
                continue
            market = one.market or row["market"]
            is_same = row["name"] == one.name and row["market"] == market
            if not is_same and row["erased_at"] is None:
                rows.change(people, one.person_id, name=one.name, market=market)


@dataclass(frozen=True, slots=True)
class Sweep(Write[int]):
    """Deletes sign-ins and links that nobody can use any more; returns how many went."""

    sign_in_ids: tuple[str, ...]
    link_ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        for sign_in_id in self.sign_in_ids:
            yield Need(sign_ins, sign_in_id)
        for link_id in self.link_ids:
            yield Need(sign_in_links, link_id)

    def decide(self, rows: Rows, now: int) -> int:
        # Chosen by an earlier reading, so looked at once more: one may live on.
        count = 0
        for sign_in_id in self.sign_in_ids:
            sign_in = rows.get(sign_ins, sign_in_id)
            if sign_in is not None and is_spent(sign_in["expires_at"], sign_in["ended_at"], now):
                rows.delete(sign_ins, sign_in_id)
                count += 1
        for link_id in self.link_ids:
            link = rows.get(sign_in_links, link_id)
            if link is not None and link["expires_at"] <= now:
                rows.delete(sign_in_links, link_id)
                count += 1
        return count


def is_spent(expires_at: int, ended_at: int | None, now: int) -> bool:
    """Tells whether a sign-in is of no use to anybody, the list of ended ones included."""
    return expires_at <= now or (ended_at is not None and ended_at <= now - ENDED_KEPT_MS)


def _add_person(rows: Rows, person: NewPerson, now: int) -> None:
    if rows.get(people, person.id) is None:
        rows.insert(
            people,
            {
                "id": person.id,
                "kind": person.kind.value,
                "name": person.name,
                "market": person.market,
                "created_at": now,
            },
        )


def _person(rows: Rows, person_id: str) -> None:
    row = rows.get(people, person_id)
    if row is None or row["erased_at"] is not None:
        raise Refused(Code.NOT_FOUND)


def _open_sign_in(rows: Rows, sign_in_id: str, person_id: str, now: int, sign_in_ms: int) -> Opened:
    person = rows.get(people, person_id)
    if person is None or person["erased_at"] is not None:
        raise Refused(Code.UNAUTHENTICATED)
    rows.insert(
        sign_ins,
        {
            "id": sign_in_id,
            "person_id": person_id,
            "rotated_at": now,
            "created_at": now,
            "expires_at": now + sign_in_ms,
        },
    )
    return _opened(rows, sign_in_id)


def _rotate(rows: Rows, sign_in_id: str, now: int, sign_in_ms: int) -> Opened:
    row = rows.get(sign_ins, sign_in_id)
    assert row is not None
    rows.change(
        sign_ins,
        sign_in_id,
        generation=row["generation"] + 1,
        rotated_at=now,
        expires_at=now + sign_in_ms,
    )
    return _opened(rows, sign_in_id)


def _opened(rows: Rows, sign_in_id: str) -> Opened:
    sign_in = rows.get(sign_ins, sign_in_id)
    assert sign_in is not None
    person = rows.get(people, sign_in["person_id"])
    assert person is not None
    return Opened(
        sign_in_id=sign_in_id,
        generation=sign_in["generation"],
        expires_at=sign_in["expires_at"],
        person_id=sign_in["person_id"],
        name=person["name"],
        kind=person["kind"],
        market=person["market"],
    )
