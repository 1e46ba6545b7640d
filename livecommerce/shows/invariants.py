"""What must be true of rooms, shows, bags, pins and chat at any moment."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.verify import Breach, invariant
from livecommerce.shows.pins import SLOTS
from livecommerce.shows.store.records import Row, bag_of, pin_id, slot_of
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


async def _rows(connection: AsyncConnection, statement: sa.Select[Any]) -> Iterable[Row]:
    rows: Iterable[Row] = (await connection.execute(statement)).mappings().all()
    return rows


@invariant("S1", "a bag lists exactly the offers of its room that were not removed, each once")
async def bags_list_their_offers(connection: AsyncConnection) -> list[Breach]:
    standing: dict[str, dict[str, str]] = {}
    for row in await _rows(connection, sa.select(offers).where(offers.c.removed_at.is_(None))):
        standing.setdefault(row["room_id"], {})[row["id"]] = row["product_id"]
    found = []
    for row in await _rows(connection, sa.select(bags)):
        entries = bag_of(row["entries"]).entries
        if len(entries) != row["count"] or len(entries) != len(dict(entries)):
            found.append(Breach("S1", row["id"], f"{len(entries)} entries, count {row['count']}"))
        elif dict(entries) != standing.pop(row["id"], {}):
            found.append(Breach("S1", row["id"], "entries are not the offers that stand"))
    found += [Breach("S1", room_id, "offers without a bag") for room_id in standing]
    return found


@invariant("S2", "a pin shows an offer of its own room's bag, with the number it has there")
async def pins_point_into_the_bag(connection: AsyncConnection) -> list[Breach]:
    numbers: dict[str, dict[str, int]] = {}
    for row in await _rows(connection, sa.select(bags)):
        entries = bag_of(row["entries"]).entries
        numbers[row["id"]] = {entry.offer_id: n for n, entry in enumerate(entries, start=1)}
    found = []
    for row in await _rows(connection, sa.select(pins)):
        shown = slot_of(row).shown
        view = shown.view if shown is not None else None
        offer = view.offer if view is not None else None
        told = (
            view.kind if view is not None else None,
            offer.id if offer is not None else None,
            view.sale_id if view is not None else None,
        )
        if told != (row["kind"], row["offer_id"], row["sale_id"]):
            found.append(Breach("S2", row["id"], "columns and card differ"))
        elif offer is not None and numbers.get(row["room_id"], {}).get(offer.id) != offer.number:
            found.append(Breach("S2", row["id"], f"offer {offer.id} is not number {offer.number}"))
    return found


@invariant("S3", "a room has its three slots, its bag, its chat rules and its slug")
async def rooms_are_whole(connection: AsyncConnection) -> list[Breach]:
    room_ids = {row["id"]: row["slug"] for row in await _rows(connection, sa.select(rooms))}
    parts = {
        "slot": {row["id"] for row in await _rows(connection, sa.select(pins.c.id))},
        "bag": {row["id"] for row in await _rows(connection, sa.select(bags.c.id))},
        "chat rules": {row["id"] for row in await _rows(connection, sa.select(chat_rules.c.id))},
    }
    slugs = {row["id"]: row["room_id"] for row in await _rows(connection, sa.select(room_slugs))}
    found = []
    for room_id, slug in room_ids.items():
        wanted = [("slot", pin_id(room_id, slot)) for slot in SLOTS]
        wanted += [("bag", room_id), ("chat rules", room_id)]
        found += [
            Breach("S3", room_id, f"no {part} {id}") for part, id in wanted if id not in parts[part]
        ]
        if slugs.get(slug) != room_id:
            found.append(Breach("S3", room_id, f"slug {slug} leads elsewhere"))
    return found


@invariant("S4", "a room's current show is its own, and every other show of it has ended")
async def one_current_show(connection: AsyncConnection) -> list[Breach]:
    current = {
        row["id"]: row["show_id"]
        for row in await _rows(connection, sa.select(rooms.c.id, rooms.c.show_id))
    }
    owners = {}
    found = []
    for row in await _rows(connection, sa.select(shows)):
        owners[row["id"]] = row["room_id"]
        if row["state"] != "ended" and current.get(row["room_id"]) != row["id"]:
            found.append(Breach("S4", row["id"], f"is {row['state']} and not the current show"))
        if row["state"] in ("live", "paused") and row["started_at"] is None:
            found.append(Breach("S4", row["id"], "is on air and never started"))
    found += [
        Breach("S4", room_id, f"show {show_id} is of another room")
        for room_id, show_id in current.items()
        if show_id is not None and owners.get(show_id) != room_id
    ]
    return found


@invariant("S5", "no message that stands quotes one that was removed")
async def nothing_removed_is_quoted(connection: AsyncConnection) -> list[Breach]:
    quoted = chat_messages.alias("quoted")
    statement = (
        sa.select(chat_messages.c.id, quoted.c.id.label("quoted_id"))
        .join(quoted, quoted.c.id == chat_messages.c.reply_to)
        .where(chat_messages.c.removed_at.is_(None), quoted.c.removed_at.is_not(None))
    )
    return [
        Breach("S5", row["id"], f"quotes {row['quoted_id']}")
        for row in await _rows(connection, statement)
    ]


@invariant("S6", "a message replies to one of its own room")
async def replies_stay_in_the_room(connection: AsyncConnection) -> list[Breach]:
    quoted = chat_messages.alias("quoted")
    statement = (
        sa.select(chat_messages.c.id, quoted.c.room_id)
        .join(quoted, quoted.c.id == chat_messages.c.reply_to)
        .where(quoted.c.room_id != chat_messages.c.room_id)
    )
    return [
        Breach("S6", row["id"], f"replies into room {row['room_id']}")
        for row in await _rows(connection, statement)
    ]
