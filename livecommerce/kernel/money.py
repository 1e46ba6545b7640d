"""Money: whole minor units of one currency, and the few sums a shop needs. No floats anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

# Currencies whose minor unit is not a hundredth (ISO 4217).
_EXPONENTS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0,
    "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip

BPS = 10_000
"""Basis points in a whole: rates are whole numbers of ten-thousandths."""


def exponent(currency: str) -> int:
    """Returns how many decimals the minor unit of `currency` has: 0, 2 or 3."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units (fils, halalas, cents, yen) of one currency."""

    amount_minor: int
    currency: str

    def __str__(self) -> str:
        return f"{Decimal(self.amount_minor).scaleb(-exponent(self.currency))} {self.currency}"

    def __add__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def times(self, count: int) -> Money:
        return Money(self.amount_minor * count, self.currency)

    def _must_match(self, other: Money) -> None:
        # Adding riyals to dinars is a bug of ours, never something a buyer can cause.
        assert self.currency == other.currency, (self.currency, other.currency)


def vat_included(total_minor: int, vat_bps: int) -> int:
    """Returns the VAT inside a VAT-inclusive amount, rounded half up to the minor unit."""
    assert total_minor >= 0 and vat_bps >= 0
    whole = BPS + vat_bps
    return (2 * total_minor * vat_bps + whole) // (2 * whole)


def split_by_weights(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Splits an amount by weights without losing a unit (largest remainder, earlier part first).

    Each part is within one minor unit of its exact share and the parts sum to the amount.
    """
    assert amount_minor >= 0 and weights and all(weight >= 0 for weight in weights)
    total = sum(weights)
    assert total > 0
    parts = [amount_minor * weight // total for weight in weights]
    left = amount_minor - sum(parts)
    by_remainder = sorted(
        range(len(weights)), key=lambda i: (-(amount_minor * weights[i] % total), i)
    )
    for i in by_remainder[:left]:
        parts[i] += 1
    return parts
