"""Viewers without sockets: what they are written, and what they know by it."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from math import ceil, inf
from typing import Any, cast

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import JSON, Codec
from livecommerce.protocol.events import Event, Lane, StateEvent, VolatileEvent
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.fan_out import WriteCost
from livecommerce.realtime.publications import Delivery, Publication, publication_of
from livecommerce.realtime.room import Room
from livecommerce.realtime.room_log import RoomLog, RoomSeed
from livecommerce.realtime.settings import HubSettings

ROOM = "room"
EPOCH = "epoch-1"


class Said(Event, frozen=True, kw_only=True, tag="said"):
    replayed = True
    text: str = ""


class Chatter(Said, frozen=True, kw_only=True, tag="said"):
    """A line that may be left out."""

    @property
    def spare(self) -> bool:
        return True


class Removed(Event, frozen=True, kw_only=True, tag="removed"):
    urgent = True
    message_id: str

    def redacts(self) -> tuple[str, ...]:
        return (self.message_id,)


class Shelf(StateEvent, frozen=True, kw_only=True, tag="shelf"):
    left: int
    is_off: bool = False

    @property
    def gone(self) -> bool:
        return self.is_off


class Likes(VolatileEvent, frozen=True, kw_only=True, tag="likes"):
    count: int


class Hearts(Event, frozen=True, kw_only=True, tag="hearts"):
    lane = Lane.EPHEMERAL


def said(text: str = "hello", event_id: str | None = None) -> Said:
    return Said(id=event_id or new_id(), at=1, text=text)


def chatter(count: int) -> list[Chatter]:
    return [Chatter(id=new_id(), at=1, text="x") for _ in range(count)]


def shelf(key: str, version: int, left: int = 0, *, is_off: bool = False) -> Shelf:
    return Shelf(id=new_id(), at=1, key=key, version=version, left=left, is_off=is_off)


def likes(count: int, key: str = "likes") -> Likes:
    return Likes(id=new_id(), at=1, key=key, count=count)


def pub(event: Event, audience: str = "everyone") -> Publication:
    return publication_of(event, audience)


def read_frames(written: bytes, codec: Codec) -> list[dict[str, Any]]:
    """Decodes what a viewer was written, by a WebSocket client of its own."""
    protocol = Protocol(Side.CLIENT, state=OPEN)
    protocol.receive_data(written)
    frames = [frame for frame in protocol.events_received() if isinstance(frame, Frame)]
    assert protocol.parser_exc is None
    messages = []
    for frame in frames:
        payload = bytes(frame.data)
        if codec.deflates and frame.opcode is Opcode.BINARY:
            payload = zlib.decompress(payload, -15)
        elif frame.opcode is not (Opcode.TEXT if codec.is_text else Opcode.BINARY):
            continue
        messages.append(codec.parse(payload))
    return messages


class Written:
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.capacity: int | None = None
        self.on_full: Callable[[], None] = lambda: None
        self.overflow = 0
        """Writes since the buffer was full: at most the rest of one flush."""

    def write(self, data: bytes) -> None:
        self.frames.append(data)
        if self.capacity == 0:
            self.overflow += 1
            assert self.overflow <= 1, "written on and on to a full buffer"
        elif self.capacity is not None:
            self.capacity -= 1
            if self.capacity == 0:
                self.on_full()

    def drain(self, capacity: int | None = None) -> None:
        self.capacity = capacity
        self.overflow = 0


class Viewer(Connection):
    """A connection whose client obeys the protocol, and knows what it was told."""

    def __init__(self, codec: Codec = JSON) -> None:
        self.written = Written()
        super().__init__(cast("asyncio.Transport", self.written), codec)
        self.closed: int | None = None
        self.reason = ""
        self.position = -1
        self.epoch = ""
        self.state: dict[str, tuple[int, dict[str, Any] | None]] = {}
        self.recent: list[str] = []
        self.volatile: dict[str, dict[str, Any]] = {}
        self.seen: list[str] = []
        self.messages: list[dict[str, Any]] = []

    def close(self, code: int, reason: str = "") -> None:
        self.closed = code
        self.reason = reason

    def read(self) -> list[dict[str, Any]]:
        """Applies what was written since the last read; returns it."""
        frames, self.written.frames = self.written.frames, []
        messages = read_frames(b"".join(frames), self.codec)
        for message in messages:
            self._apply(message)
        self.messages += messages
        return messages

    def events(self) -> list[str]:
        """Ids of all events of the log, in the order they came."""
        self.read()
        return self.seen

    def known(self) -> tuple[dict[str, Any], list[str], dict[str, Any]]:
        self.read()
        state = {key: event for key, (_, event) in self.state.items() if event is not None}
        return state, self.recent, self.volatile

    def _apply(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "snapshot":
                self.state.clear()
                self.recent.clear()
                self.volatile.clear()
                for event in message["state"]:
                    self._learn(event)
                self.recent = [event["id"] for event in message["recent"]]
                self.position, self.epoch = message["offset"], message["epoch"]
            case "recovered":
                assert message["epoch"] == self.epoch
                for event in message["events"]:
                    self._happen(event)
                self.position = message["offset"]
            case "batch" if "first" in message:
                assert message["epoch"] == self.epoch
                assert message["first"] <= self.position + 1, "a hole"
                assert message["last"] > self.position, "twice"
                for event in message["events"]:
                    self._happen(event)
                self.position = message["last"]
        for event in message.get("volatile", ()):
            if event["t"] == "likes":
                self.volatile[event["key"]] = event

    def _happen(self, event: dict[str, Any]) -> None:
        assert event["id"] not in self.seen, "twice"
        self.seen.append(event["id"])
        self._learn(event)

    def _learn(self, event: dict[str, Any]) -> None:
        match event["t"]:
            case "said":
                self.recent.append(event["id"])
            case "removed":
                if event["message_id"] in self.recent:
                    self.recent.remove(event["message_id"])
            case "shelf":
                held = self.state.get(event["key"])
                if held is None or event["version"] > held[0]:
                    value = None if event["is_off"] else event
                    self.state[event["key"]] = event["version"], value


class Timer:
    """What `call_later` gives."""

    def __init__(self, at_s: float, callback: Callable[[], None]) -> None:
        self.at_s = at_s
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Turns:
    """A loop whose turns are taken by hand."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waiting: list[Callable[[], None]] = []
        self._timers: list[Timer] = []

    @property
    def timers(self) -> list[Timer]:
        """Those that are still to come, the next one first."""
        self._timers = [timer for timer in self._timers if not timer.is_cancelled]
        return sorted(self._timers, key=lambda timer: timer.at_s)

    def call_soon(self, callback: Callable[..., None], *arguments: Any) -> None:
        self.waiting.append(lambda: callback(*arguments))

    def call_later(self, delay_s: float, callback: Callable[..., None], *arguments: Any) -> Timer:
        timer = Timer(self.clock.mono_s() + delay_s, lambda: callback(*arguments))
        self._timers.append(timer)
        return timer

    def turn(self) -> bool:
        waiting, self.waiting = self.waiting, []
        for timer in self.timers:
            # The clock knows milliseconds.
            if not timer.is_cancelled and timer.at_s <= self.clock.mono_s() + 1e-6:
                timer.cancel()
                timer.callback()
        for callback in waiting:
            callback()
        return bool(self.waiting)

    def settle(self) -> None:
        """Until nothing waits, timers included."""
        while self.turn() or self.timers:
            if not self.waiting and (timers := self.timers):
                left_s = timers[0].at_s - self.clock.mono_s()
                self.clock.advance(max(0, ceil(left_s * 1000 - 1e-6)))


class Stage:
    """One live room with turns taken by hand, and a publisher that numbers its batches.

    A room has no tick unless a test wants one.
    """

    def __init__(self, *, seed: RoomSeed | None = None, slice_ms: float = 1e6, **caps: Any) -> None:
        self.clock = FakeClock()
        self.turns = Turns(self.clock)
        caps = {"tick_min_ms": 0.0, "flush_share": inf} | caps
        self.settings = HubSettings(flush_slice_ms=slice_ms, **caps)
        self.repairs = 0
        self.crowd = 0
        self.told: list[str] = []
        self.room = Room(
            ROOM,
            clock=self.clock,
            settings=self.settings,
            cost=WriteCost(),
            repair=self._repair,
            crowd=lambda _: self.crowd,
            tell=lambda _, entry: self.told.append(entry.publication.id),
            loop=cast("asyncio.AbstractEventLoop", self.turns),
        )
        log = RoomLog(epoch=EPOCH, top=0, settings=self.settings)
        log.seed(seed or RoomSeed(), self.clock.mono_s())
        self.room.replace_log(log)
        self.top = 0
        self.withdrawn: set[str] = set()

    def _repair(self, room: Room) -> None:
        self.repairs += 1

    def batch(self, *events: Event | tuple[Event, str] | Publication) -> Delivery:
        """Numbers events as the backplane would."""
        publications = [
            event
            if isinstance(event, Publication)
            else pub(*event)
            if isinstance(event, tuple)
            else pub(event)
            for event in events
        ]
        logged = tuple(each for each in publications if each.is_logged)
        loose = tuple(each for each in publications if not each.is_logged)
        delivery = Delivery(ROOM, EPOCH, self.top + 1, logged, loose)
        self.top += len(logged)
        return delivery

    def publish(self, *events: Event | tuple[Event, str] | Publication) -> None:
        batch = self.batch(*events)
        self.room.deliver(batch)
        if not self.turns.waiting and not self.turns.timers:
            for publication in batch.logged:
                self.withdrawn.update(publication.redacts)

    def viewer(
        self,
        codec: Codec = JSON,
        audience_class: str = "viewer",
        *,
        epoch: str | None = None,
        offset: int | None = None,
        viewer: Viewer | None = None,
    ) -> Viewer:
        """Joins somebody; with `viewer`, one who was here before."""
        viewer = viewer or Viewer(codec)
        viewer.epoch = viewer.epoch or epoch or ""
        viewer.written.on_full = lambda: self.pause(viewer)
        viewer.written.write(self.room.join(viewer, audience_class, epoch=epoch, offset=offset))
        self._check_caught_up(viewer)
        return viewer

    def pause(self, viewer: Viewer) -> None:
        viewer.is_paused = True
        if viewer.group is not None:
            self.room.pause(viewer)

    def resume(self, viewer: Viewer) -> None:
        viewer.is_paused = False
        viewer.written.drain()
        if viewer.group is not None:
            self.room.resume(viewer)
        self._check_caught_up(viewer)

    def _check_caught_up(self, viewer: Viewer) -> None:
        """What was withdrawn is not told to those who come later."""
        told = [message for message in viewer.read() if message["t"] in ("snapshot", "recovered")]
        for message in told[-1:]:
            events = [*message.get("recent", ()), *message.get("events", ())]
            assert not {event["id"] for event in events} & self.withdrawn
