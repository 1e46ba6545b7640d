"""Tables of sanctions and of the audit log, and the writes that fill them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, assert_never

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.database.schema import (
    append_only,
    id_column,
    metadata,
    time_column,
    version_column,
)
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.audit import GENESIS, Entry, Head, next_entry, written
from livecommerce.moderation.sanctions import (
    Sanction,
    SanctionKind,
    ban,
    lift,
    needed_for,
    time_out,
)
from livecommerce.moderation.wire import SanctionView
from livecommerce.people.roles import Capability

sanctions: Final = sa.Table(
    "sanctions",
    metadata,
    id_column(),  # `sanction_id`: the latest of one person in one room
    sa.Column("room_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    time_column("until_at", nullable=True),
    time_column("decided_at"),
    version_column(),
    sa.CheckConstraint("kind IN ('time_out', 'ban', 'lifted')", name="kind"),
    sa.CheckConstraint("(until_at IS NOT NULL) = (kind = 'time_out')", name="until"),
    sa.Index("ix_sanctions_room_id", "room_id"),
)

audit_log: Final = append_only(
    sa.Table(
        "audit_log",
        metadata,
        # Chain and number: a second entry of one number cannot be stored.
        id_column(),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        time_column("recorded_at"),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject", sa.Text),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.CheckConstraint("seq >= 1", name="seq"),
        sa.Index("ix_audit_log_chain_seq", "chain", "seq"),
    )
)

audit_heads: Final = sa.Table(
    "audit_heads",
    metadata,
    id_column(),  # the chain
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    version_column(),
)


def sanction_id(room_id: str, person_id: str) -> str:
    return f"{room_id}.{person_id}"


def entry_id(chain: str, seq: int) -> str:
    # Zeros in front, so that the order of the ids is the order of the entries.
    return f"{chain}:{seq:012}"


class Trail:
    """The audit log, as a write uses it: declare `need`, then `record` what was decided."""

    def need(self, chain: str) -> Need:
        """The head of the chain. Held to the commit: two processes cannot both write number 7."""
        return Need(audit_heads, chain, lock=True, create={"seq": 0, "hash": GENESIS})

    def record(
        self,
        rows: Rows,
        now: int,
        *,
        chain: str,
        actor_id: str,
        action: str,
        subject: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Adds an entry, in the transaction of what it tells of."""
        row = rows.get(audit_heads, chain)
        assert row is not None, "need() makes it"
        entry = next_entry(
            Head(row["seq"], row["hash"]),
            chain=chain,
            at=now,
            actor_id=actor_id,
            action=action,
            subject=subject,
            details=written(details),
        )
        rows.insert(
            audit_log,
            {
                "id": entry_id(chain, entry.seq),
                "chain": chain,
                "seq": entry.seq,
                "recorded_at": now,
                "actor_id": actor_id,
                "action": action,
                "subject": subject,
                "details": entry.details,
                "hash": entry.hash,
            },
        )
        rows.change(audit_heads, chain, seq=entry.seq, hash=entry.hash)


TRAIL: Final = Trail()


@dataclass(frozen=True, slots=True)
class Consequence:
    """What else happens in the transaction of a sanction: events, and messages taken away.

    Args:
        needs: rows that `decide` looks at or changes.
        decide: gets the rows, what was decided and the time. Pure, as every decision.
    """

    needs: tuple[Need, ...]
    decide: Callable[[Rows, SanctionView, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassSanction(Write[SanctionView]):
    """Decides and records one time-out, ban or lifting."""

    command_id: str
    kind: SanctionKind
    room_id: str
    person_id: str
    person_name: str
    actor_id: str
    actor_name: str
    capabilities: frozenset[Capability]
    reason: str
    duration_s: int
    then: Consequence | None

    @property
    def idempotency(self) -> Idempotency[SanctionView]:
        asked = f"{self.room_id}|{self.person_id}|{self.duration_s}|{self.reason}"
        return Idempotency(
            principal=self.actor_id,
            op=self.kind.value,
            key=self.command_id,
            fingerprint=sha256(asked.encode()).digest(),
            answer=SanctionView,
        )

    def needs(self) -> Iterable[Need]:
        yield Need(sanctions, sanction_id(self.room_id, self.person_id))
        yield TRAIL.need(self.room_id)
        if self.then is not None:
            yield from self.then.needs

    def decide(self, rows: Rows, now: int) -> SanctionView:
        id = sanction_id(self.room_id, self.person_id)
        row = rows.get(sanctions, id)
        held = None if row is None else sanction_of(row)
        needed = needed_for(self.kind, held)
        if needed not in self.capabilities:
            raise Refused(Code.FORBIDDEN, capability=needed.value)
        passed = self._pass(held, now)
        values = {
            "kind": passed.kind.value,
            "reason": self.reason,
            "decided_by": self.actor_id,
            "until_at": passed.until,
            "decided_at": now,
        }
        if row is None:
            of_whom = {"id": id, "room_id": self.room_id, "person_id": self.person_id}
            rows.insert(sanctions, {**of_whom, **values})
        else:
            rows.change(sanctions, id, **values)
        TRAIL.record(
            rows,
            now,
            chain=self.room_id,
            actor_id=self.actor_id,
            action="lift" if passed.kind is SanctionKind.LIFTED else passed.kind.value,
            subject=self.person_id,
            details={"until": passed.until, "reason": self.reason},
        )
        view = SanctionView(
            person_id=self.person_id,
            name=self.person_name,
            kind=passed.kind.value,
            until=passed.until,
            by=self.actor_name,
            at=now,
        )
        if self.then is not None:
            self.then.decide(rows, view, now)
        return view

    def _pass(self, held: Sanction | None, now: int) -> Sanction:
        match self.kind:
            case SanctionKind.TIME_OUT:
                return time_out(held, duration_s=self.duration_s, by=self.actor_id, now=now)
            case SanctionKind.BAN:
                return ban(held, by=self.actor_id, now=now)
            case SanctionKind.LIFTED:
                return lift(held, by=self.actor_id, now=now)
            case _:
                assert_never(self.kind)


def sanction_of(row: Mapping[Any, Any]) -> Sanction:
    """Returns a row of `sanctions` as the rules know it."""
    return Sanction(
        SanctionKind(row["kind"]), row["until_at"], row["decided_by"], row["decided_at"]
    )


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """Returns a row of `audit_log` as the chain knows it."""
    return Entry(
        chain=row["chain"],
        seq=row["seq"],
        at=row["recorded_at"],
        actor_id=row["actor_id"],
        action=row["action"],
        subject=row["subject"],
        details=row["details"],
        hash=row["hash"],
    )


async def read_chain(connection: AsyncConnection, chain: str) -> tuple[list[Entry], Head | None]:
    """Returns the entries of a chain in order, and its head."""
    rows = await connection.execute(
        sa.select(audit_log).where(audit_log.c.chain == chain).order_by(audit_log.c.seq)
    )
    entries = [entry_of(row) for row in rows.mappings()]
    head = await connection.execute(
        sa.select(audit_heads.c.seq, audit_heads.c.hash).where(audit_heads.c.id == chain)
    )
    found = head.first()
    return entries, None if found is None else Head(found.seq, found.hash)
