"""Checks what somebody filled into their country's form, and writes it on one line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import phonenumbers

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import clean_name
from livecommerce.people.addresses.forms import FORMS, GENERIC, Field, Form
from livecommerce.people.logins import latin_digits, read_phone

RECIPIENT_MAX: Final = 80
FIELDS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Address:
    """A place a parcel can be brought to, and whom to call there."""

    country: str
    recipient: str
    phone: str
    """E.164."""
    fields: Mapping[str, str]
    """In the order of the form; fields left empty are missing."""


def form_for(country: str) -> Form:
    """Returns the form of a country. Raises Refused(BAD_FIELD, field="country") for no country."""
    form = FORMS.get(country)
    if form is not None:
        return form
    if country not in phonenumbers.SUPPORTED_REGIONS:
        raise Refused(Code.BAD_FIELD, field="country")
    return Form(country=country, fields=GENERIC)


def check_address(
    *, country: str, recipient: str, phone: str, fields: Mapping[str, str]
) -> Address:
    """Returns the address in its clean form.

    Raises:
        Refused: BAD_FIELD, UNKNOWN_FIELD or MISSING_FIELD, with the first field at fault; those of
            the form are named `fields.<name>`.
    """
    form = form_for(country)
    known = {field.name for field in form.fields}
    for name in fields:
        if name not in known:
            raise Refused(Code.UNKNOWN_FIELD, field="fields", country=country)
    clean: dict[str, str] = {}
    for field in form.fields:
        value = _clean(field, fields.get(field.name, ""))
        if value:
            clean[field.name] = value
        elif field.required:
            raise Refused(Code.MISSING_FIELD, field=f"fields.{field.name}")
    if form.any_of and not any(clean.keys() >= set(group) for group in form.any_of):
        raise Refused(
            Code.MISSING_FIELD,
            field=f"fields.{_first_missing(form, clean)}",
            any_of=[list(group) for group in form.any_of],
        )
    return Address(
        country=country,
        recipient=clean_name(recipient, field="recipient", length_max=RECIPIENT_MAX),
        phone=read_phone(phone, country),
        fields=clean,
    )


def summary(address: Address) -> str:
    """Returns one line to recognise the address by, without the recipient and the phone."""
    options = {field.name for field in form_for(address.country).fields if field.options}
    parts = [
        value.replace("_", " ").title() if name in options and len(value) > 2 else value
        for name, value in address.fields.items()
    ]
    return ", ".join(parts)


def _clean(field: Field, text: str) -> str:
    where = f"fields.{field.name}"
    if not text.strip():
        return ""
    value = latin_digits(clean_name(text, field=where, length_max=field.length_max))
    if field.options and value not in field.options:
        raise Refused(Code.BAD_FIELD, field=where)
    if field.pattern is not None:
        value = value.replace(" ", "").upper()
        if not re.fullmatch(field.pattern, value, flags=re.ASCII):
            raise Refused(Code.BAD_FIELD, field=where)
    return value


def _first_missing(form: Form, clean: Mapping[str, str]) -> str:
    """The field to ask for next: of the group the person has come furthest with."""
    _, group = max((len(clean.keys() & set(group)), group) for group in form.any_of)
    return next(name for name in group if name not in clean)
