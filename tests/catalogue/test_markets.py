"""Markets: currencies, taxes and formats."""

import re

import pytest

from livecommerce.catalogue.markets import MARKETS


@pytest.mark.parametrize(
    ("market_id", "currency", "vat_bps", "exponent"),
    [
        ("SA", "SAR", 1500, 2),
        ("AE", "AED", 500, 2),
        ("KW", "KWD", 0, 3),
        ("BH", "BHD", 1000, 3),
        ("OM", "OMR", 500, 3),
        ("QA", "QAR", 0, 2),
        ("EG", "EGP", 1400, 2),
        ("JO", "JOD", 1600, 3),
        ("US", "USD", 0, 2),
        ("GB", "GBP", 2000, 2),
        ("JP", "JPY", 1000, 0),
    ],
)
def test_known_markets(market_id: str, currency: str, vat_bps: int, exponent: int):
    market = MARKETS[market_id]
    assert (market.currency, market.vat_bps, market.exponent) == (currency, vat_bps, exponent)


def test_calendar_and_digits_are_pinned_in_both_languages():
    for market in MARKETS.values():
        assert set(market.locales) == {"en", "ar"}
        for language, tag in market.locales.items():
            assert re.fullmatch(rf"{language}(-[A-Z]{{2}})?-u-ca-gregory-nu-(latn|arab)", tag)
    assert MARKETS["SA"].locales["ar"] == "ar-SA-u-ca-gregory-nu-arab"
    assert MARKETS["AE"].locales["ar"] == "ar-AE-u-ca-gregory-nu-latn"
