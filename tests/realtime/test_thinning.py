"""Giant rooms: what is left out, for whom, and that nobody takes it for a loss."""

import pytest

from livecommerce.protocol.codec import CODECS
from livecommerce.realtime.publications import publication_of
from livecommerce.realtime.settings import HubSettings
from livecommerce.realtime.thinning import NONE, Thinner
from tests.realtime.support import EPOCH, Chatter, Removed, Stage, chatter, likes, said, shelf

GIANT = 5_000
SETTINGS = HubSettings(spare_per_s=20.0, thin_from_viewers=1_000)


def giant(**caps) -> Stage:
    stage = Stage(**({"spare_per_s": 10.0, "thin_from_viewers": 1_000} | caps))
    stage.crowd = GIANT
    return stage


def test_a_small_room_is_shown_everything():
    thinner = Thinner(SETTINGS, viewers=lambda: 999)
    lines = [publication_of(each) for each in chatter(500)]
    assert thinner.left_out(lines, 0.0) is NONE


def test_the_budget_holds_over_any_batches_and_is_used():
    thinner = Thinner(SETTINGS, viewers=lambda: GIANT)
    now_s, shown = 0.0, 0
    for tick in range(1_000):
        now_s += 0.02
        lines = [publication_of(each) for each in chatter(1 + tick % 40)]
        shown += len(lines) - len(thinner.left_out(lines, now_s))
    assert now_s * 20 - 1 <= shown <= now_s * 20 + 20


def test_after_a_silence_a_second_of_lines_fits_and_no_more():
    thinner = Thinner(SETTINGS, viewers=lambda: GIANT)
    lines = [publication_of(each) for each in chatter(100)]
    for now_s in (0.0, 3600.0):
        assert len(thinner.left_out(lines, now_s)) == 80


def test_every_line_of_a_batch_has_the_same_chance():
    shown = [0] * 40
    for _ in range(2_000):
        thinner = Thinner(SETTINGS, viewers=lambda: GIANT)
        lines = [publication_of(each) for each in chatter(40)]
        out = thinner.left_out(lines, 0.0)
        for index, line in enumerate(lines):
            shown[index] += line.id not in out
    assert min(shown) > 850
    assert max(shown) < 1_150


def test_what_is_not_spare_is_never_left_out_and_costs_nothing_of_the_budget():
    thinner = Thinner(SETTINGS, viewers=lambda: GIANT)
    staff = [publication_of(said("from the host")) for _ in range(100)]
    spare = [publication_of(each) for each in chatter(20)]
    assert thinner.left_out([*staff, *spare], 0.0) is NONE
    out = thinner.left_out([*staff, *spare], 0.1)
    assert out < {each.id for each in spare}
    assert len(out) == 18


@pytest.mark.parametrize("codec", CODECS, ids=lambda codec: codec.name)
def test_viewers_see_a_choice_and_the_staff_everything_and_nobody_a_gap(codec):
    stage = giant()
    viewer, staff = stage.viewer(codec), stage.viewer(codec, "staff")
    for _ in range(5):
        # `Viewer` asserts on each batch that it continues the one before.
        stage.publish(*chatter(30), said("from the host"), shelf("a", stage.top + 1))
    assert len(staff.events()) == 5 * 32
    # The budget of the first second, and what is never left out.
    assert len(viewer.events()) == 10 + 5 * 2
    assert viewer.position == staff.position == stage.top


def test_a_batch_of_which_nothing_is_shown_is_covered_by_the_next():
    stage = giant()
    viewer = stage.viewer()
    stage.publish(*chatter(10))
    before = viewer.read()[-1]["last"]
    stage.publish(*chatter(50))
    assert viewer.read() == []
    assert stage.room.beat_for(viewer)
    line = said("at last")
    stage.publish(line)
    (batch,) = viewer.read()
    assert (batch["first"], batch["last"]) == (before + 1, stage.top)
    assert [event["id"] for event in batch["events"]] == [line.id]


def test_what_was_left_out_is_not_recovered_and_not_in_the_snapshot():
    stage = giant()
    here, away = stage.viewer(), stage.viewer()
    stage.room.leave(away)
    for _ in range(20):
        stage.publish(*chatter(30))
    seen = here.events()
    assert len(seen) == 10
    stage.viewer(viewer=away, epoch=EPOCH, offset=away.position)
    assert away.events() == seen
    assert stage.viewer().known()[1] == seen
    # The staff's own recent list is as long as ever.
    assert len(stage.viewer(audience_class="staff").known()[1]) == stage.settings.recent_max


def test_a_light_viewer_is_told_the_state_and_the_staffs_words_and_no_chatter():
    stage = giant(thin_from_viewers=1_000_000)
    viewer, light = stage.viewer(), stage.viewer(audience_class="light")
    stage.publish(*chatter(5), said("from the host"), shelf("a", 1), likes(3))
    stage.publish(*chatter(5))
    assert len(viewer.events()) == 12
    assert len(light.events()) == 2
    assert light.known()[0].keys() == {"a"}
    assert light.volatile["likes"]["count"] == 3
    assert [message["t"] for message in light.messages].count("batch") == 1


def test_who_is_shown_nothing_is_told_where_they_are_and_recovers():
    """A hidden page in a room in which nothing but chat happens."""
    stage = giant(thin_from_viewers=1_000_000, log_s=120.0)
    viewer, light = stage.viewer(), stage.viewer(audience_class="light")
    leaver = stage.viewer(audience_class="light")
    for second in range(300):
        stage.clock.advance(1_000)
        stage.publish(*chatter(2))
        if second == 250:
            stage.room.leave(leaver)
            leaver.read()
    # Now and then, not with every batch.
    told = [message for message in light.read() if message["t"] == "batch"]
    assert len(told) == 300 // (120 / 4)
    assert all(batch["events"] == [] for batch in told)
    assert stage.top - light.position <= 60
    # Nothing was missed, and that is said without showing the room anew.
    for back in (leaver, light):
        if back is light:
            stage.room.leave(light)
        stage.viewer(audience_class="light", viewer=back, epoch=EPOCH, offset=back.position)
        assert back.messages[-1]["t"] == "recovered"
        assert back.messages[-1]["events"] == []
    assert len(viewer.events()) == 600
    stage.publish(said("from the host"))
    assert len(leaver.events()) == len(light.events()) == 1


def test_a_page_that_is_looked_at_again_recovers_what_was_said_meanwhile():
    stage = giant(thin_from_viewers=1_000_000)
    page = stage.viewer()
    stage.publish(said("1"))
    page.read()
    left_at = page.position
    stage.room.leave(page)
    stage.viewer(viewer=page, audience_class="light", epoch=EPOCH, offset=left_at)
    lines = chatter(3)
    stage.publish(*lines)
    assert len(page.events()) == 1
    stage.room.leave(page)
    stage.viewer(viewer=page, epoch=EPOCH, offset=left_at)
    assert page.events()[1:] == [line.id for line in lines]
    assert "snapshot" not in [message["t"] for message in page.messages[1:]]


def test_lines_that_concern_somebody_are_handed_over_once_and_only_those():
    stage = giant()
    plain, spoken_to = chatter(2)
    stage.publish(
        publication_of(plain),
        publication_of(spoken_to, concerns=("mona",)),
    )
    assert stage.told == [spoken_to.id]


def test_a_line_taken_back_in_its_own_batch_is_told_to_nobody():
    stage = giant()
    line = Chatter(id="a-line", at=1, text="x")
    stage.publish(
        publication_of(line, concerns=("mona",)),
        publication_of(Removed(id="removal", at=1, message_id=line.id)),
    )
    assert stage.told == []
