"""Markets: what a country's prices are made of and how its numbers and dates are written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from livecommerce.kernel import money


@dataclass(frozen=True, slots=True)
class Market:
    """A country the shop delivers to: prices include VAT, delivery costs the same everywhere."""

    id: str
    """ISO 3166 alpha-2."""
    currency: str
    vat_bps: int
    delivery_minor: int
    locales: Mapping[str, str]
    """Language to BCP 47 tag, with the calendar and the digits pinned: what a browser would choose
    by itself differs between engines, and a price must look the same on every screen."""

    @property
    def exponent(self) -> int:
        return money.exponent(self.currency)


def _market(
    id: str, currency: str, vat_bps: int, delivery_minor: int, *, arabic_digits: str = "latn"
) -> Market:
    # Arabic is spoken in every market; the region subtag matters only where it is the country's.
    arabic = f"ar-{id}" if id in _ARAB_COUNTRIES else "ar"
    locales = {
        "en": f"en-{id}-u-ca-gregory-nu-latn",
        "ar": f"{arabic}-u-ca-gregory-nu-{arabic_digits}",
    }
    return Market(id, currency, vat_bps, delivery_minor, MappingProxyType(locales))


_ARAB_COUNTRIES = frozenset({"SA", "AE", "KW", "BH", "OM", "QA", "EG", "JO"})

MARKETS: Mapping[str, Market] = MappingProxyType(
    {
        market.id: market
        for market in (
            _market("SA", "SAR", 1500, 1500, arabic_digits="arab"),
            _market("AE", "AED", 500, 1500),
            _market("KW", "KWD", 0, 1500, arabic_digits="arab"),
            _market("BH", "BHD", 1000, 1500, arabic_digits="arab"),
            _market("OM", "OMR", 500, 1500, arabic_digits="arab"),
            _market("QA", "QAR", 0, 1500, arabic_digits="arab"),
            _market("EG", "EGP", 1400, 6000, arabic_digits="arab"),
            _market("JO", "JOD", 1600, 2500, arabic_digits="arab"),
            _market("US", "USD", 0, 599),
            _market("GB", "GBP", 2000, 399),
            _market("DE", "EUR", 1900, 490),
            _market("FR", "EUR", 2000, 490),
            _market("JP", "JPY", 1000, 600),
        )
    }
)
