"""An event on its way: encoded once, with what the hub must know of it beside the bytes.

Between nodes only these travel, so a node forwards events of features it has never heard of.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import orjson

from livecommerce.protocol.codec import JSON, Codec
from livecommerce.protocol.events import (
    EVERYONE,
    STAFF,
    Event,
    Lane,
    StateEvent,
    VolatileEvent,
)

VIEWER_CLASS = "viewer"
STAFF_CLASS = "staff"
LIGHT_CLASS = "light"
"""Viewers whose page nobody looks at: all that a viewer is shown, but no spare lines."""
_SEEN_BY_CLASS = {
    VIEWER_CLASS: frozenset({EVERYONE}),
    LIGHT_CLASS: frozenset({EVERYONE}),
    STAFF_CLASS: frozenset({EVERYONE, STAFF}),
}


class Publication(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event, ready to be forwarded. `json` is empty once its text was withdrawn."""

    id: str
    lane: Lane
    audience: str
    json: bytes
    key: str = ""
    version: int = 0
    gone: bool = False
    replayed: bool = False
    urgent: bool = False
    redacts: tuple[str, ...] = ()
    is_spare: bool = False
    concerns: tuple[str, ...] = ()
    """People who are told a spare event that they are not shown."""

    @property
    def is_logged(self) -> bool:
        """Has an offset and can be recovered."""
        return self.lane is Lane.LOG or self.lane is Lane.STATE

    @property
    def slot(self) -> tuple[str, str]:
        """What a later event of the same key replaces. Audiences keep their own values."""
        return self.audience, self.key


class Batch(NamedTuple):
    """What is published in one step: events that get offsets, and events that do not."""

    logged: tuple[Publication, ...]
    loose: tuple[Publication, ...] = ()


class Position(NamedTuple):
    """Where a batch landed. `last < first`: every event of it was there already."""

    epoch: str
    first: int
    last: int


class Delivery(NamedTuple):
    """A batch as it reaches a node; `logged` stand at `first`, `first + 1`, …"""

    room_id: str
    epoch: str
    first: int
    logged: tuple[Publication, ...]
    loose: tuple[Publication, ...] = ()


def publication_of(
    event: Event, audience: str = EVERYONE, concerns: tuple[str, ...] = ()
) -> Publication:
    """Encodes an event, once for all nodes and viewers."""
    key, version, gone = "", 0, False
    if isinstance(event, StateEvent):
        key, version, gone = event.key, event.version, event.gone
    elif isinstance(event, VolatileEvent):
        key = event.key
    return Publication(
        id=event.id,
        lane=event.lane,
        audience=audience,
        # Copied to its own size: orjson answers in blocks of 4 KiB, and rooms keep these.
        json=bytes(memoryview(JSON.encode(event))),
        key=key,
        version=version,
        gone=gone,
        replayed=event.replayed,
        urgent=event.urgent,
        redacts=event.redacts(),
        is_spare=event.spare,
        concerns=concerns,
    )


def sees(audience_class: str, audience: str) -> bool:
    """Tells whether connections of this class are shown events for this audience.

    Fails closed: nobody sees an audience that no class lists.
    """
    return audience in _SEEN_BY_CLASS[audience_class]


def transcode(json: bytes, codec: Codec) -> bytes:
    """Writes an encoded event in another codec."""
    return json if codec.is_text else codec.encode_value(orjson.loads(json))
