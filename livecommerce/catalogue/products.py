"""What a product must be like to stand in the shop, and the states it goes through."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from livecommerce.catalogue.markets import MARKETS, Market
from livecommerce.kernel.errors import Code, Refused


class ProductState(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    ARCHIVED = "archived"


_NEXT = {
    ProductState.DRAFT: {ProductState.ACTIVE, ProductState.ARCHIVED},
    ProductState.ACTIVE: {ProductState.ARCHIVED, ProductState.DRAFT},
    ProductState.ARCHIVED: {ProductState.ACTIVE},
}

_BIDI_CONTROLS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


@dataclass(frozen=True, slots=True)
class Words:
    """A text in the two languages of the house."""

    en: str
    ar: str


@dataclass(frozen=True, slots=True)
class VariantTerms:
    """A version of a product as its merchant wants to sell it."""

    sku: str
    options: tuple[Words, ...]
    price_minor: int
    compare_at_minor: int | None


def market_of(id: str) -> Market:
    """Finds a market, or refuses the field."""
    market = MARKETS.get(id)
    if market is None:
        raise Refused(Code.BAD_FIELD, field="market")
    return market


def clean(words: Words, *, field: str, length_max: int, required: bool = True) -> Words:
    """Returns the text as it will be shown, or refuses it.

    Composed form, outer space gone. Bidi controls are dropped: isolation is the page's business.
    """
    cleaned = Words(_clean(words.en, field, length_max), _clean(words.ar, field, length_max))
    if required and not (cleaned.en or cleaned.ar):
        raise Refused(Code.BAD_FIELD, field=field)
    return cleaned


def _clean(text: str, field: str, length_max: int) -> str:
    text = unicodedata.normalize("NFC", text).translate(_BIDI_CONTROLS).strip()
    if len(text) > length_max:
        raise Refused(Code.BAD_FIELD, field=field)
    if any(
        unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") and char != "\n" for char in text
    ):
        raise Refused(Code.BAD_FIELD, field=field)
    return text


def check_variants(axes: Sequence[Words], variants: Sequence[VariantTerms]) -> None:
    """Refuses variants that a buyer could not tell apart or that lie about a former price."""
    if not axes and len(variants) != 1:
        raise Refused(Code.BAD_FIELD, field="axes")
    skus = [variant.sku for variant in variants]
    if len(set(skus)) != len(skus):
        raise Refused(Code.BAD_FIELD, field="variants.sku")
    choices = [variant.options for variant in variants]
    if any(len(options) != len(axes) for options in choices) or len(set(choices)) != len(choices):
        raise Refused(Code.BAD_FIELD, field="variants.options")
    for variant in variants:
        check_price(variant.price_minor, variant.compare_at_minor, field="variants")


def check_price(price_minor: int, compare_at_minor: int | None, *, field: str) -> None:
    """Refuses a struck-through price that is no higher than the price itself."""
    if compare_at_minor is not None and compare_at_minor <= price_minor:
        raise Refused(Code.BAD_FIELD, field=f"{field}.compare_at_minor")


def move(current: ProductState, to: ProductState) -> ProductState:
    """Moves a product to another state, or refuses with `bad_transition`."""
    if to != current and to not in _NEXT[current]:
        raise Refused(Code.BAD_TRANSITION, state=current.value)
    return to
