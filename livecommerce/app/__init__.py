"""The composition root: the only place that picks implementations and ties the parts together."""

from livecommerce.app.house import House, open_house, serve
from livecommerce.app.operations import doctor, make_seller, migrate, sign_in_link, verify

__all__ = [
    "House",
    "doctor",
    "make_seller",
    "migrate",
    "open_house",
    "serve",
    "sign_in_link",
    "verify",
]
