"""The tables. A bag is one row with its offers in order, so that numbers cannot have gaps."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from livecommerce.database.schema import id_column, metadata, time_column, version_column


def _room_id() -> sa.Column[str]:
    return sa.Column("room_id", sa.Text, sa.ForeignKey("rooms.id"), nullable=False)


rooms: Final = sa.Table(
    "rooms",
    metadata,
    id_column(),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("title_ar", sa.Text, nullable=False),
    sa.Column("host_id", sa.Text, nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("playback_url", sa.Text),
    sa.Column("poster_url", sa.Text),
    # The room's current show. No foreign key: shows point at rooms, and a circle has no order.
    sa.Column("show_id", sa.Text),
    # The room's version when its show last changed: what `show_changed` says. It rises for ever,
    # which the versions of one show after another would not.
    sa.Column("show_version", sa.BigInteger, nullable=False, default=0),
    time_column("created_at"),
    version_column(),
    sa.Index("ix_rooms_created_at", "created_at"),
)

# A slug is taken by its row here: the primary key makes it one room's, in every process.
room_slugs: Final = sa.Table("room_slugs", metadata, id_column(), _room_id())

shows: Final = sa.Table(
    "shows",
    metadata,
    id_column(),
    _room_id(),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("title_ar", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    time_column("starts_at", nullable=True),
    time_column("started_at", nullable=True),
    time_column("ended_at", nullable=True),
    sa.Column("likes", sa.BigInteger, nullable=False, default=0),
    time_column("created_at"),
    version_column(),
    sa.CheckConstraint(
        "state IN ('scheduled', 'lobby', 'live', 'paused', 'ended')", name="state_known"
    ),
    sa.CheckConstraint("(state = 'ended') = (ended_at IS NOT NULL)", name="end_is_told"),
    sa.CheckConstraint("likes >= 0", name="likes_counted"),
)
# One show at a time, whatever two processes decide at once.
sa.Index(
    "uq_shows_current",
    shows.c.room_id,
    unique=True,
    sqlite_where=shows.c.state != "ended",
    postgresql_where=shows.c.state != "ended",
)
sa.Index("ix_shows_room_id_created_at", shows.c.room_id, shows.c.created_at)

bags: Final = sa.Table(
    "bags",
    metadata,
    id_column(),  # the room's id
    sa.Column("entries", sa.LargeBinary, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False, default=0),
    version_column(),
    sa.CheckConstraint("count BETWEEN 0 AND 500", name="within"),
    sa.ForeignKeyConstraint(["id"], ["rooms.id"]),
)

offers: Final = sa.Table(
    "offers",
    metadata,
    id_column(),
    _room_id(),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
    time_column("added_at"),
    # Orders keep the offer they were bought from, so a removed one keeps its row.
    time_column("removed_at", nullable=True),
    version_column(),
)
sa.Index(
    "uq_offers_room_id_product_id",
    offers.c.room_id,
    offers.c.product_id,
    unique=True,
    sqlite_where=offers.c.removed_at.is_(None),
    postgresql_where=offers.c.removed_at.is_(None),
)

pins: Final = sa.Table(
    "pins",
    metadata,
    id_column(),  # <room id>:<slot>
    _room_id(),
    sa.Column("slot", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text),
    sa.Column("offer_id", sa.Text, sa.ForeignKey("offers.id")),
    sa.Column("sale_id", sa.Text),
    sa.Column("shown", sa.LargeBinary),
    sa.Column("before", sa.LargeBinary),
    time_column("undo_until_at", nullable=True),
    version_column(),
    sa.CheckConstraint("slot BETWEEN 1 AND 3", name="slot_known"),
    sa.CheckConstraint("(kind IS NULL) = (shown IS NULL)", name="shown_is_of_a_kind"),
    sa.CheckConstraint(
        "CASE kind WHEN 'product' THEN offer_id IS NOT NULL AND sale_id IS NULL"
        " WHEN 'flash_sale' THEN offer_id IS NOT NULL AND sale_id IS NOT NULL"
        " ELSE offer_id IS NULL AND sale_id IS NULL END",
        name="points_at_its_kind",
    ),
    sa.Index("ix_pins_room_id", "room_id"),
)

chat_rules: Final = sa.Table(
    "chat_rules",
    metadata,
    id_column(),  # the room's id
    sa.Column("slow_mode_s", sa.BigInteger, nullable=False, default=0),
    version_column(),
    sa.CheckConstraint("slow_mode_s BETWEEN 0 AND 300", name="slow_mode_within"),
    sa.ForeignKeyConstraint(["id"], ["rooms.id"]),
)

chat_messages: Final = sa.Table(
    "chat_messages",
    metadata,
    id_column(),
    _room_id(),
    sa.Column("show_id", sa.Text),
    sa.Column("author_id", sa.Text, nullable=False),
    sa.Column("author_name", sa.Text, nullable=False),
    sa.Column("author_role", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("reply_to", sa.Text),
    sa.Column("reply_name", sa.Text),
    sa.Column("reply_text", sa.Text),
    sa.Column("mentions", sa.LargeBinary, nullable=False),
    time_column("said_at"),
    time_column("removed_at", nullable=True),
    sa.Column("removed_by", sa.Text),
    version_column(),
    sa.CheckConstraint(
        "removed_at IS NULL OR (text = '' AND reply_text IS NULL)", name="removed_is_blank"
    ),
    sa.Index("ix_chat_messages_room_id_said_at", "room_id", "said_at"),
    sa.Index("ix_chat_messages_room_id_author_id_said_at", "room_id", "author_id", "said_at"),
)
sa.Index(
    "ix_chat_messages_reply_to",
    chat_messages.c.reply_to,
    sqlite_where=chat_messages.c.reply_to.is_not(None),
    postgresql_where=chat_messages.c.reply_to.is_not(None),
)
sa.Index(
    "ix_chat_messages_removed_at",
    chat_messages.c.removed_at,
    sqlite_where=chat_messages.c.removed_at.is_not(None),
    postgresql_where=chat_messages.c.removed_at.is_not(None),
)
