"""Attempts to pay: the steps they may take."""

import itertools

import pytest

from livecommerce.kernel.errors import Refused
from livecommerce.payments import attempts
from livecommerce.payments.attempts import AttemptState


def test_only_the_drawn_steps():
    for current, to in itertools.product(AttemptState, AttemptState):
        if to in attempts.NEXT[current]:
            assert attempts.move(current, to) is to
        else:
            with pytest.raises(Refused):
                attempts.move(current, to)


def test_a_success_is_reachable_from_wherever_money_may_have_gone():
    for state in AttemptState:
        if state in (AttemptState.CREATED, AttemptState.SURPLUS):
            continue
        assert state is AttemptState.SUCCEEDED or AttemptState.SUCCEEDED in attempts.NEXT[state]


def test_looks_become_rarer_up_to_an_hour():
    delays = [attempts.check_delay_ms(n) for n in range(20)]
    assert delays[:4] == [1_000, 2_000, 4_000, 8_000]
    assert delays == sorted(delays)
    assert delays[-1] == 3_600_000
