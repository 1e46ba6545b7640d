"""Frames written from parts are the messages of the protocol, and share their bytes."""

from typing import Any

import msgspec
import pytest

from livecommerce.protocol import messages
from livecommerce.protocol.codec import CODECS, DEFLATED_JSON, JSON, Codec
from livecommerce.realtime import frames
from livecommerce.realtime.entry import Entry
from tests.realtime.support import pub, read_frames, said


def as_message(value: dict[str, Any], type_: type[msgspec.Struct]) -> None:
    """Every field of the frame is a field of the Struct, and every required one is there."""
    assert value["t"] == type_.__struct_config__.tag
    fields = {field.name: field for field in msgspec.structs.fields(type_)}
    assert value.keys() - {"t"} <= fields.keys()
    assert {name for name, field in fields.items() if field.required} <= value.keys()


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_frames_have_the_shapes_of_the_protocol(codec):
    entry = Entry(pub(said()), offset=4, sequence=1, at_s=0.0)
    head: dict[str, Any] = {"room_id": "r", "epoch": "e", "offset": 4, "now_ms": 5}
    written: dict[type[msgspec.Struct], bytes] = {
        messages.Batch: frames.batch(
            codec, room_id="r", epoch="e", first=4, last=4, events=[entry], volatile=[entry]
        ),
        messages.Snapshot: frames.snapshot(
            codec, **head, state=[], recent=[entry], volatile=[entry]
        ),
        messages.Recovered: frames.recovered(codec, **head, events=[entry], volatile=[]),
        messages.Beat: frames.beat(codec, room_id="r", epoch="e", last=4, now_ms=5),
        messages.Told: frames.told(codec, entry.encoded(codec)),
    }
    for type_, frame in written.items():
        (value,) = read_frames(frame, codec)
        as_message(value, type_)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_batch_of_counters_alone_has_no_range(codec):
    entry = Entry(pub(said()), offset=0, sequence=1, at_s=0.0)
    frame = frames.batch(
        codec, room_id="r", epoch="e", first=4, last=3, events=[], volatile=[entry]
    )
    (value,) = read_frames(frame, codec)
    assert value.keys() == {"t", "room", "volatile"}


def test_what_many_are_sent_is_deflated_for_those_who_can_read_it_and_nothing_else_is():
    entries = [Entry(pub(said("so beautiful " * 5)), offset=1, sequence=1, at_s=0.0)] * 20
    head: dict[str, Any] = {"room_id": "r", "epoch": "e", "offset": 20, "now_ms": 5}

    def written(codec: Codec) -> tuple[bytes, bytes, bytes, bytes]:
        return (
            frames.batch(
                codec, room_id="r", epoch="e", first=1, last=20, events=entries, volatile=[]
            ),
            frames.snapshot(codec, **head, state=[], recent=entries, volatile=[]),
            frames.recovered(codec, **head, events=entries, volatile=[]),
            frames.told(codec, entries[0].encoded(codec)),
        )

    plain, deflated = written(JSON), written(DEFLATED_JSON)
    for one, other in zip(plain, deflated, strict=True):
        assert read_frames(one, JSON) == read_frames(other, DEFLATED_JSON)
    assert all(len(deflated[shared]) * 4 < len(plain[shared]) for shared in (0, 1))
    assert deflated[2:] == plain[2:]


def test_a_small_batch_stays_text():
    entry = Entry(pub(said()), offset=4, sequence=1, at_s=0.0)
    plain, deflated = (
        frames.batch(codec, room_id="r", epoch="e", first=4, last=4, events=[entry], volatile=[])
        for codec in (JSON, DEFLATED_JSON)
    )
    assert plain == deflated


@pytest.mark.parametrize("size", [10, 125, 126, 65_535, 65_536])
def test_frames_of_every_length_are_read(size):
    for codec in CODECS:
        entry = Entry(pub(said("x" * size)), offset=0, sequence=1, at_s=0.0)
        (value,) = read_frames(frames.told(codec, entry.encoded(codec)), codec)
        assert len(value["event"]["text"]) == size
