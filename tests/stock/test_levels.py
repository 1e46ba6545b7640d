"""Stock levels: the deltas of each step."""

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock import levels
from livecommerce.stock.levels import StockLevel


def level(**counts: int) -> StockLevel:
    return StockLevel("lamp", **counts)


def test_every_unit_is_somewhere():
    stored = level(on_hand=10, allocated=2, reserved=3, set_aside=1)
    assert (stored.committed, stored.available) == (6, 4)


@pytest.mark.parametrize("qty", [1, 4])
def test_what_is_available_can_be_held(qty: int):
    stored = level(on_hand=10, allocated=2, reserved=3, set_aside=1)
    after = stored.plus(levels.hold(stored, qty, from_sale=False))
    assert (after.reserved, after.available) == (3 + qty, 4 - qty)


def test_what_is_promised_cannot():
    stored = level(on_hand=10, allocated=2, reserved=3, set_aside=1)
    with pytest.raises(Refused) as refused:
        levels.hold(stored, 5, from_sale=False)
    assert refused.value.code is Code.SOLD_OUT
    assert refused.value.data == {"available": 4}


def test_units_of_a_sale_are_for_its_buyers_alone():
    stored = level(on_hand=5).plus(levels.set_aside(level(on_hand=5), 5))
    with pytest.raises(Refused):
        levels.hold(stored, 1, from_sale=False)
    taken = stored.plus(levels.hold(stored, 2, from_sale=True))
    assert (taken.reserved, taken.set_aside, taken.available) == (2, 3, 0)
    with pytest.raises(Refused):
        levels.hold(taken, 4, from_sale=True)


def test_a_released_unit_goes_where_it_came_from():
    taken = level(on_hand=5, reserved=1, set_aside=4)
    assert taken.plus(levels.release(1, to_sale=True)).set_aside == 5
    assert taken.plus(levels.release(1, to_sale=False)).available == 1


def test_nothing_promised_can_be_booked_out():
    stored = level(on_hand=10, allocated=2, reserved=3, set_aside=1)
    assert stored.plus(levels.adjust(stored, -4)).available == 0
    with pytest.raises(Refused) as refused:
        levels.adjust(stored, -5)
    assert refused.value.code is Code.STOCK_COMMITTED


def test_a_sale_cannot_set_aside_what_is_not_there():
    with pytest.raises(Refused) as refused:
        levels.set_aside(level(on_hand=3, reserved=1), 3)
    assert refused.value.code is Code.STOCK_COMMITTED
