"""Flash sales: phases by the clock, terms, limits."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock import flash_sales
from livecommerce.stock.flash_sales import FlashSale, Phase

TERMS: dict[str, Any] = {
    "price_minor": 50,
    "regular_minor": 100,
    "quota": 10,
    "per_buyer": 2,
    "warm_up_s": 10,
    "duration_s": 60,
    "hold_s": 120,
    "scheduled_at": None,
    "now": 1_000,
}


def sale(phase: Phase = Phase.LIVE, **fields: int) -> FlashSale:
    return FlashSale(
        phase, **{"quota": 10, "per_buyer": 2, "starts_at": 100, "ends_at": 200, **fields}
    )


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("price_minor", [100, 101, -1]),
        ("quota", [0, -1]),
        ("per_buyer", [0, 11]),
        ("warm_up_s", [9, 301]),
        ("duration_s", [59, 1201]),
        ("hold_s", [29, 901]),
        ("scheduled_at", [999]),
    ],
)
def test_terms_that_are_none(field: str, values: list[int]):
    for value in values:
        with pytest.raises(Refused) as refused:
            flash_sales.check_terms(**{**TERMS, field: value})
        assert refused.value.code is Code.BAD_FIELD
        assert refused.value.field == ("starts_at" if field == "scheduled_at" else field)


@pytest.mark.parametrize(
    "fields",
    [{}, {"warm_up_s": 300, "duration_s": 1200}, {"price_minor": 0}, {"scheduled_at": 1_000}],
)
def test_terms_at_the_edge(fields: dict[str, int]):
    flash_sales.check_terms(**{**TERMS, **fields})


@pytest.mark.parametrize(
    ("stored", "now", "is_now"),
    [
        (Phase.SCHEDULED, 500, Phase.SCHEDULED),
        (Phase.ARMED, 500, Phase.ARMED),
        (Phase.WARM_UP, 99, Phase.WARM_UP),
        (Phase.WARM_UP, 100, Phase.LIVE),
        (Phase.WARM_UP, 200, Phase.ENDED),
        (Phase.LIVE, 199, Phase.LIVE),
        (Phase.LIVE, 200, Phase.ENDED),
        (Phase.SOLD_OUT, 200, Phase.ENDED),
        (Phase.ENDED, 150, Phase.ENDED),
        (Phase.CANCELLED, 150, Phase.CANCELLED),
    ],
)
def test_the_phase_is_a_matter_of_the_clock(stored: Phase, now: int, is_now: Phase):
    assert flash_sales.phase_at(sale(stored), now) is is_now


def test_sold_out_is_a_matter_of_the_units():
    assert flash_sales.phase_at(sale(held=4, sold=6), 150) is Phase.SOLD_OUT
    assert flash_sales.phase_at(sale(Phase.SOLD_OUT, held=3, sold=6), 150) is Phase.LIVE


@pytest.mark.parametrize(
    ("fields", "qty", "taken", "now", "code"),
    [
        ({}, 1, 0, 99, Code.NOT_LIVE),
        ({}, 1, 0, 200, Code.NOT_LIVE),
        ({}, 3, 0, 150, Code.LIMIT_REACHED),
        ({}, 1, 2, 150, Code.LIMIT_REACHED),
        ({"held": 10}, 1, 0, 150, Code.SOLD_OUT),
        ({"held": 9}, 2, 0, 150, Code.SOLD_OUT),
        # Of two that apply, the one that the buyer cannot wait away is told.
        ({"held": 10}, 1, 2, 150, Code.LIMIT_REACHED),
    ],
)
def test_refusals(fields: dict[str, int], qty: int, taken: int, now: int, code: Code):
    with pytest.raises(Refused) as refused:
        flash_sales.sell(sale(Phase.WARM_UP, **fields), qty, taken, now)
    assert refused.value.code is code


@given(st.integers(0, 400), st.integers(0, 10), st.integers(0, 10))
def test_time_only_moves_forward(now: int, held: int, later: int):
    """What the clock says later is where the stored phase can go from what it said before."""
    first = flash_sales.phase_at(sale(Phase.WARM_UP, held=held), now)
    then = flash_sales.phase_at(sale(first, held=held), now + later * 20)
    assert then is first or then in flash_sales.NEXT[first]
    stepped = flash_sales.phase_at(sale(Phase.WARM_UP, held=held), now + later * 20)
    assert then is stepped


def test_the_next_moment():
    assert flash_sales.next_moment(sale(Phase.WARM_UP)) == 100
    assert flash_sales.next_moment(sale(Phase.LIVE)) == 200
    assert flash_sales.next_moment(sale(Phase.ENDED)) is None
    assert flash_sales.next_moment(sale(Phase.SCHEDULED, scheduled_at=7)) == 7
    assert flash_sales.next_moment(sale(Phase.ARMED)) is None


def test_the_warm_up_fixes_all_times():
    changes = flash_sales.warm_up(sale(Phase.ARMED, warm_up_s=30, duration_s=90), 1_000)
    assert (changes["starts_at"], changes["ends_at"]) == (31_000, 121_000)
    with pytest.raises(Refused):
        flash_sales.warm_up(sale(Phase.LIVE), 1_000)


def test_a_live_sale_is_ended_not_cancelled():
    with pytest.raises(Refused):
        flash_sales.finish(sale(Phase.LIVE), Phase.CANCELLED, 150)
    assert flash_sales.finish(sale(Phase.LIVE), Phase.ENDED, 150)["ended_at"] == 150
    assert flash_sales.finish(sale(Phase.LIVE), Phase.ENDED, 900)["ended_at"] == 200
