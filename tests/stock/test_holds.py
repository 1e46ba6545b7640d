"""Holds: their states and their times."""

import itertools

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock import holds
from livecommerce.stock.holds import HoldState


@pytest.mark.parametrize(("current", "to"), list(itertools.product(HoldState, HoldState)))
def test_only_the_drawn_steps(current: HoldState, to: HoldState):
    if to in holds.NEXT[current]:
        assert holds.move(current, to) is to
        return
    with pytest.raises(Refused) as refused:
        holds.move(current, to)
    assert refused.value.code is Code.BAD_TRANSITION


def test_a_paid_for_hold_is_never_simply_let_go_by_another_road():
    assert HoldState.RELEASED not in holds.NEXT[HoldState.CONSUMED]
    assert not holds.NEXT[HoldState.RELEASED]
    assert not holds.NEXT[HoldState.RETURNED]


def test_times():
    now = 1_000_000
    assert holds.first_expiry(now, 120, paying=False) == now + 120_000
    # A payment that starts at once gets the time a payment needs.
    assert holds.first_expiry(now, 30, paying=True) == now + 300_000
    assert holds.payment_expiry(now, now + 1, holds.deadline(now)) == now + 300_000
    assert holds.payment_expiry(now, now + 1, now + 5) == now + 5
    assert holds.challenge_expiry(now, now + 700_000, now + 900_000) == now + 700_000
