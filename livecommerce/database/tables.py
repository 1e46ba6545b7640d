"""The tables of this folder: commits, what they have to tell, and the answers they gave."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from livecommerce.database.schema import id_column, metadata, time_column, version_column

commits: Final = sa.Table(
    "commits",
    metadata,
    # One row a batch, written in its transaction: when the answer to COMMIT is lost, this row tells
    # whether the batch is there. A void row was put in its place by the one who asked, so that the
    # answer can never change afterwards.
    id_column(),
    sa.Column("is_void", sa.Boolean, nullable=False, default=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    time_column("created_at"),
    time_column("published_at", nullable=True),
    version_column(),
    sa.CheckConstraint("entries >= 0", name="entries_counted"),
    sa.Index("ix_commits_created_at", "created_at"),
)
sa.Index(
    "ix_commits_unpublished",
    commits.c.created_at,
    sqlite_where=commits.c.published_at.is_(None),
    postgresql_where=commits.c.published_at.is_(None),
)

outbox: Final = sa.Table(
    "outbox",
    metadata,
    id_column(),
    # No foreign keys here: rows are written once, by the batch that writes the commit itself, and
    # swept out by age; `verify` looks for orphans.
    sa.Column("commit_id", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("room_id", sa.Text),
    sa.Column("person_id", sa.Text),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    time_column("created_at"),
    sa.CheckConstraint("(room_id IS NULL) <> (person_id IS NULL)", name="one_address"),
    sa.Index("ix_outbox_commit_id_position", "commit_id", "position"),
)

idempotency_keys: Final = sa.Table(
    "idempotency_keys",
    metadata,
    id_column(),  # key|op|principal
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    time_column("created_at"),
    sa.Index("ix_idempotency_keys_created_at", "created_at"),
)
