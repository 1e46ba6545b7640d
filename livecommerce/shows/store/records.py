"""Rows to nouns and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from livecommerce.shows.bag import Bag, Entry
from livecommerce.shows.pins import Slot
from livecommerce.shows.rooms import Room
from livecommerce.shows.shows import Show, State
from livecommerce.shows.wire import Author, ChatPosted, PinView, ReplyTo

Row = Mapping[str, Any]


class PinRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a slot, as viewers see it, and the variants whose counters it needs."""

    view: PinView
    variant_ids: tuple[str, ...] = ()
    product_version: int = 0
    """Of the product when it was looked at for this card."""

    @property
    def subject(self) -> str | None:
        if self.view.sale_id is not None:
            return f"sale {self.view.sale_id}"
        return f"offer {self.view.offer.id}" if self.view.offer is not None else None


_entries = msgspec.msgpack.Decoder(list[tuple[str, str]])
_record = msgspec.msgpack.Decoder(PinRecord)
_ids = msgspec.msgpack.Decoder(list[str])


def pin_id(room_id: str, slot: int) -> str:
    return f"{room_id}:{slot}"


def room_of(row: Row) -> Room:
    return Room(
        id=row["id"],
        slug=row["slug"],
        title_en=row["title_en"],
        title_ar=row["title_ar"],
        host_id=row["host_id"],
        market=row["market"],
        playback_url=row["playback_url"],
        poster_url=row["poster_url"],
        show_version=row["show_version"],
        version=row["version"],
    )


def show_of(row: Row) -> Show:
    return Show(
        id=row["id"],
        room_id=row["room_id"],
        title_en=row["title_en"],
        title_ar=row["title_ar"],
        state=State(row["state"]),
        starts_at=row["starts_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def columns_of_show(show: Show) -> dict[str, Any]:
    """All columns that a change of a show may change."""
    return {
        "title_en": show.title_en,
        "title_ar": show.title_ar,
        "state": show.state.value,
        "starts_at": show.starts_at,
        "started_at": show.started_at,
        "ended_at": show.ended_at,
    }


def bag_of(entries: bytes) -> Bag:
    return Bag(tuple(Entry(*entry) for entry in _entries.decode(entries)))


def columns_of_bag(bag: Bag) -> dict[str, Any]:
    return {"entries": msgspec.msgpack.encode(bag.entries), "count": len(bag)}


def slot_of(row: Row) -> Slot[PinRecord]:
    return Slot(
        shown=_pinned(row["shown"]),
        before=_pinned(row["before"]),
        undo_until=row["undo_until_at"],
    )


def columns_of_slot(slot: Slot[PinRecord]) -> dict[str, Any]:
    view = slot.shown.view if slot.shown is not None else None
    return {
        "kind": view.kind if view is not None else None,
        "offer_id": view.offer.id if view is not None and view.offer is not None else None,
        "sale_id": view.sale_id if view is not None else None,
        "shown": msgspec.msgpack.encode(slot.shown) if slot.shown is not None else None,
        "before": msgspec.msgpack.encode(slot.before) if slot.before is not None else None,
        "undo_until_at": slot.undo_until,
    }


def _pinned(packed: bytes | None) -> PinRecord | None:
    return None if packed is None else _record.decode(packed)


def message_of(row: Row) -> ChatPosted:
    """A message as everyone saw it."""
    reply_to = None
    if row["reply_text"] is not None:
        reply_to = ReplyTo(
            message_id=row["reply_to"], name=row["reply_name"], text=row["reply_text"]
        )
    return ChatPosted(
        id=row["id"],
        at=row["said_at"],
        author=Author(id=row["author_id"], name=row["author_name"], role=row["author_role"]),
        text=row["text"],
        reply_to=reply_to,
        mentions=_ids.decode(row["mentions"]),
    )


def columns_of_message(room_id: str, show_id: str | None, message: ChatPosted) -> dict[str, Any]:
    reply_to = message.reply_to
    return {
        "id": message.id,
        "room_id": room_id,
        "show_id": show_id,
        "author_id": message.author.id,
        "author_name": message.author.name,
        "author_role": message.author.role,
        "text": message.text,
        "reply_to": reply_to.message_id if reply_to is not None else None,
        "reply_name": reply_to.name if reply_to is not None else None,
        "reply_text": reply_to.text if reply_to is not None else None,
        "mentions": msgspec.msgpack.encode(message.mentions),
        "said_at": message.at,
        "removed_at": None,
        "removed_by": None,
    }


def columns_of_tombstone(
    room_id: str, author_id: str, *, said_at: int, removed_at: int, by: str
) -> dict[str, Any]:
    """A message that was removed before the archive had it."""
    return {
        "room_id": room_id,
        "show_id": None,
        "author_id": author_id,
        "author_name": "",
        "author_role": "viewer",
        "text": "",
        "reply_to": None,
        "reply_name": None,
        "reply_text": None,
        "mentions": msgspec.msgpack.encode([]),
        "said_at": said_at,
        "removed_at": removed_at,
        "removed_by": by,
    }
