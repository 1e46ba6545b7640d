"""What is read outside of writes. Every function takes the connection it reads through, so that
several can see one moment of the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.shows.bag import Bag
from livecommerce.shows.pins import Slot
from livecommerce.shows.rooms import Room, Standing
from livecommerce.shows.shows import Show
from livecommerce.shows.store.records import (
    PinRecord,
    Row,
    bag_of,
    message_of,
    room_of,
    show_of,
    slot_of,
)
from livecommerce.shows.store.tables import (
    bags,
    chat_messages,
    chat_rules,
    offers,
    pins,
    room_slugs,
    rooms,
    shows,
)
from livecommerce.shows.wire import ChatPosted

_SHOW = [
    column.label(f"show_{column.name}") for column in shows.columns if column.name != "version"
]
_ROOM = [column.label(f"room_{column.name}") for column in rooms.columns]

RANK = {"live": 0, "paused": 0, "lobby": 1, "scheduled": 2}
LISTED_MAX = 100


async def _fetch(connection: AsyncConnection, statement: sa.Select[Any]) -> Sequence[Row]:
    rows: Sequence[Row] = (await connection.execute(statement)).mappings().all()
    return rows


def _room_and_show(row: Row) -> tuple[Room, Show | None]:
    room = {column.name: row[f"room_{column.name}"] for column in rooms.columns}
    if row["show_id"] is None:
        return room_of(room), None
    show = {
        column.name: row[f"show_{column.name}"]
        for column in shows.columns
        if column.name != "version"
    }
    return room_of(room), show_of(show)


async def room_id_of_slug(connection: AsyncConnection, slug: str) -> str | None:
    found = await _fetch(connection, sa.select(room_slugs.c.room_id).where(room_slugs.c.id == slug))
    return found[0]["room_id"] if found else None


async def list_rooms(connection: AsyncConnection) -> list[tuple[Room, Show | None]]:
    """Rooms with their current shows: on air first, then those about to be, then the newest."""
    rank = sa.case(RANK, value=shows.c.state, else_=3)
    statement = (
        sa.select(*_ROOM, *_SHOW)
        .select_from(rooms.outerjoin(shows, shows.c.id == rooms.c.show_id))
        .order_by(rank, shows.c.starts_at.is_(None), shows.c.starts_at, rooms.c.created_at.desc())
        .limit(LISTED_MAX)
    )
    return [_room_and_show(row) for row in await _fetch(connection, statement)]


async def standings(
    connection: AsyncConnection,
    room_ids: Collection[str],
    known_bags: Mapping[str, tuple[int, Bag]] | None = None,
) -> dict[str, Standing]:
    """What decides what may be done in these rooms; unknown ones are missing.

    Args:
        known_bags: bags by room with their versions; one of the same version is not read again.
    """
    known_bags = known_bags or {}
    statement = (
        sa.select(
            *_ROOM,
            *_SHOW,
            bags.c.version.label("bag_version"),
            chat_rules.c.slow_mode_s,
            chat_rules.c.version.label("rules_version"),
        )
        .select_from(
            rooms.join(bags, bags.c.id == rooms.c.id)
            .join(chat_rules, chat_rules.c.id == rooms.c.id)
            .outerjoin(shows, shows.c.id == rooms.c.show_id)
        )
        .where(rooms.c.id.in_(room_ids))
    )
    rows = await _fetch(connection, statement)
    current = {row["room_id"]: row["bag_version"] for row in rows}
    bag_by_room = {
        room_id: bag
        for room_id, (version, bag) in known_bags.items()
        if current.get(room_id) == version
    }
    unread = current.keys() - bag_by_room.keys()
    if unread:
        entries = sa.select(bags.c.id, bags.c.entries).where(bags.c.id.in_(unread))
        for row in await _fetch(connection, entries):
            bag_by_room[row["id"]] = bag_of(row["entries"])
    found = {}
    for row in rows:
        room, show = _room_and_show(row)
        found[room.id] = Standing(
            room=room,
            show=show,
            likes=row["show_likes"] or 0,
            bag=bag_by_room[room.id],
            bag_version=row["bag_version"],
            slow_mode_s=row["slow_mode_s"],
            rules_version=row["rules_version"],
        )
    return found


async def slots(
    connection: AsyncConnection, room_id: str
) -> dict[int, tuple[Slot[PinRecord], int]]:
    """The room's slots and their versions."""
    statement = sa.select(pins).where(pins.c.room_id == room_id).order_by(pins.c.slot)
    return {
        row["slot"]: (slot_of(row), row["version"]) for row in await _fetch(connection, statement)
    }


async def offer(connection: AsyncConnection, room_id: str, offer_id: str) -> Row | None:
    """The row of an offer of this room, in the bag or taken out of it."""
    statement = sa.select(offers).where(offers.c.id == offer_id, offers.c.room_id == room_id)
    found = await _fetch(connection, statement)
    return found[0] if found else None


async def pins_mark(connection: AsyncConnection) -> tuple[int, int]:
    """Changes whenever any pin changes: how many slots there are, and the sum of their versions."""
    statement = sa.select(
        sa.func.count().label("slots"),
        sa.func.coalesce(sa.func.sum(pins.c.version), 0).label("sum"),
    )
    (row,) = await _fetch(connection, statement)
    return row["slots"], int(row["sum"])


async def pinned_offers(
    connection: AsyncConnection, room_id: str | None = None
) -> dict[str, list[PinRecord]]:
    """The cards with an offer that each room (or one room) shows now."""
    statement = sa.select(pins).where(pins.c.offer_id.is_not(None))
    if room_id is not None:
        statement = statement.where(pins.c.room_id == room_id)
    shown: dict[str, list[PinRecord]] = {}
    for row in await _fetch(connection, statement):
        slot = slot_of(row)
        assert slot.shown is not None
        shown.setdefault(row["room_id"], []).append(slot.shown)
    return shown


async def recent_messages(
    connection: AsyncConnection, room_id: str, *, limit: int
) -> list[ChatPosted]:
    """The last messages that still stand, oldest first."""
    statement = (
        sa.select(chat_messages)
        .where(chat_messages.c.room_id == room_id, chat_messages.c.removed_at.is_(None))
        .order_by(chat_messages.c.said_at.desc(), chat_messages.c.id.desc())
        .limit(limit)
    )
    return [message_of(row) for row in reversed(await _fetch(connection, statement))]


async def message(connection: AsyncConnection, room_id: str, message_id: str) -> Row | None:
    """The archived row of a message of this room, removed or not."""
    statement = sa.select(chat_messages).where(
        chat_messages.c.id == message_id, chat_messages.c.room_id == room_id
    )
    found = await _fetch(connection, statement)
    return found[0] if found else None


async def messages_by(
    connection: AsyncConnection, room_id: str, author_id: str, *, limit: int
) -> list[str]:
    """Ids of a person's latest messages that still stand."""
    statement = (
        sa.select(chat_messages.c.id)
        .where(
            chat_messages.c.room_id == room_id,
            chat_messages.c.author_id == author_id,
            chat_messages.c.removed_at.is_(None),
        )
        .order_by(chat_messages.c.said_at.desc())
        .limit(limit)
    )
    return [row["id"] for row in await _fetch(connection, statement)]


async def replies_to(
    connection: AsyncConnection, room_id: str, message_ids: Collection[str]
) -> dict[str, str]:
    """Messages that quote one of these and still stand: id to author."""
    statement = sa.select(chat_messages.c.id, chat_messages.c.author_id).where(
        chat_messages.c.room_id == room_id,
        chat_messages.c.reply_to.in_(message_ids),
        chat_messages.c.removed_at.is_(None),
    )
    return {row["id"]: row["author_id"] for row in await _fetch(connection, statement)}


async def removed_among(
    connection: AsyncConnection, room_id: str, message_ids: Collection[str]
) -> list[str]:
    """Those of the messages that were removed."""
    statement = sa.select(chat_messages.c.id).where(
        chat_messages.c.room_id == room_id,
        chat_messages.c.id.in_(message_ids),
        chat_messages.c.removed_at.is_not(None),
    )
    return [row["id"] for row in await _fetch(connection, statement)]


async def authors_among(
    connection: AsyncConnection, room_id: str, person_ids: Collection[str]
) -> set[str]:
    """Those of the people who have said something in the room."""
    statement = (
        sa.select(chat_messages.c.author_id)
        .where(chat_messages.c.room_id == room_id, chat_messages.c.author_id.in_(person_ids))
        .distinct()
    )
    return {row["author_id"] for row in await _fetch(connection, statement)}


async def heard_since(
    connection: AsyncConnection, room_ids: Collection[str], since: int
) -> list[Row]:
    """Messages said or removed since a moment: what other processes have done meanwhile."""
    statement = (
        sa.select(chat_messages)
        .where(
            chat_messages.c.room_id.in_(room_ids),
            sa.or_(chat_messages.c.said_at > since, chat_messages.c.removed_at > since),
        )
        .order_by(chat_messages.c.said_at)
        .limit(2_000)
    )
    return list(await _fetch(connection, statement))
