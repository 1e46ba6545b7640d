from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.money import BPS, Money, exponent, split_by_weights, vat_included

minor = st.integers(min_value=0, max_value=10**15)


def test_currencies_of_the_gulf_have_their_own_decimals() -> None:
    assert [exponent(code) for code in ("SAR", "AED", "QAR")] == [2, 2, 2]
    assert [exponent(code) for code in ("KWD", "BHD", "OMR")] == [3, 3, 3]
    assert exponent("JPY") == 0


def test_an_amount_is_written_with_its_decimals() -> None:
    told = [str(Money(*each)) for each in ((1205, "SAR"), (-7, "KWD"), (980, "JPY"))]
    assert told == ["12.05 SAR", "-0.007 KWD", "980 JPY"]


def test_vat_inside_a_price_of_115_at_15_percent_is_15() -> None:
    assert vat_included(115_00, 1500) == 15_00


@given(minor, st.integers(min_value=0, max_value=5000))
def test_vat_is_within_half_a_unit_of_the_exact_share(total: int, bps: int) -> None:
    vat = vat_included(total, bps)
    # |vat - total * bps / (BPS + bps)| <= 1/2, without a division
    assert abs(2 * (vat * (BPS + bps) - total * bps)) <= BPS + bps
    assert 0 <= vat <= total


@given(minor, st.lists(st.integers(min_value=0, max_value=10**6), min_size=1, max_size=9))
def test_a_split_loses_nothing_and_favours_nobody(amount: int, weights: list[int]) -> None:
    weights[0] += 1
    parts = split_by_weights(amount, weights)
    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)
        assert part >= 0


@given(minor, minor)
def test_adding_and_taking_away_is_the_identity(first: int, second: int) -> None:
    assert Money(first, "KWD") + Money(second, "KWD") - Money(second, "KWD") == Money(first, "KWD")
    assert Money(first, "KWD").times(3).amount_minor == 3 * first
