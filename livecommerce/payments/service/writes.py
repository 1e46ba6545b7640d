"""Cards and provider events, as writes of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from livecommerce.database.group_commit import ConstraintViolated, Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.payments import store
from livecommerce.payments.providers.port import CardFace

_EVENT_TRIES_MAX = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCard(Write[None]):
    id: str
    person_id: str
    provider: str
    token: str = field(repr=False)
    face: CardFace

    def needs(self) -> Iterable[Need]:
        yield Need(store.cards, self.id)

    def decide(self, rows: Rows, now: int) -> None:
        rows.insert(
            store.cards,
            {
                "id": self.id,
                "person_id": self.person_id,
                "provider": self.provider,
                "token": self.token,
                "brand": self.face.brand,
                "last4": self.face.last4,
                "expires": self.face.expires,
                "created_at": now,
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetCard(Write[None]):
    """The row stays, because attempts name it; the token does not."""

    id: str
    person_id: str

    def needs(self) -> Iterable[Need]:
        yield Need(store.cards, self.id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(store.cards, self.id)
        if row is None or row["person_id"] != self.person_id:
            raise Refused(Code.NOT_FOUND)
        if row["removed_at"] is None:
            rows.change(store.cards, self.id, removed_at=now, token="")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepEvent(Write[bool]):
    """Stores a webhook before it is acknowledged. Answers whether it was new."""

    id: str
    provider: str
    kind: str
    psp_ref: str | None
    body: bytes

    def needs(self) -> Iterable[Need]:
        yield Need(store.psp_events, self.id)

    def decide(self, rows: Rows, now: int) -> bool:
        if rows.get(store.psp_events, self.id) is not None:
            return False
        is_about_payment = self.psp_ref is not None and self.kind.startswith("payment.")
        rows.insert(
            store.psp_events,
            {
                "id": self.id,
                "provider": self.provider,
                "kind": self.kind,
                "psp_ref": self.psp_ref,
                "body": self.body,
                "state": "new" if is_about_payment else "ignored",
                "due_at": now if is_about_payment else None,
                "created_at": now,
            },
        )
        return True

    def refusal(self, violated: ConstraintViolated) -> Refused | None:
        # Another process stored the same event in the same moment.
        return Refused(Code.ALREADY_EXISTS) if violated.table == "psp_events" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseEvent(Write[None]):
    """An event was dealt with, is about nothing of ours, or has to wait."""

    id: str
    state: str

    def needs(self) -> Iterable[Need]:
        yield Need(store.psp_events, self.id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(store.psp_events, self.id)
        if row is None or row["state"] != "new":
            return
        tries = row["tries"] + 1
        state = "ignored" if self.state == "new" and tries >= _EVENT_TRIES_MAX else self.state
        due_at = now + 1_000 * 2**tries if state == "new" else None
        rows.change(store.psp_events, self.id, state=state, tries=tries, due_at=due_at)
