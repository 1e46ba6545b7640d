import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.logins import (
    Login,
    dial_code,
    latin_digits,
    read_email,
    read_login,
    read_phone,
)


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0501234567", "SA", "+966501234567"),
        ("+966 50 123 4567", "SA", "+966501234567"),
        ("00966501234567", "SA", "+966501234567"),
        ("٠٥٠١٢٣٤٥٦٧", "SA", "+966501234567"),
        ("۰۵۰۱۲۳۴۵۶۷", "SA", "+966501234567"),
        ("٠٠٩٦٦٥٠١٢٣٤٥٦٧", "AE", "+966501234567"),
        ("\u200e+971 (50) 123-4567\u200f", "SA", "+971501234567"),
        ("50012345", "KW", "+96550012345"),
        ("33123456", "QA", "+97433123456"),
        ("36001234", "BH", "+97336001234"),
        ("92123456", "OM", "+96892123456"),
        ("01001234567", "EG", "+201001234567"),
        ("0790123456", "JO", "+962790123456"),
        ("07400 123456", "GB", "+447400123456"),
    ],
)
def test_a_phone_is_read_in_every_way_of_writing(text: str, country: str, number: str):
    assert read_phone(text, country) == number


@pytest.mark.parametrize(
    "text",
    [
        "",
        "123",
        "+999123456789",
        "0501234567 ext 5",
        "abc",
        "050CALLME1",
        "05012345\0",
        "+",
        "5" * 32,
    ],
)
def test_a_phone_that_cannot_be_is_refused(text: str):
    with pytest.raises(Refused) as refused:
        read_phone(text, "SA")
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, "phone")


@given(st.text(max_size=32), st.sampled_from(["SA", "KW", "US", "ZZ"]))
def test_whatever_is_typed_a_phone_is_e164_or_refused(text: str, country: str):
    try:
        number = read_phone(text, country)
    except Refused:
        return
    assert number.startswith("+")
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert read_phone(number, "SA") == number


@pytest.mark.parametrize(
    ("text", "email"),
    [(" Sara@Example.COM ", "sara@example.com"), ("a+b.c@x-y.co.uk", "a+b.c@x-y.co.uk"),
     ("محمد@مثال.السعودية", "محمد@مثال.السعودية")],
)  # fmt: skip
def test_an_email_has_one_form(text: str, email: str):
    assert read_email(text) == email


@pytest.mark.parametrize(
    "text",
    ["@", "a@b", "a b@c.de", "a@b..de", "a@@b.de", "a@b.de\r\nBcc: x@y.zz", "a@.de",
     "x" * 65 + "@a.bc", "a\u202e@b.de", "a@" + "b" * 260 + ".de", "<a@b.de>"],
)  # fmt: skip
def test_an_email_of_no_form_is_refused(text: str):
    with pytest.raises(Refused) as refused:
        read_email(text)
    assert refused.value.code is Code.BAD_FIELD


def test_a_login_is_one_or_the_other():
    assert read_login("A@b.de", "SA") == Login("email", "a@b.de")
    assert read_login("0501234567", "SA") == Login("phone", "+966501234567")
    with pytest.raises(Refused) as refused:
        read_login("nonsense", "SA")
    assert refused.value.field == "login"


def test_digits_of_every_script():
    assert latin_digits("شارع ١٢ - ۳۴") == "شارع 12 - 34"


def test_dial_codes():
    assert [dial_code(country) for country in ("SA", "KW", "US", "ZZ")] == [
        "+966",
        "+965",
        "+1",
        "+",
    ]
