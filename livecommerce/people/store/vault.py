"""Tables of the vault. They live in a database of their own, one for each region."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.database.schema import (
    append_only,
    id_column,
    metadata,
    time_column,
    version_column,
)

vault_keys: Final = sa.Table(
    "vault_keys",
    metadata,
    id_column(),  # the person
    sa.Column("region", sa.Text, nullable=False),
    sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
    # How many records the key seals: who destroys it must know them all.
    sa.Column("records", sa.BigInteger, nullable=False, default=0),
    time_column("created_at"),
    version_column(),
    sa.CheckConstraint("records >= 0", name="records"),
)

vault_records: Final = sa.Table(
    "vault_records",
    metadata,
    id_column(),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    time_column("created_at"),
    version_column(),
    sa.CheckConstraint("kind IN ('contact', 'address')", name="kind"),
    sa.Index("ix_vault_records_person_id", "person_id"),
)

vault_access: Final = append_only(
    sa.Table(
        "vault_access",
        metadata,
        id_column(),
        sa.Column("person_id", sa.Text, nullable=False),
        sa.Column("record_id", sa.Text, nullable=False),
        sa.Column("reader_id", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        time_column("read_at"),
        sa.Index("ix_vault_access_person_id", "person_id"),
    )
)


@dataclass(frozen=True, slots=True)
class KeepKey(Write[bytes]):
    """Stores a person's wrapped data key unless there is one; returns the one that counts."""

    person_id: str
    region: str
    wrapped_key: bytes

    def needs(self) -> Iterable[Need]:
        yield Need(vault_keys, self.person_id)

    def decide(self, rows: Rows, now: int) -> bytes:
        held = rows.get(vault_keys, self.person_id)
        if held is not None:
            wrapped: bytes = held["wrapped_key"]
            return wrapped
        rows.insert(
            vault_keys,
            {
                "id": self.person_id,
                "region": self.region,
                "wrapped_key": self.wrapped_key,
                "created_at": now,
            },
        )
        return self.wrapped_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepRecord(Write[bool]):
    """Stores a sealed record; False when the key it was sealed with is no longer the person's."""

    person_id: str
    record_id: str
    kind: str
    sealed: bytes
    wrapped_key: bytes

    def needs(self) -> Iterable[Need]:
        yield Need(vault_keys, self.person_id)
        yield Need(vault_records, self.record_id)

    def decide(self, rows: Rows, now: int) -> bool:
        key = rows.get(vault_keys, self.person_id)
        if key is None or key["wrapped_key"] != self.wrapped_key:
            return False
        held = rows.get(vault_records, self.record_id)
        if held is None:
            rows.add(vault_keys, self.person_id, records=1)
            rows.insert(
                vault_records,
                {
                    "id": self.record_id,
                    "person_id": self.person_id,
                    "kind": self.kind,
                    "sealed": self.sealed,
                    "created_at": now,
                },
            )
        else:
            assert held["person_id"] == self.person_id, "a record has moved to another person"
            rows.change(vault_records, self.record_id, sealed=self.sealed)
        return True


@dataclass(frozen=True, slots=True)
class LogAccess(Write[None]):
    """Records who is about to read what, and why."""

    entries: tuple[tuple[str, str], ...]
    """Id of the entry, id of the record."""
    person_id: str
    reader_id: str
    purpose: str

    def needs(self) -> Iterable[Need]:
        return ()

    def decide(self, rows: Rows, now: int) -> None:
        for id, record_id in self.entries:
            rows.insert(
                vault_access,
                {
                    "id": id,
                    "person_id": self.person_id,
                    "record_id": record_id,
                    "reader_id": self.reader_id,
                    "purpose": self.purpose,
                    "read_at": now,
                },
            )


@dataclass(frozen=True, slots=True)
class DropRecord(Write[None]):
    """Deletes one record of a person."""

    person_id: str
    record_id: str

    def needs(self) -> Iterable[Need]:
        yield Need(vault_keys, self.person_id)
        yield Need(vault_records, self.record_id)

    def decide(self, rows: Rows, now: int) -> None:
        held = rows.get(vault_records, self.record_id)
        if held is not None and held["person_id"] == self.person_id:
            rows.delete(vault_records, self.record_id)
            rows.add(vault_keys, self.person_id, records=-1)


@dataclass(frozen=True, slots=True)
class DestroyKey(Write[bool]):
    """Destroys a person's data key and records. Copies in backups stay closed without the key.

    False, and nothing destroyed, when there are records it was not told of.
    """

    person_id: str
    record_ids: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        yield Need(vault_keys, self.person_id)
        for record_id in self.record_ids:
            yield Need(vault_records, record_id)

    def decide(self, rows: Rows, now: int) -> bool:
        key = rows.get(vault_keys, self.person_id)
        if key is None:
            return True
        there = [id for id in self.record_ids if rows.get(vault_records, id) is not None]
        if key["records"] != len(there):
            return False
        for record_id in there:
            rows.delete(vault_records, record_id)
        rows.delete(vault_keys, self.person_id)
        return True
