import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import features

from livecommerce.demo.lettering import Lettering

HERE = Lettering()
BARE = Lettering(files=())


def test_without_fonts_latin_is_still_set():
    words = BARE.line("SAR 349", px=30, language="en")
    assert words is not None
    assert words.getbbox() is not None


def test_without_fonts_arabic_is_left_out_rather_than_drawn_as_boxes():
    assert BARE.line("عرض خاطف", px=30, language="ar") is None


def test_a_letter_no_font_has_is_never_drawn_as_a_box():
    assert BARE.line("\U0010fffe", px=30, language="en") is None
    assert HERE.line("\U0010fffe", px=30, language="en") is None


def test_arabic_letters_join():
    if not features.check("raqm") or HERE.line("ب", px=40, language="ar") is None:
        pytest.skip("no Arabic font on this machine, or Pillow without raqm")
    joined = HERE.line("ببب", px=40, language="ar")
    apart = HERE.line("ب ب ب", px=40, language="ar")
    assert joined is not None
    assert apart is not None
    assert joined.width < apart.width * 0.8


@given(st.integers(min_value=60, max_value=400))
def test_a_fitted_line_keeps_within_its_room(width):
    words = BARE.fitted("Emerald velvet kaftan", px=40, width=width, language="en")
    assert words is not None
    assert words.width <= width
