"""The frames around commands and events: replies, welcome, snapshot, batch, beat.

These Structs are the written form of the envelope, for the schema and for clients. The hub writes
batches and snapshots from events that are already encoded and must produce exactly these shapes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from livecommerce.protocol.events import Event


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", omit_defaults=True):
    """Anything the server writes."""


class Ok(Message, frozen=True, kw_only=True, tag="ok"):
    id: str
    d: Any
    """The reply Struct of the command."""


class Err(Message, frozen=True, kw_only=True, tag="err"):
    id: str | None
    code: str
    retry: str
    """never · same_id · new_id · after · reconnect (docs/protocol.md, *Errors*)."""
    after_ms: int | None = None
    field: str | None = None
    data: dict[str, Any] = {}


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """The answer to `hello`."""

    id: str
    now: int
    node: str
    beat_s: int
    """A client that hears nothing for 1.5 times this long should reconnect."""
    person_id: str | None = None
    name: str | None = None
    kind: str = "visitor"
    capabilities: tuple[str, ...] = ()
    """What this person may do in the joined room."""


class Snapshot(Message, frozen=True, kw_only=True, tag="snapshot"):
    """The room as it is at `offset`; replaces all a client knew of it."""

    room: str
    epoch: str
    offset: int
    now: int
    state: list[Event]
    recent: list[Event]
    volatile: list[Event]


class Recovered(Message, frozen=True, kw_only=True, tag="recovered"):
    """What a returning client missed, complete up to `offset`."""

    room: str
    epoch: str
    offset: int
    now: int
    events: list[Event]
    volatile: list[Event]


class Batch(Message, frozen=True, kw_only=True, tag="batch"):
    """Events of a room. `first` to `last` is the range covered for this audience: events that are
    not meant for it are missing from `events` and leave no gap. A batch of volatile events alone
    has neither."""

    room: str
    epoch: str = ""
    first: int | None = None
    last: int | None = None
    events: list[Event] = []
    volatile: list[Event] = []


class Beat(Message, frozen=True, kw_only=True, tag="beat"):
    """Sent now and then to every viewer: shows a lost tail without traffic, and the clock."""

    room: str
    epoch: str
    last: int
    now: int


class Told(Message, frozen=True, kw_only=True, tag="told"):
    """An event for this person alone, outside of the room's order."""

    event: Event


class Moved(Message, frozen=True, kw_only=True, tag="moved"):
    """This node is closing: open another connection within `in_ms`, then close this one."""

    in_ms: int


class Regraded(Message, frozen=True, kw_only=True, tag="regraded"):
    """What this person may do in the room has changed; a snapshot follows."""

    room: str
    capabilities: tuple[str, ...]
