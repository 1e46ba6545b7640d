"""The show's state machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.shows import NEXT, Show, State, move, plan

PLANNED = Show(id="s1", room_id="r1", title_en="Perfume night", title_ar="ليلة العطور")


def test_a_show_goes_its_whole_way():
    show = PLANNED
    for to in (State.LOBBY, State.LIVE, State.PAUSED, State.LIVE, State.ENDED):
        show = move(show, to, now=1_000)
        assert show.state is to
    assert show.ended_at == 1_000


def test_the_start_is_told_by_the_first_time_on_air():
    show = move(PLANNED, State.LIVE, now=10)
    show = move(show, State.PAUSED, now=20)
    assert move(show, State.LIVE, now=30).started_at == 10


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("to", list(State))
def test_there_is_no_other_way(state, to):
    show = Show(id="s", room_id="r", title_en="a", title_ar="", state=state)
    if to in NEXT[state]:
        assert move(show, to, now=5).state is to
        return
    with pytest.raises(Refused) as refused:
        move(show, to, now=5)
    assert refused.value.code is Code.BAD_TRANSITION
    assert refused.value.data == {"held": state.value, "to": to.value}


def test_chat_is_open_from_the_lobby_to_the_end():
    assert [
        state
        for state in State
        if Show(id="s", room_id="r", title_en="a", title_ar="", state=state).is_chat_open
    ] == [State.LOBBY, State.LIVE, State.PAUSED]


def test_planning_again_keeps_the_show():
    again = Show(id="s2", room_id="r1", title_en="Oud night", title_ar="", starts_at=99)
    planned = plan(PLANNED, again)
    assert (planned.id, planned.title_en, planned.starts_at) == ("s1", "Oud night", 99)


def test_after_the_end_comes_another_show():
    ended = move(PLANNED, State.ENDED, now=1)
    assert plan(ended, Show(id="s2", room_id="r1", title_en="b", title_ar="")).id == "s2"


@pytest.mark.parametrize("state", [State.LOBBY, State.LIVE, State.PAUSED])
def test_a_show_that_has_begun_is_not_planned(state):
    begun = Show(id="s1", room_id="r1", title_en="a", title_ar="", state=state)
    with pytest.raises(Refused) as refused:
        plan(begun, PLANNED)
    assert refused.value.code is Code.BAD_TRANSITION


@given(st.lists(st.sampled_from(list(State)), max_size=12))
def test_a_show_ends_once_and_for_good(path):
    show, ends = PLANNED, 0
    for now, to in enumerate(path):
        try:
            show = move(show, to, now=now)
        except Refused:
            continue
        ends += to is State.ENDED
        assert (show.ended_at is not None) == (show.state is State.ENDED)
    assert ends <= 1
