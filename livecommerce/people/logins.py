"""What somebody signs in with: an e-mail address or a phone number, in one written form each."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

import phonenumbers

from livecommerce.kernel.errors import Code, Refused

EMAIL_MAX: Final = 254
_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]\x00-\x1f\x7f]{1,64}@([^\s@.]{1,63}\.)+[^\s@.]{2,63}\Z")


@dataclass(frozen=True, slots=True)
class Login:
    kind: Literal["email", "phone"]
    value: str


def read_login(text: str, country: str) -> Login:
    """Reads a login; a phone number without + is one of `country`. Raises Refused(BAD_FIELD)."""
    if "@" in text:
        return Login("email", read_email(text, field="login"))
    return Login("phone", read_phone(text, country, field="login"))


def read_email(text: str, *, field: str = "email") -> str:
    """Returns an address in small letters. Raises Refused(BAD_FIELD).

    Only the form is checked: whether mail arrives is known when mail has arrived.
    """
    email = unicodedata.normalize("NFC", text.strip()).lower()
    if (
        len(email) > EMAIL_MAX
        or not _EMAIL.match(email)
        or any(unicodedata.category(char)[0] in "CZ" for char in email)
    ):
        raise Refused(Code.BAD_FIELD, field=field)
    return email


def read_phone(text: str, country: str, *, field: str = "phone") -> str:
    """Returns a number in E.164 form (+966501234567), whatever digits and signs it is written with.

    Raises:
        Refused: BAD_FIELD when no such number can exist. Numbers differ in what each country's
            numbering plan allows, so the plan is asked, not only the length.
    """
    if any(unicodedata.category(char) in ("Cc", "Cs") or char.isalpha() for char in text):
        # The library would read letters as the keys they stand on, and cut "ext 5" off.
        raise Refused(Code.BAD_FIELD, field=field)
    # A number copied from an Arabic text brings direction marks along.
    plain = "".join(char for char in text if unicodedata.category(char) != "Cf").strip()
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException as problem:
        raise Refused(Code.BAD_FIELD, field=field) from problem
    if number.extension or not phonenumbers.is_valid_number(number):
        raise Refused(Code.BAD_FIELD, field=field)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def latin_digits(text: str) -> str:
    """Returns the text with Arabic-Indic, Persian and other decimal digits as 0 to 9."""
    return "".join(
        char if char.isascii() or not char.isdecimal() else str(unicodedata.decimal(char))
        for char in text
    )


def dial_code(country: str) -> str:
    """Returns a country's calling code with its plus sign; "+" for a country that has none."""
    code = phonenumbers.country_code_for_region(country)
    return f"+{code}" if code else "+"
