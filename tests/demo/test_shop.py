import re
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.demo.shop import Product, Text, demo_shop, format_price

SHOP = demo_shop()
ARABIC = re.compile(r"[\u0621-\u064a]")
NUMERALS = str.maketrans("٠١٢٣٤٥٦٧٨٩٫", "0123456789.", "٬")


def texts_of(product: Product) -> list[Text]:
    choices = chain.from_iterable(axis.choices for axis in product.axes if axis.key != "size")
    return [
        product.title,
        product.description,
        *(axis.name for axis in product.axes),
        *(choice.label for choice in choices),
    ]


def test_the_shop_is_large_enough_to_browse():
    assert len(SHOP.products) >= 24
    assert 3 <= len(SHOP.merchants) <= 4
    assert len({product.key for product in SHOP.products}) == len(SHOP.products)


def test_every_merchant_and_every_category_has_goods():
    assert {p.merchant_key for p in SHOP.products} == {m.key for m in SHOP.merchants}
    assert {p.category_key for p in SHOP.products} == {c.key for c in SHOP.categories}


@pytest.mark.parametrize("product", SHOP.products, ids=lambda product: product.key)
def test_a_product_is_complete_in_both_languages(product: Product):
    for text in texts_of(product):
        assert text.en.strip() == text.en != ""
        assert text.ar.strip() == text.ar != ""
        assert not ARABIC.search(text.en)
        assert ARABIC.search(text.ar), text.ar
        assert not re.search(r"[A-Za-z0-9]", text.ar), "Arabic texts take Arabic letters and digits"


@pytest.mark.parametrize("product", SHOP.products, ids=lambda product: product.key)
def test_a_products_variants_cover_its_options(product: Product):
    assert len(product.axes) <= 2
    picked = {variant.choice_keys for variant in product.variants}
    combinations = 1
    for axis in product.axes:
        combinations *= len(axis.choices)
    assert len(picked) == len(product.variants) == combinations
    for variant in product.variants:
        assert 20_00 <= variant.price_minor <= 1_000_00
        assert variant.on_hand > 0
        if variant.compare_at_minor is not None:
            assert variant.compare_at_minor > variant.price_minor


def test_skus_are_unique():
    skus = [variant.sku for product in SHOP.products for variant in product.variants]
    assert len(set(skus)) == len(skus)


def test_prices_read_like_a_shop_sign():
    assert format_price(349_00, "en") == "SAR 349"
    assert format_price(1_295_50, "en") == "SAR 1,295.50"
    assert format_price(349_00, "ar") == "٣٤٩ ر.س"
    assert format_price(1_295_05, "ar") == "١٬٢٩٥٫٠٥ ر.س"


@given(st.integers(min_value=0, max_value=10**9))
def test_both_languages_write_the_same_price(amount_minor: int):
    english = format_price(amount_minor, "en").removeprefix("SAR ").replace(",", "")
    arabic = format_price(amount_minor, "ar").removesuffix(" ر.س").translate(NUMERALS)
    assert english == arabic
    assert round(float(english) * 100) == amount_minor
