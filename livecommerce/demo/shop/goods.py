"""The shapes a demo shop is written in: merchants, categories, products and their variants.

Prices are minor units of SAR (halalas) and include VAT, as Saudi shops show them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product as combinations
from typing import Literal

Language = Literal["en", "ar"]


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in the two languages of the demo."""

    en: str
    ar: str

    def in_language(self, language: Language) -> str:
        """Give the words a reader of `language` sees."""
        return self.ar if language == "ar" else self.en


@dataclass(frozen=True, slots=True)
class Merchant:
    key: str
    name: Text
    tagline: Text
    city: Text


@dataclass(frozen=True, slots=True)
class Category:
    key: str
    name: Text


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an option axis, such as *Sand* of *Colour*."""

    key: str
    label: Text


@dataclass(frozen=True, slots=True)
class Axis:
    """One question a buyer answers before buying, such as *Size*."""

    key: str
    name: Text
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """One sellable unit: a choice on every axis of its product, in the order of the axes."""

    sku: str
    choice_keys: tuple[str, ...]
    price_minor: int
    compare_at_minor: int | None
    on_hand: int


@dataclass(frozen=True, slots=True)
class Product:
    key: str
    merchant_key: str
    category_key: str
    title: Text
    description: Text
    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]

    @property
    def price_minor(self) -> int:
        """The lowest price among the variants: what a card shows before a choice is made."""
        return min(variant.price_minor for variant in self.variants)

    @property
    def compare_at_minor(self) -> int | None:
        """The former price of the cheapest variant, when it has one."""
        return min(self.variants, key=lambda variant: variant.price_minor).compare_at_minor

    @property
    def on_hand(self) -> int:
        """Units of all variants together."""
        return sum(variant.on_hand for variant in self.variants)


def size_axis(*keys: str) -> Axis:
    """Ask for a size. Sizes read alike in both languages."""
    choices = tuple(Choice(key, Text(key, key)) for key in keys)
    return Axis("size", Text("Size", "المقاس"), choices)


def colour_axis(**labels: tuple[str, str]) -> Axis:
    """Ask for a colour, given as `key=(English, Arabic)`."""
    choices = tuple(Choice(key, Text(*label)) for key, label in labels.items())
    return Axis("colour", Text("Colour", "اللون"), choices)


def amount_axis(key: str, name: Text, labels: Mapping[str, tuple[str, str]]) -> Axis:
    """Ask how much of it: millilitres, grams, litres."""
    choices = tuple(Choice(choice_key, Text(*label)) for choice_key, label in labels.items())
    return Axis(key, name, choices)


def variants(
    sku: str,
    *,
    price: int,
    on_hand: Sequence[int],
    axes: Sequence[Axis] = (),
    was: int | None = None,
    extra: Mapping[str, int] | None = None,
) -> tuple[Variant, ...]:
    """Make one variant for every combination of choices.

    Args:
        sku: Common beginning; the choice keys follow it.
        price: Whole riyals of the first choice.
        on_hand: Units, dealt out in turn to the combinations.
        was: Whole riyals before the price came down.
        extra: Whole riyals a choice adds to the price.
    """
    assert on_hand
    added = extra or {}
    made = []
    for index, picked in enumerate(combinations(*(axis.choices for axis in axes))):
        keys = tuple(choice.key for choice in picked)
        more = sum(added.get(key, 0) for key in keys)
        made.append(
            Variant(
                sku="-".join((sku, *(key.upper() for key in keys))),
                choice_keys=keys,
                price_minor=(price + more) * 100,
                compare_at_minor=None if was is None else (was + more) * 100,
                on_hand=on_hand[index % len(on_hand)],
            )
        )
    return tuple(made)
