"""A room between its backplane and its viewers."""

import pytest

from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codec import CODECS, JSON, MESSAGE_PACK
from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime import fan_out, pace
from livecommerce.realtime.publications import Delivery
from livecommerce.realtime.room import RoomState
from livecommerce.realtime.room_log import RoomLog, RoomSeed
from tests.realtime.support import (
    EPOCH,
    ROOM,
    Hearts,
    Removed,
    Stage,
    Viewer,
    likes,
    pub,
    said,
    shelf,
)


@pytest.fixture
def one_write_a_slice(monkeypatch):
    monkeypatch.setattr(fan_out, "CHUNK", 1)


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_a_joiner_is_told_the_room_and_then_what_happens(codec):
    seed = RoomSeed(state=[shelf("a", 1)], recent=[said("before")], volatile=[likes(3)])
    stage = Stage(seed=seed)
    viewer = stage.viewer(codec)
    (snapshot,) = viewer.messages
    assert (snapshot["t"], snapshot["room"], snapshot["offset"]) == ("snapshot", ROOM, 0)
    assert [len(snapshot[part]) for part in ("state", "recent", "volatile")] == [1, 1, 1]
    line = said()
    stage.publish(line, likes(4))
    (batch,) = viewer.read()
    assert (batch["first"], batch["last"]) == (1, 1)
    assert batch["events"] == [{"t": "said", "id": line.id, "at": 1, "text": "hello"}]
    assert batch["volatile"][0]["count"] == 4


def test_a_batch_is_encoded_once_for_all_who_may_see_it():
    stage = Stage()
    viewers = [stage.viewer(codec) for codec in (JSON, JSON, MESSAGE_PACK, JSON)]
    stage.publish(said())
    frames = [viewer.written.frames[0] for viewer in viewers]
    assert frames[0] is frames[1] is frames[3]
    assert frames[2] is not frames[0]


def test_staff_see_what_viewers_do_not_and_nobody_sees_a_gap():
    stage = Stage()
    viewer, staff = stage.viewer(), stage.viewer(audience_class="staff")
    secret, line = said("an order"), said("hello")
    stage.publish((secret, "staff"))
    stage.publish(line, (said("whom?"), "nobody in particular"))
    assert viewer.events() == [line.id]
    assert staff.events() == [secret.id, line.id]
    assert (viewer.messages[-1]["first"], viewer.messages[-1]["last"]) == (1, 3)
    assert (staff.messages[-1]["first"], staff.messages[-1]["last"]) == (2, 3)


def test_ephemeral_events_are_told_and_forgotten():
    stage = Stage()
    viewer = stage.viewer()
    stage.publish(Hearts(id=new_id(), at=1), Hearts(id=new_id(), at=2))
    assert len(viewer.read()[0]["volatile"]) == 2
    assert stage.viewer().messages[0]["volatile"] == []


def test_a_returning_viewer_gets_what_it_missed():
    stage = Stage()
    stage.publish(said("1"))
    viewer = stage.viewer()
    stage.room.leave(viewer)
    missed = [said("2"), said("3")]
    stage.publish(missed[0], shelf("a", 1), likes(5))
    stage.publish(missed[1], shelf("a", 2, left=7))
    stage.viewer(viewer=viewer, epoch=EPOCH, offset=viewer.position)
    recovered = viewer.messages[-1]
    assert recovered["t"] == "recovered"
    assert [event["t"] for event in recovered["events"]] == ["said", "said", "shelf"]
    assert recovered["events"][-1]["left"] == 7
    assert recovered["volatile"][0]["count"] == 5
    assert recovered["offset"] == stage.top


@pytest.mark.parametrize(
    ("epoch", "offset"), [("another", 0), (EPOCH, 99), (EPOCH, -5), (None, 1), (EPOCH, None)]
)
def test_a_position_that_is_not_known_gets_a_snapshot(epoch, offset):
    stage = Stage()
    stage.publish(said())
    assert stage.viewer(epoch=epoch, offset=offset).messages[0]["t"] == "snapshot"


def test_a_position_that_left_the_ring_gets_a_snapshot():
    stage = Stage(log_s=10)
    stage.publish(said())
    stage.clock.advance(11_000)
    stage.publish(said())
    assert stage.viewer(epoch=EPOCH, offset=0).messages[0]["t"] == "snapshot"
    assert stage.viewer(epoch=EPOCH, offset=1).messages[0]["t"] == "recovered"


def test_joiners_share_a_snapshot_while_nothing_changes_and_the_clock_is_fresh():
    stage = Stage(snapshot_age_ms=50)
    frames = [stage.room.join(Viewer(), "viewer") for _ in range(3)]
    assert frames[0] is frames[1] is frames[2]
    stage.clock.advance(51)
    aged = stage.room.join(Viewer(), "viewer")
    assert aged != frames[0]
    stage.publish(likes(2))
    assert stage.room.join(Viewer(), "viewer") != aged


def test_the_recent_list_is_cut_to_the_size_of_a_snapshot_and_state_never():
    seed = RoomSeed(
        state=[shelf(f"key-{number}", 1) for number in range(40)],
        recent=[said("x" * 100, f"line-{number:030}") for number in range(50)],
    )
    stage = Stage(seed=seed, snapshot_bytes=6_000)
    frame = stage.room.join(Viewer(), "viewer")
    assert len(frame) < 6_300
    snapshot = stage.viewer().messages[0]
    assert len(snapshot["state"]) == 40
    assert 0 < len(snapshot["recent"]) < 50
    assert snapshot["recent"][-1]["id"].endswith("49")


# Slow viewers


def test_a_full_buffer_costs_others_nothing_and_is_caught_up():
    stage = Stage()
    slow, quick = stage.viewer(), stage.viewer()
    slow.written.capacity = 1
    lines = [said() for _ in range(4)]
    for line in lines:
        stage.publish(line)
    assert len(slow.written.frames) == 1
    assert quick.events() == [line.id for line in lines]
    assert stage.room.lagging == 1
    stage.resume(slow)
    assert slow.events() == [line.id for line in lines]
    assert stage.room.lagging == 0
    stage.publish(said())
    assert len(slow.read()) == 1


def test_a_laggard_that_fills_up_again_goes_on_where_it_stopped():
    stage = Stage()
    slow = stage.viewer()
    stage.pause(slow)
    first, second, third = said(), said(), said()
    stage.publish(first)
    slow.is_paused = False
    slow.written.drain(1)
    stage.room.resume(slow)
    assert slow.is_paused
    assert stage.room.lagging == 1
    stage.publish(second)
    stage.publish(third)
    stage.resume(slow)
    assert slow.events() == [first.id, second.id, third.id]


def test_a_laggard_beyond_the_ring_is_shown_the_room_anew():
    stage = Stage(log_bytes_max=300)
    slow = stage.viewer()
    stage.pause(slow)
    for _ in range(9):
        stage.publish(said("x" * 50))
    stage.resume(slow)
    assert slow.messages[-1]["t"] == "snapshot"
    assert slow.position == stage.top


def test_a_viewer_that_takes_nothing_is_closed_and_one_that_takes_some_is_not():
    stage = Stage(slow_after_s=10)
    stalled, slow = stage.viewer(), stage.viewer()
    for viewer in (stalled, slow):
        stage.pause(viewer)
    stage.clock.advance(6_000)
    slow.is_paused = False
    slow.written.drain(1)
    stage.publish(said())
    stage.room.resume(slow)
    stage.clock.advance(6_000)
    assert stage.room.close_slow(stage.clock.mono_s()) == 1
    assert (stalled.closed, slow.closed) == (CloseCode.TOO_SLOW, None)


def test_who_joins_with_a_full_buffer_lags_from_the_start():
    stage = Stage()
    viewer = Viewer()
    viewer.is_paused = True
    stage.viewer(viewer=viewer)
    stage.publish(said())
    assert not viewer.written.frames
    assert stage.room.lagging == 1


# The flush


def test_a_flush_yields_and_later_batches_are_merged(one_write_a_slice):
    stage = Stage(slice_ms=0.0)
    viewers = [stage.viewer() for _ in range(3)]
    lines = [said() for _ in range(3)]
    for line in lines:
        stage.publish(line)
    assert sum(len(viewer.written.frames) for viewer in viewers) == 1
    stage.turns.settle()
    for viewer in viewers:
        assert [len(message["events"]) for message in viewer.read()] == [1, 2]
        assert viewer.seen == [line.id for line in lines]


def test_joins_and_leaves_during_a_flush(one_write_a_slice):
    stage = Stage(slice_ms=0.0)
    first, second, third = (stage.viewer() for _ in range(3))
    stage.publish(said("a"))
    stage.publish(said("b"))
    stage.room.leave(second)
    stage.room.leave(first)
    newcomer = stage.viewer()
    assert newcomer.messages[0]["offset"] == 1
    stage.turns.settle()
    assert not second.written.frames
    assert len(third.events()) == 2
    assert len(newcomer.events()) == 1
    assert newcomer.position == 2
    assert stage.room.viewers == 2
    stage.publish(said("c"))
    stage.turns.settle()
    assert (third.events()[-1], third.position) == (newcomer.events()[-1], 3)


def test_who_comes_from_a_quicker_node_is_not_shown_the_room_anew(one_write_a_slice):
    """Told elsewhere what waits here for a flush: nothing is missed, and it will come again."""
    stage = Stage(slice_ms=0.0)
    for _ in range(3):
        stage.viewer()
    stage.publish(said("a"))
    stage.publish(said("b"))
    assert (stage.room.log.top, stage.room.received) == (1, 2)
    moved = stage.viewer(epoch=EPOCH, offset=2)
    (recovered,) = moved.messages
    assert (recovered["t"], recovered["offset"], recovered["events"]) == ("recovered", 1, [])
    stage.turns.settle()
    assert len(moved.events()) == 1
    assert moved.position == 2
    # What was not even received may be of a log that was rewound.
    ahead = stage.viewer(epoch=EPOCH, offset=3)
    assert [message["t"] for message in ahead.messages] == ["snapshot"]


def test_a_broken_transport_does_not_stop_the_flush():
    stage = Stage()
    viewers = [stage.viewer() for _ in range(3)]

    def breaks(frame: bytes) -> None:
        raise RuntimeError("the handler is closed")

    group = viewers[1].group
    assert group is not None
    group.writes[viewers[1].index] = breaks
    stage.publish(said())
    assert [len(viewer.written.frames) for viewer in viewers] == [1, 0, 1]


# The tick


def test_a_lone_batch_is_passed_on_at_once_and_those_of_many_nodes_as_one():
    stage = Stage(tick_min_ms=20)
    viewer = stage.viewer()
    alone = said("after quiet")
    stage.publish(alone)
    assert viewer.events() == [alone.id]
    stage.clock.advance(1_000)
    lines = [said(str(number)) for number in range(10)]
    for line in lines:
        # Another node each, all in one moment.
        stage.publish(line, likes(stage.top))
    stage.turns.settle()
    batches = viewer.read()
    # The first, the one that a room may be ahead, and everything else in one tick.
    assert [len(batch["events"]) for batch in batches] == [1, 1, 8]
    assert [len(batch["volatile"]) for batch in batches] == [1, 1, 1]
    assert [batch["first"] for batch in batches] == [2, 3, 4]
    assert viewer.events()[1:] == [line.id for line in lines]
    assert viewer.position == stage.top


def test_a_room_is_written_to_once_a_tick_however_many_nodes_publish():
    stage = Stage(tick_min_ms=20)
    viewer, sent = stage.viewer(), []
    for _ in range(1_000):
        line = said()
        sent.append(line.id)
        stage.publish(line)
        stage.clock.advance(1)
        stage.turns.turn()
    stage.turns.settle()
    frames = len(viewer.read())
    assert 50 <= frames <= 1_000 / (20 * pace.SHORTER) + 3
    assert viewer.events() == sent


@pytest.mark.parametrize(("late_ms", "counted_every"), [(0, 20), (7, None), (19, None)])
def test_what_one_node_publishes_once_a_tick_is_never_waited_for(late_ms, counted_every):
    """Whether the network brings it evenly or not, and with counters that come between."""
    stage = Stage(tick_min_ms=20)
    viewer = stage.viewer()
    for number in range(100):
        stage.clock.advance(20 + (late_ms if number % 2 == 0 else -late_ms))
        if counted_every is not None and number % counted_every == 0:
            stage.room.show(pub(likes(number)))
        stage.publish(said())
        assert len(viewer.events()) == number + 1
        assert not stage.turns.timers


def test_what_is_urgent_waits_for_no_tick():
    stage = Stage(tick_min_ms=200, urgent_ms=10)
    viewer = stage.viewer()
    for _ in range(3):
        stage.publish(said())
    assert len(viewer.events()) == 2
    removal = Removed(id=new_id(), at=1, message_id=new_id())
    stage.publish(removal)
    stage.clock.advance(10)
    stage.turns.turn()
    assert viewer.events()[-1] == removal.id
    assert viewer.position == stage.top == 4


def test_what_concerns_the_staff_alone_takes_no_tick_of_the_viewers():
    """As many writes as are made are paid for, not as many as there are viewers."""
    stage = Stage(flush_share=1e-4)
    viewers, staff = [stage.viewer() for _ in range(4)], stage.viewer(audience_class="staff")
    # A write costs 5 µs at first: five of them are worth 250 ms, one is worth 50.
    for _ in range(3):
        stage.publish((said(), "staff"))
        stage.clock.advance(40)
    assert len(staff.events()) == 3
    stage.publish(said())
    assert all(len(viewer.events()) == 1 for viewer in viewers)


def test_a_tick_that_comes_while_a_flush_runs_is_not_lost(one_write_a_slice):
    stage = Stage(slice_ms=0.0, tick_min_ms=20)
    viewers = [stage.viewer() for _ in range(3)]
    lines = [said() for _ in range(4)]
    for line in lines[:3]:
        stage.publish(line)
    stage.clock.advance(500)
    stage.publish(lines[3])
    stage.turns.settle()
    for viewer in viewers:
        assert viewer.events() == [line.id for line in lines]


def test_the_end_of_a_flush_does_not_end_the_tick(one_write_a_slice):
    stage = Stage(slice_ms=0.0, tick_min_ms=20)
    viewers = [stage.viewer() for _ in range(3)]
    for _ in range(2):
        stage.publish(said())
    for _ in range(20):
        stage.turns.turn()
        stage.publish(said())
    assert [len(viewer.read()) for viewer in viewers] == [2, 2, 2]
    stage.turns.settle()
    for viewer in viewers:
        assert len(viewer.read()) == 1
        assert viewer.position == stage.top


def test_what_waits_for_a_tick_is_not_written_into_a_new_epoch():
    stage = Stage(tick_min_ms=20)
    viewer = stage.viewer()
    for _ in range(3):
        stage.publish(said())
    assert stage.turns.timers
    stage.room.replace_log(RoomLog(epoch="epoch-2", top=9, settings=stage.settings))
    assert not stage.turns.timers
    stage.turns.settle()
    viewer.read()
    assert (viewer.epoch, viewer.position) == ("epoch-2", 9)


def test_a_node_that_catches_up_shows_newcomers_what_waits_for_a_tick():
    stage = Stage(tick_min_ms=200)
    viewer = stage.viewer()
    for _ in range(3):
        stage.publish(said())
    assert len(viewer.events()) == stage.room.log.top == 2
    stage.room.catch_up()
    assert stage.room.log.top == 3
    assert not stage.turns.timers
    assert len(viewer.events()) == stage.viewer().position == 3


# Gaps


def test_what_was_delivered_before_is_dropped_and_overlaps_are_cut():
    stage = Stage()
    viewer = stage.viewer()
    first = stage.batch(said(), said())
    stage.room.deliver(first)
    stage.room.deliver(first)
    overlap = Delivery(ROOM, EPOCH, 2, (first.logged[1], pub(said("new"))))
    stage.room.deliver(overlap)
    assert len(viewer.events()) == 3
    assert stage.repairs == 0


def test_a_gap_is_repaired_and_viewers_notice_nothing():
    stage = Stage()
    viewer = stage.viewer()
    lost, held = stage.batch(said("1"), said("2")), stage.batch(said("3"))
    stage.room.deliver(held)
    assert stage.repairs == 1
    assert stage.room.state is RoomState.REPAIRING
    later = stage.batch(said("4"))
    stage.room.deliver(later)
    assert not viewer.read()
    stage.room.repaired(lost.logged)
    expected = [each.id for batch in (lost, held, later) for each in batch.logged]
    assert viewer.events() == expected


def test_what_is_held_back_is_bounded_and_fetched_again(monkeypatch):
    monkeypatch.setattr("livecommerce.realtime.room.HELD_MAX", 2)
    stage = Stage()
    viewer = stage.viewer()
    batches = [stage.batch(said(str(number))) for number in range(6)]
    for batch in batches[1:5]:
        stage.room.deliver(batch)
    stage.room.repaired(batches[0].logged)
    assert len(viewer.events()) == 3
    stage.room.deliver(batches[5])
    assert stage.repairs == 2
    stage.room.repaired([*batches[3].logged, *batches[4].logged])
    assert viewer.events() == [batch.logged[0].id for batch in batches]


def test_a_lost_last_batch_is_found_by_the_position_check():
    stage = Stage()
    stage.viewer()
    stage.room.check(EPOCH, 0, received=0)
    assert stage.repairs == 0
    stage.room.check(EPOCH, 1, received=0)
    assert stage.repairs == 1


def test_a_rewound_log_is_found_by_the_position_check_and_by_what_it_gives_away_again():
    for find in ("check", "other event"):
        stage = Stage()
        stage.viewer()
        stage.publish(said(), said())
        stage.room.check(EPOCH, 1, received=1)
        known = stage.room.log.missed(EPOCH, 0, "viewer")
        assert known is not None
        stage.room.deliver(Delivery(ROOM, EPOCH, 2, (known[1].publication,)))
        assert stage.repairs == 0
        if find == "check":
            stage.room.check(EPOCH, 1, received=2)
        else:
            stage.room.deliver(Delivery(ROOM, EPOCH, 2, (pub(said()), pub(said()))))
        assert stage.repairs == 1


def test_a_new_epoch_shows_everybody_the_room_anew_and_closes_nobody(one_write_a_slice):
    stage = Stage(slice_ms=0.0)
    viewers = [stage.viewer() for _ in range(3)]
    lagging = stage.viewer()
    stage.pause(lagging)
    stage.publish(said("under way when the epoch ends"))
    stage.room.deliver(Delivery(ROOM, "epoch-2", 5, (pub(said()),)))
    assert stage.repairs == 1
    log = RoomLog(epoch="epoch-2", top=5, settings=stage.settings)
    stage.room.replace_log(log)
    stage.turns.settle()
    stage.room.deliver(Delivery(ROOM, "epoch-2", 6, (pub(said("after")),)))
    stage.turns.settle()
    stage.resume(lagging)
    for viewer in (*viewers, lagging):
        viewer.read()
        assert (viewer.epoch, viewer.position) == ("epoch-2", 6)


# Redaction


def test_deleted_text_is_nowhere_any_more():
    stage = Stage()
    line = said("an insult")
    stage.publish(line)
    stage.publish(Removed(id=new_id(), at=2, message_id=line.id))
    for frame in (
        stage.room.join(Viewer(), "viewer"),
        stage.room.join(Viewer(), "viewer", epoch=EPOCH, offset=0),
    ):
        assert b"insult" not in frame
    assert all(b"insult" not in entry.publication.json for entry in stage.room.log._ring)


def test_text_deleted_in_its_own_batch_is_never_sent():
    stage = Stage()
    viewer = stage.viewer()
    line = said("an insult")
    stage.publish(line, Removed(id=new_id(), at=2, message_id=line.id))
    (batch,) = viewer.read()
    assert [event["t"] for event in batch["events"]] == ["removed"]
    assert (batch["first"], batch["last"]) == (1, 2)


def test_text_that_comes_after_its_deletion_is_not_shown():
    stage = Stage()
    viewer = stage.viewer()
    line = said("an insult")
    stage.publish(Removed(id=new_id(), at=2, message_id=line.id))
    stage.publish(line)
    assert line.id not in viewer.events()
    assert stage.viewer().messages[0]["recent"] == []


def test_seeded_text_can_be_deleted():
    line = said("an insult")
    stage = Stage(seed=RoomSeed(recent=[line]))
    stage.publish(Removed(id=new_id(), at=2, message_id=line.id))
    assert stage.viewer().messages[0]["recent"] == []


def test_seeded_events_that_come_again_are_shown_once():
    line = said()
    stage = Stage(seed=RoomSeed(recent=[said("first"), line, said("last")]))
    before = stage.viewer()
    stage.publish(line)
    recent = [event["id"] for event in stage.viewer().messages[0]["recent"]]
    assert recent == before.recent[:3]
    assert recent.count(line.id) == 1


# Roles


def test_a_regraded_viewer_sees_the_room_with_other_eyes():
    stage = Stage()
    viewer = stage.viewer()
    stage.publish((said("for staff"), "staff"))
    viewer.written.write(stage.room.regrade(viewer, "staff"))
    assert len(viewer.read()[0]["recent"]) == 1
    stage.publish((said("more"), "staff"))
    assert len(viewer.events()) == 1
    assert stage.room.viewers == 1


def test_an_empty_room_says_since_when():
    stage = Stage()
    viewer = stage.viewer()
    assert stage.room.empty_since_s is None
    stage.clock.advance(5_000)
    stage.room.leave(viewer)
    assert stage.room.empty_since_s == 5.0


def test_a_beat_tells_what_the_audience_was_told():
    stage = Stage()
    viewer = stage.viewer()
    stage.publish(said())
    stage.publish((said("unseen"), "staff"))
    viewer.read()
    viewer.written.write(stage.room.beat_for(viewer))
    (beat,) = viewer.read()
    assert (beat["t"], beat["last"], beat["epoch"]) == ("beat", 1, EPOCH)


def test_a_value_that_a_later_one_overtook_is_shown_to_nobody():
    stage = Stage(seed=RoomSeed(state=[shelf("a", 5)]))
    viewer = stage.viewer()
    line = said()
    # A relay of another node was quicker with a later one.
    stage.publish(shelf("a", 4), line)
    (batch,) = viewer.read()
    assert [each["id"] for each in batch["events"]] == [line.id]
    assert (batch["first"], batch["last"]) == (1, 2)
    stage.publish(shelf("a", 6))
    viewer.read()
    assert viewer.state["a"][0] == 6
