"""The frames of a room, written from events that are already encoded.

Shapes are those of `protocol.messages`; tests/realtime/test_frames.py decodes what stands here
into those Structs. Every frame carries its WebSocket header: the same bytes go to everyone.
"""

from __future__ import annotations

from collections.abc import Sequence

from livecommerce.protocol.codec import Codec
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.framing import framed, framed_for_all


def batch(
    codec: Codec,
    *,
    room_id: str,
    epoch: str,
    first: int,
    last: int,
    events: Sequence[Entry],
    volatile: Sequence[Entry],
) -> bytes:
    """With `last < first` it covers nothing."""
    value = codec.encode_value
    fields = [("t", value("batch")), ("room", value(room_id))]
    if first <= last:
        fields += [
            ("epoch", value(epoch)),
            ("first", value(first)),
            ("last", value(last)),
            ("events", _array(codec, events)),
        ]
    if volatile:
        fields.append(("volatile", _array(codec, volatile)))
    return framed_for_all(codec, codec.join_map(fields))


def snapshot(
    codec: Codec,
    *,
    room_id: str,
    epoch: str,
    offset: int,
    now_ms: int,
    state: Sequence[Entry],
    recent: Sequence[Entry],
    volatile: Sequence[Entry],
) -> bytes:
    fields = [
        *_head(codec, "snapshot", room_id, epoch, offset, now_ms),
        ("state", _array(codec, state)),
        ("recent", _array(codec, recent)),
        ("volatile", _array(codec, volatile)),
    ]
    return framed_for_all(codec, codec.join_map(fields))


def recovered(
    codec: Codec,
    *,
    room_id: str,
    epoch: str,
    offset: int,
    now_ms: int,
    events: Sequence[Entry],
    volatile: Sequence[Entry],
) -> bytes:
    fields = [
        *_head(codec, "recovered", room_id, epoch, offset, now_ms),
        ("events", _array(codec, events)),
        ("volatile", _array(codec, volatile)),
    ]
    return framed(codec, codec.join_map(fields))


def beat(codec: Codec, *, room_id: str, epoch: str, last: int, now_ms: int) -> bytes:
    fields = {"t": "beat", "room": room_id, "epoch": epoch, "last": last, "now": now_ms}
    return framed(codec, codec.encode_value(fields))


def told(codec: Codec, event: bytes) -> bytes:
    """Wraps one event, encoded in this codec already."""
    return framed(codec, codec.join_map([("t", codec.encode_value("told")), ("event", event)]))


def _head(
    codec: Codec, tag: str, room_id: str, epoch: str, offset: int, now_ms: int
) -> list[tuple[str, bytes]]:
    named = {"t": tag, "room": room_id, "epoch": epoch, "offset": offset, "now": now_ms}
    return [(name, codec.encode_value(value)) for name, value in named.items()]


def _array(codec: Codec, entries: Sequence[Entry]) -> bytes:
    return codec.join_array([entry.encoded(codec) for entry in entries])
