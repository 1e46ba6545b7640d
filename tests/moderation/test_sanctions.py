import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.sanctions import (
    Sanction,
    SanctionKind,
    ban,
    check_rank,
    in_force,
    lift,
    needed_for,
    time_out,
)
from livecommerce.people.roles import Capability, Role

NOW = 1_000_000
MUTED = Sanction(SanctionKind.TIME_OUT, NOW + 5_000, "m", NOW - 1)
BANNED = Sanction(SanctionKind.BAN, None, "m", NOW - 1)
LIFTED = Sanction(SanctionKind.LIFTED, None, "m", NOW - 1)
OVER = Sanction(SanctionKind.TIME_OUT, NOW, "m", NOW - 1)


def code(call) -> Code:
    with pytest.raises(Refused) as refused:
        call()
    return refused.value.code


def test_what_is_in_force():
    assert in_force(MUTED, NOW) is MUTED
    assert in_force(BANNED, NOW) is BANNED
    assert in_force(LIFTED, NOW) is None
    assert in_force(OVER, NOW) is None
    assert in_force(None, NOW) is None


@pytest.mark.parametrize("held", [None, MUTED, OVER, LIFTED])
def test_a_time_out_takes_the_place_of_anything_but_a_ban(held: Sanction | None):
    passed = time_out(held, duration_s=60, by="host", now=NOW)
    assert passed == Sanction(SanctionKind.TIME_OUT, NOW + 60_000, "host", NOW)


def test_a_time_out_does_not_let_the_banned_back_in():
    assert code(lambda: time_out(BANNED, duration_s=60, by="host", now=NOW)) is Code.BAD_TRANSITION


@pytest.mark.parametrize("duration_s", [4, 0, -1, 14 * 86_400 + 1])
def test_a_time_out_has_bounds(duration_s: int):
    assert code(lambda: time_out(None, duration_s=duration_s, by="h", now=NOW)) is Code.BAD_FIELD


@given(st.integers(5, 14 * 86_400))
def test_a_time_out_holds_for_exactly_its_time(duration_s: int):
    passed = time_out(None, duration_s=duration_s, by="h", now=NOW)
    end = NOW + duration_s * 1000
    assert in_force(passed, end - 1) is passed
    assert in_force(passed, end) is None


def test_a_ban_takes_the_place_of_anything_but_a_ban():
    for held in (None, MUTED, OVER, LIFTED):
        assert in_force(ban(held, by="host", now=NOW), NOW + 10**12) is not None
    assert code(lambda: ban(BANNED, by="host", now=NOW)) is Code.BAD_TRANSITION


def test_only_what_holds_can_be_lifted():
    for held in (MUTED, BANNED):
        assert in_force(lift(held, by="host", now=NOW), NOW) is None
    for nothing in (None, OVER, LIFTED):
        assert code(lambda held=nothing: lift(held, by="host", now=NOW)) is Code.BAD_TRANSITION


def test_what_is_needed():
    assert needed_for(SanctionKind.TIME_OUT, None) is Capability.CHAT_MODERATE
    assert needed_for(SanctionKind.BAN, None) is Capability.PERSON_BAN
    assert needed_for(SanctionKind.LIFTED, MUTED) is Capability.CHAT_MODERATE
    assert needed_for(SanctionKind.LIFTED, BANNED) is Capability.PERSON_BAN


@pytest.mark.parametrize("actor", [Role.HOST, Role.CO_HOST, Role.MODERATOR, None])
@pytest.mark.parametrize("person", [Role.HOST, Role.CO_HOST, Role.MODERATOR, None])
def test_one_must_stand_above(actor: Role | None, person: Role | None):
    order = [None, Role.MODERATOR, Role.CO_HOST, Role.HOST]

    def check() -> None:
        check_rank(actor_id="a", actor=actor, person_id="p", person=person)

    if order.index(actor) > order.index(person):
        check()
    else:
        assert code(check) is Code.FORBIDDEN


def test_nobody_acts_on_themselves():
    def check() -> None:
        check_rank(actor_id="a", actor=Role.HOST, person_id="a", person=None)

    assert code(check) is Code.FORBIDDEN
