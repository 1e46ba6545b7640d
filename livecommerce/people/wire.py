"""Signing up and in, tokens, and the buyer's own details, on the wire (HTTP only)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from livecommerce.protocol.patterns import CountryCode

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Password = Annotated[str, msgspec.Meta(min_length=8, max_length=200)]
Login = Annotated[str, msgspec.Meta(min_length=3, max_length=254)]
"""An e-mail address, or a phone number in E.164 form (+ and digits, Arabic digits read too)."""


class GuestDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A visitor who wants to chat or buy gives a name, nothing else."""

    name: Name


class SignUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Makes an account. With a guest's token it is the same person from then on."""

    name: Name
    login: Login
    password: Password
    market: CountryCode = "SA"


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    login: Login
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    market: CountryCode = "SA"
    """Whose a phone number without + is."""


class PersonView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: str
    kind: str
    """guest · account · platform"""
    market: str
    capabilities: list[str] = []
    """Powers over the whole shop (make rooms, be a merchant), not over one room."""


class PersonPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields left out (UNSET) stay as they are."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    market: CountryCode | msgspec.UnsetType = msgspec.UNSET


class LinkUse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A one-time sign-in link, taken up by the page it points to."""

    token: Annotated[str, msgspec.Meta(min_length=16, max_length=200)]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """The refresh token is set as a cookie no script can read, and never in a body, unless the
    client asks with `X-Client: native`; then it is in `refresh_token`."""

    access_token: str
    expires_at: int
    person: PersonView
    refresh_token: str | None = None


class Refresh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    refresh_token: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class ContactDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    phone: Annotated[str, msgspec.Meta(min_length=5, max_length=32)]
    email: Annotated[str, msgspec.Meta(max_length=254)] | None = None


class ContactView(msgspec.Struct, frozen=True, kw_only=True):
    phone: str | None
    """E.164."""
    email: str | None


class AddressField(msgspec.Struct, frozen=True, kw_only=True):
    """One field of a country's address form."""

    name: str
    required: bool
    pattern: str | None = None
    max_length: int = 80
    options: list[str] = []
    """Allowed values, when there are few: emirates, governorates."""
    numeric: bool = False


class AddressForm(msgspec.Struct, frozen=True, kw_only=True):
    country: str
    """`ZZ` is the form for every country that has none of its own."""
    fields: list[AddressField]
    """In the order they are asked; labels are the client's, by field name."""
    dial_code: str
    any_of: list[list[str]] = []
    """Besides the required fields, all fields of at least one of these groups must be filled."""


class AddressForms(msgspec.Struct, frozen=True, kw_only=True):
    forms: list[AddressForm]


class AddressDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    country: CountryCode
    recipient: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    phone: Annotated[str, msgspec.Meta(min_length=5, max_length=32)]
    fields: dict[str, Annotated[str, msgspec.Meta(max_length=160)]]


class AddressView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    country: str
    recipient: str
    phone: str
    fields: dict[str, str]
    summary: str
    """One line to recognise it by."""


class AddressList(msgspec.Struct, frozen=True, kw_only=True):
    addresses: list[AddressView]
