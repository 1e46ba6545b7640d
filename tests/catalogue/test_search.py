"""Search: what people type finds what is meant."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.catalogue.search import fold, patterns


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("قهوه", "قَهْوَة"),
        ("احمد", "أحمد"),
        ("إكسسوار", "اكسسوار"),
        ("هدى", "هدي"),
        ("مـــسك", "مسك"),
        ("٥٠", "50"),
        ("۵۰", "50"),
        ("CAFE", "Café"),
        ("ﻗﻬﻮة", "قهوة"),
    ],
)
def test_different_writings_of_the_same(typed: str, written: str):
    assert fold(typed) == fold(written)


@given(st.text(max_size=60))
def test_folding_is_settled_at_once(text: str):
    assert fold(fold(text)) == fold(text)


def test_signs_of_like_are_plain_letters():
    assert patterns("100% a_b \\") == ["%100\\%%", "%a\\_b%", "%\\\\%"]
    assert patterns("   ") == []
