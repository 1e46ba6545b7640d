import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import (
    claims_office,
    clean_name,
    platform_person_id,
    skeleton,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Sara", "Sara"),
        ("  Sara \t  Ali  ", "Sara Ali"),
        ("سارة", "سارة"),
        ("مُحَمَّد", "مُحَمَّد"),
        ("نیم\u200cفاصله", "نیم\u200cفاصله"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("❤️", "❤️"),
        ("\u200d x \u200c", "x"),
        ("Jose\u0301", "José"),
        ("a\u202eb\u2066c\u2069", "abc"),
        ("line\nbreak", "line break"),
        ("x\u3164y", "x y"),
        ("tag\U000e0041s", "tags"),
        ("private\ue000use", "privateuse"),
        ("Z" + "\u0351" * 30, "Z" + "\u0351" * 3),
        ("<b>Sara</b>", "<b>Sara</b>"),
    ],
)
def test_a_name_is_cleaned(text: str, name: str):
    assert clean_name(text) == name


@pytest.mark.parametrize(
    "text",
    ["", " ", "\u200d\u200c", "\u3164", "\u0301\u0301", "a\0b", "a\ud800b", "x" * 41, "\u202e"],
)
def test_a_name_is_refused(text: str):
    with pytest.raises(Refused) as refused:
        clean_name(text)
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, "name")


@given(st.text(max_size=60))
def test_a_clean_name_is_short_visible_and_stays_as_it_is(text: str):
    try:
        name = clean_name(text)
    except Refused:
        return
    assert 1 <= len(name) <= 40
    assert clean_name(name) == name
    assert unicodedata.is_normalized("NFC", name)
    assert not any(unicodedata.bidirectional(char) in BIDI_CONTROLS for char in name)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Co", "Cn") for char in name)


BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@pytest.mark.parametrize(
    "name",
    ["Admin", "АDМIN", "4dmin", "ad-min", "Ⓜⓞⓓⓔⓡⓐⓣⓞⓡ", "supp0rt", "L1vecommerce",
     "المُشرف", "مشرف", "Official!", "ｓｔａｆｆ"],
)  # fmt: skip
def test_names_that_read_like_staff(name: str):
    assert claims_office(name), skeleton(name)


@pytest.mark.parametrize("name", ["Sara", "Administered", "مشرفة سعيدة", "Staffan", "علي", "🙂"])
def test_names_that_do_not(name: str):
    assert not claims_office(name)


def test_a_platform_person_has_one_id():
    assert platform_person_id("a", "b") == platform_person_id("a", "b")
    assert len(platform_person_id("a", "b")) == 26
    assert platform_person_id("a", "b|c") != platform_person_id("a|b", "c")
    assert platform_person_id("a", "1") != platform_person_id("b", "1")
