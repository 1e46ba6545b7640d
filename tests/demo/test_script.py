from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.demo.script import (
    LOOP_S,
    SCRIPT,
    Announce,
    OpenFlashSale,
    Pin,
    Say,
    Unpin,
    cues_between,
    flash_sale_at,
    pins_at,
)
from livecommerce.demo.shop import demo_shop

SHOP = demo_shop()
TIMES = st.floats(min_value=0, max_value=5 * LOOP_S, allow_nan=False)
SALES = [cue for cue in SCRIPT if isinstance(cue.action, OpenFlashSale)]


def test_cues_are_in_order_and_within_the_round():
    assert all(0 <= cue.at_s < LOOP_S for cue in SCRIPT)
    assert all(before.at_s <= after.at_s for before, after in pairwise(SCRIPT))


def test_everything_named_is_in_the_shop():
    for cue in SCRIPT:
        if isinstance(cue.action, Pin | OpenFlashSale):
            SHOP.product(cue.action.product_key)


def test_every_word_is_said_in_both_languages():
    spoken = [cue.action.text for cue in SCRIPT if isinstance(cue.action, Say | Announce)]
    assert spoken
    assert all(text.en and text.ar for text in spoken)


@pytest.mark.parametrize("cue", SALES, ids=lambda cue: cue.action.sku)
def test_a_flash_sale_is_one_a_server_accepts(cue):
    sale = cue.action
    product = SHOP.product(sale.product_key)
    variant = next(v for v in product.variants if v.sku == sale.sku)
    assert sale.warm_up_s >= 10
    assert sale.duration_s >= 60
    assert cue.at_s + sale.warm_up_s + sale.duration_s <= LOOP_S
    assert 0 < sale.price_minor < variant.price_minor
    assert 0 < sale.limit_per_buyer <= sale.quantity <= variant.on_hand


def test_the_product_on_sale_stays_pinned():
    assert SALES
    for tenth in range(LOOP_S * 10):
        moment = flash_sale_at(tenth / 10)
        if moment is not None:
            assert moment.sale.product_key in pins_at(tenth / 10).values()


def test_a_round_leaves_nothing_pinned():
    assert pins_at(LOOP_S - 0.001) == {}
    assert flash_sale_at(LOOP_S - 0.001) is None


@given(TIMES, TIMES, TIMES)
def test_no_cue_is_missed_or_played_twice(one, two, three):
    start, middle, end = sorted((one, two, three))
    assert cues_between(start, middle) + cues_between(middle, end) == cues_between(start, end)


@given(st.integers(min_value=0, max_value=4))
def test_every_round_is_the_same(turn):
    cues = cues_between(turn * LOOP_S, (turn + 1) * LOOP_S)
    assert [cue.action for cue in cues] == [cue.action for cue in SCRIPT]
    assert [cue.at_s - turn * LOOP_S for cue in cues] == [cue.at_s for cue in SCRIPT]


@given(TIMES)
def test_playing_the_cues_pins_what_the_video_shows(now):
    pins: dict[int, str] = {}
    for cue in cues_between(0, now):
        if isinstance(cue.action, Pin):
            pins[cue.action.slot] = cue.action.product_key
        elif isinstance(cue.action, Unpin):
            pins.pop(cue.action.slot, None)
    if all(cue.at_s != now % LOOP_S for cue in SCRIPT):
        assert pins_at(now) == pins


@given(TIMES)
def test_a_countdown_never_leaves_its_phase(now):
    moment = flash_sale_at(now)
    if moment is not None:
        assert moment.phase in ("warm_up", "live")
        assert moment.remaining_s > 0
        assert 0 < moment.remaining_share <= 1
