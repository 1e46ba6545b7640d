"""Products: what may stand in the shop."""

import pytest

from livecommerce.catalogue import products as rules
from livecommerce.catalogue.products import ProductState, VariantTerms, Words
from livecommerce.kernel.errors import Code, Refused

SIZE = (Words("Size", "المقاس"),)


def variant(
    sku: str = "a", *options: str, price: int = 100, was: int | None = None
) -> VariantTerms:
    return VariantTerms(sku, tuple(Words(option, "") for option in options), price, was)


def refused_field(*args: object, **kwargs: object) -> str | None:
    with pytest.raises(Refused) as refused:
        rules.check_variants(*args, **kwargs)  # type: ignore[arg-type]
    assert refused.value.code is Code.BAD_FIELD
    return refused.value.field


def test_variants_can_be_told_apart():
    rules.check_variants((), [variant()])
    rules.check_variants(SIZE, [variant("a", "S"), variant("b", "M")])
    assert refused_field((), [variant("a"), variant("b")]) == "axes"
    assert refused_field(SIZE, [variant("a", "S"), variant("a", "M")]) == "variants.sku"
    assert refused_field(SIZE, [variant("a", "S"), variant("b", "S")]) == "variants.options"
    assert refused_field(SIZE, [variant("a")]) == "variants.options"


@pytest.mark.parametrize("was", [100, 99, 0])
def test_a_former_price_is_a_higher_one(was: int):
    assert refused_field((), [variant(was=was)]) == "variants.compare_at_minor"


@pytest.mark.parametrize("text", ["a\0b", "a\x07b", "\ud800", "x" * 121])
def test_texts_that_cannot_be_shown(text: str):
    with pytest.raises(Refused) as refused:
        rules.clean(Words(text, ""), field="title", length_max=120)
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, "title")


def test_texts_are_cleaned():
    words = rules.clean(Words(" Ab\u202ec ", "e\u0301"), field="title", length_max=120)
    assert words == Words("Abc", "é")
    with pytest.raises(Refused):
        rules.clean(Words(" ", "\u200e\u202e".strip("\u200e")), field="title", length_max=9)


def test_states():
    assert rules.move(ProductState.DRAFT, ProductState.ACTIVE) is ProductState.ACTIVE
    assert rules.move(ProductState.ACTIVE, ProductState.ACTIVE) is ProductState.ACTIVE
    with pytest.raises(Refused):
        rules.move(ProductState.ARCHIVED, ProductState.DRAFT)


def test_unknown_markets():
    with pytest.raises(Refused):
        rules.market_of("XX")
