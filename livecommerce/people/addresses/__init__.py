"""Delivery addresses: what each country asks for, declared as data, and one way to check it."""

from livecommerce.people.addresses.address import Address, check_address, form_for, summary
from livecommerce.people.addresses.forms import FORMS, GENERIC, Field, Form

__all__ = [
    "Address",
    "Field",
    "Form",
    "FORMS",
    "GENERIC",
    "check_address",
    "form_for",
    "summary",
]
