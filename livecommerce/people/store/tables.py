"""Tables of people, their sign-ins and roles. Nothing personal but the name everybody sees.

Logins are stored as blind indexes, phones and addresses not at all: they are in the vault.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import sqlalchemy as sa

from livecommerce.database.group_commit import Need, Rows
from livecommerce.database.schema import id_column, metadata, time_column, version_column
from livecommerce.people.roles import Role

ADDRESSES_MAX: Final = 20


class AuditTrail(Protocol):
    """Where uses of power are recorded. Kept by `moderation`, which stands above."""

    def need(self, chain: str) -> Need:
        """The row a write must hold to record something."""
        ...

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
        """Records one use, in the transaction of the write that is it."""
        ...


people: Final = sa.Table(
    "people",
    metadata,
    id_column(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("has_phone", sa.Boolean, nullable=False, default=False),
    sa.Column("address_count", sa.BigInteger, nullable=False, default=0),
    time_column("created_at"),
    time_column("erased_at", nullable=True),
    version_column(),
    sa.CheckConstraint("kind IN ('guest', 'account', 'platform', 'simulated')", name="kind"),
    sa.CheckConstraint(f"address_count BETWEEN 0 AND {ADDRESSES_MAX}", name="address_count"),
)

logins: Final = sa.Table(
    "logins",
    metadata,
    id_column(),  # the blind index: one login, one account
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("password_hash", sa.Text, nullable=False),
    time_column("created_at"),
    version_column(),
    sa.Index("ix_logins_person_id", "person_id"),
)

sign_ins: Final = sa.Table(
    "sign_ins",
    metadata,
    id_column(),
    sa.Column("person_id", sa.Text, nullable=False),
    # Only the refresh token of this generation can be exchanged for the next.
    sa.Column("generation", sa.BigInteger, nullable=False, default=1),
    time_column("rotated_at"),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("ended_at", nullable=True),
    version_column(),
    sa.CheckConstraint("generation >= 1", name="generation"),
    sa.Index("ix_sign_ins_person_id", "person_id"),
    sa.Index("ix_sign_ins_ended_at", "ended_at"),
    sa.Index("ix_sign_ins_expires_at", "expires_at"),
)

sign_in_links: Final = sa.Table(
    "sign_in_links",
    metadata,
    id_column(),  # SHA-256 of the token
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("uses_left", sa.BigInteger, nullable=False),
    time_column("created_at"),
    time_column("expires_at"),
    version_column(),
    sa.CheckConstraint("uses_left >= 0", name="uses_left"),
    sa.Index("ix_sign_in_links_expires_at", "expires_at"),
)

grants: Final = sa.Table(
    "grants",
    metadata,
    id_column(),  # `grant_id`: one role a person and scope
    sa.Column("scope_id", sa.Text, nullable=False),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("granted_by", sa.Text, nullable=False),
    time_column("created_at"),
    time_column("expires_at", nullable=True),
    version_column(),
    sa.CheckConstraint(
        "role IN ('host', 'co_host', 'moderator', 'merchant', 'seller')", name="role"
    ),
    sa.Index("ix_grants_scope_id", "scope_id"),
    sa.Index("ix_grants_person_id", "person_id"),
)

address_refs: Final = sa.Table(
    "address_refs",
    metadata,
    # The address itself is the vault's record of the same id.
    id_column(),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("country", sa.Text, nullable=False),
    time_column("created_at"),
    time_column("removed_at", nullable=True),
    version_column(),
    sa.Index("ix_address_refs_person_id", "person_id"),
)


def grant_id(scope_id: str, person_id: str) -> str:
    """The id of what a person holds in a scope."""
    return f"{scope_id}.{person_id}"


def record_founder(rows: Rows, *, scope_id: str, person_id: str, role: Role, now: int) -> None:
    """Gives somebody the room, or the merchant, that this write creates."""
    rows.insert(
        grants,
        {
            "id": grant_id(scope_id, person_id),
            "scope_id": scope_id,
            "person_id": person_id,
            "role": role.value,
            "granted_by": person_id,
            "created_at": now,
        },
    )
