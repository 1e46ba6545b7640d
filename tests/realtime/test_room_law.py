"""The law of rooms: whoever applied every event since a snapshot knows what a fresh snapshot tells.

One machine plays everything that may happen around a flush, one write at a time: joins, leaves,
full buffers, returns to an earlier position, redactions, other codecs and audiences, batches that
wait for the room's tick, and lines that are left out because more is said than can be read.
"""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import CODECS
from livecommerce.realtime import fan_out
from livecommerce.realtime.room_log import RoomSeed
from tests.realtime.support import EPOCH, Removed, Stage, Viewer, chatter, likes, said, shelf

AUDIENCES = st.sampled_from(["everyone", "everyone", "staff", "nobody in particular"])
CLASSES = ["viewer", "staff", "light"]
KEYS = st.sampled_from(["a", "b", "c"])


class RoomLaw(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.chunk, fan_out.CHUNK = fan_out.CHUNK, 1
        seed = RoomSeed(
            state=[shelf("a", 3, 30), (shelf("s", 1, 1), "staff")],
            recent=[said("before")],
            volatile=[likes(7)],
        )
        # Rings short enough to lose positions, recovery small enough to fall back on snapshots.
        # And more is said than viewers are shown.
        self.stage = Stage(
            seed=seed,
            slice_ms=0.0,
            log_bytes_max=2_000,
            recover_bytes_max=900,
            thin_from_viewers=1,
            spare_per_s=4.0,
            tick_min_ms=100.0,
        )
        self.stage.crowd = 1
        self.viewers: list[tuple[Viewer, str]] = []
        self.away: list[tuple[Viewer, str]] = []
        self.said: list[str] = []
        self.never: set[str] = set()
        self.versions: dict[tuple[str, str], int] = {}

    def teardown(self) -> None:
        fan_out.CHUNK = self.chunk

    @rule(audience=AUDIENCES, count=st.integers(1, 3), is_spare=st.booleans())
    def chat(self, audience, count, is_spare):
        events = chatter(count) if is_spare else [said("x" * 20) for _ in range(count)]
        self.said += [event.id for event in events]
        self.stage.publish(*[(event, audience) for event in events])

    @rule(audience=AUDIENCES, key=KEYS, step=st.integers(1, 3), is_off=st.booleans())
    def change_state(self, audience, key, step, is_off):
        version = self.versions.get((key, audience), 3) + step
        self.versions[key, audience] = version
        name = key if audience == "everyone" else f"{audience}:{key}"
        self.stage.publish((shelf(name, version, version, is_off=is_off), audience))

    @rule(count=st.integers(0, 9))
    def count(self, count):
        self.stage.publish(likes(count))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def redact(self, data):
        message_id = data.draw(st.sampled_from(self.said))
        self.stage.publish(Removed(id=new_id(), at=1, message_id=message_id))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def redact_with_its_text(self, data):
        line = said("gone before it was seen")
        self.never.add(line.id)
        self.stage.publish(line, Removed(id=new_id(), at=1, message_id=line.id))

    @precondition(lambda self: self.said)
    @rule(data=st.data())
    def repeat(self, data):
        """A relay publishes once more what was published before."""
        message_id = data.draw(st.sampled_from(self.said[-5:]))
        self.stage.publish(said("again", message_id))

    @rule(codec=st.sampled_from(CODECS), audience_class=st.sampled_from(CLASSES))
    def join(self, codec, audience_class):
        self.viewers.append((self.stage.viewer(codec, audience_class), audience_class))

    @precondition(lambda self: self.viewers)
    @rule(data=st.data())
    def leave(self, data):
        gone = data.draw(st.sampled_from(self.viewers))
        self.viewers.remove(gone)
        self.stage.room.leave(gone[0])
        gone[0].is_paused = False
        gone[0].written.drain()
        gone[0].read()
        self.away.append(gone)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def come_back(self, data):
        viewer, audience_class = data.draw(st.sampled_from(self.away))
        self.away.remove((viewer, audience_class))
        self.stage.viewer(
            audience_class=audience_class, viewer=viewer, epoch=EPOCH, offset=viewer.position
        )
        self.viewers.append((viewer, audience_class))

    @precondition(lambda self: self.viewers)
    @rule(data=st.data(), frames=st.integers(1, 3))
    def fill_up(self, data, frames):
        """After so many more writes this viewer's buffer is full."""
        viewer, _ = data.draw(st.sampled_from(self.viewers))
        if not viewer.is_paused:
            viewer.written.capacity = frames

    @precondition(lambda self: any(viewer.is_paused for viewer, _ in self.viewers))
    @rule(data=st.data(), again=st.booleans())
    def drain(self, data, again):
        paused = [viewer for viewer, _ in self.viewers if viewer.is_paused]
        viewer = data.draw(st.sampled_from(paused))
        viewer.is_paused = False
        viewer.written.drain(1 if again else None)
        self.stage.room.resume(viewer)

    @rule()
    def turn(self):
        self.stage.turns.turn()

    @rule(seconds=st.sampled_from([0.05, 1, 60, 200]))
    def wait(self, seconds):
        self.stage.clock.advance(int(seconds * 1000))

    @invariant()
    def lists_are_parallel(self):
        for group in self.stage.room._groups.values():
            assert len(group.writes) == len(group.connections)
            for index, connection in enumerate(group.connections):
                if connection is not None:
                    assert connection.index == index
                    assert connection.group is group

    @precondition(lambda self: self.viewers)
    @rule()
    def law(self):
        """At rest, everybody knows what a newcomer is told."""
        self.stage.turns.settle()
        for viewer, _ in self.viewers:
            if viewer.is_paused:
                self.stage.resume(viewer)
            viewer.written.drain()
        for viewer, _ in self.away:
            assert not viewer.written.frames, "written to after it left"
        fresh = {each: self.stage.viewer(audience_class=each) for each in CLASSES}
        for viewer, audience_class in self.viewers:
            state, recent, volatile = viewer.known()
            wanted_state, wanted_recent, wanted_volatile = fresh[audience_class].known()
            assert state == wanted_state
            assert volatile == wanted_volatile
            assert not self.never & set(viewer.seen)
            assert recent[len(recent) - len(wanted_recent) :] == wanted_recent
        for newcomer in fresh.values():
            self.stage.room.leave(newcomer)


RoomLaw.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestRoomLaw = RoomLaw.TestCase


def test_a_late_earlier_version_changes_nothing():
    stage = Stage()
    viewer = stage.viewer()
    stage.publish(shelf("a", 2, 20))
    stage.publish(shelf("a", 1, 10))
    fresh = stage.viewer()
    assert viewer.known() == fresh.known()
    assert fresh.known()[0]["a"]["left"] == 20


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_late_versions_are_told_by_their_highest(codec):
    stage = Stage()
    viewer = stage.viewer(codec)
    stage.pause(viewer)
    stage.publish(shelf("a", 2, 20))
    stage.publish(shelf("a", 1, 10))
    stage.resume(viewer)
    assert viewer.known()[0]["a"]["left"] == 20
