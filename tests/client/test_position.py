"""What the golden traces (test_wire_traces.py) leave to say about the mirror."""

import contextlib
from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from livecommerce.client.position import GapFound, RoomMirror
from livecommerce.gateway.wire import AnyEvent
from livecommerce.protocol.events import Event

TRACES = sorted((Path(__file__).parents[1] / "wire").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    trace: dict[str, Any] = orjson.loads(path.read_bytes())
    return trace


def typed(plain: Any) -> list[Any]:
    return [msgspec.convert(event, AnyEvent) for event in plain or ()]


def receive(mirror: RoomMirror, frame: dict[str, Any]) -> list[Event]:
    match frame["t"]:
        case "snapshot":
            return mirror.snapshot(
                frame["epoch"],
                frame["offset"],
                typed(frame["state"]),
                typed(frame["recent"]),
                typed(frame["volatile"]),
            )
        case "recovered":
            events = mirror.recovered(frame["epoch"], frame["offset"], typed(frame["events"]))
            return events + mirror.count(typed(frame["volatile"]))
        case "beat":
            mirror.beat(frame["epoch"], frame["last"])
            return []
        case _:
            events = mirror.batch(
                frame.get("epoch", ""),
                frame.get("first"),
                frame.get("last"),
                typed(frame.get("events")),
            )
            return events + mirror.count(typed(frame.get("volatile")))


def given_of(frames: list[dict[str, Any]]) -> list[Event]:
    """What a watcher is given of these frames."""
    mirror, given = RoomMirror(), list[Event]()
    for frame in frames:
        with contextlib.suppress(GapFound):
            given += receive(mirror, frame)
    return given


@pytest.mark.parametrize("path", TRACES, ids=lambda path: path.stem)
def test_what_comes_again_is_not_given_again(path: Path):
    """A watcher is told every event once, however often the network repeats its frames."""
    frames = read(path)["frames"]
    once = given_of(frames)
    twice = given_of([frame for frame in frames for _ in range(2)])

    def lasting(events: list[Event]) -> list[Event]:
        return [event for event in events if event.lane in {"log", "state"}]

    assert lasting(twice) == lasting(once)


def test_a_line_told_to_us_alone_is_one_of_the_recent_ones_until_it_is_removed():
    mirror = RoomMirror()
    mirror.snapshot("e", 0, [], [], [])
    chat = read(next(path for path in TRACES if path.stem == "lost_tail"))["frames"][0]["recent"][0]
    mine, later = typed([{**chat, "id": f"message{number:09d}"} for number in range(2)])
    assert mirror.apply([mine]) == [mine]
    assert mirror.batch("e", 1, 1, [later]) == [later]
    # Of two connections both may tell it, and a room that is shown whole again says it too.
    assert mirror.apply([mine]) == []
    assert mirror.recovered("e", 2, [mine]) == []
    assert list(mirror.recent) == [mine, later]
    removal = {"t": "chat_removed", "id": "removal000000001", "at": 1, "by": "Huda"}
    mirror.batch("e", 3, 3, typed([{**removal, "message_ids": [mine.id]}]))
    assert list(mirror.recent) == [later]


def test_only_so_many_ids_are_remembered():
    mirror = RoomMirror()
    mirror.snapshot("e", 0, [], [], [])
    chat = read(next(path for path in TRACES if path.stem == "lost_tail"))["frames"][0]["recent"][0]
    for number in range(1, 5_001):
        event = msgspec.convert({**chat, "id": f"message{number:09d}"}, AnyEvent)
        assert mirror.batch("e", number, number, [event]) == [event]
    assert len(mirror._seen_ids) == len(mirror._seen) == 4096
    assert len(mirror.recent) == 200
