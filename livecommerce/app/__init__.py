"""The composition root: the only place that picks implementations and ties the parts together."""

from livecommerce.app.house import House, open_house, serve
from livecommerce.app.operations import (
    close_refund,
    doctor,
    make_seller,
    migrate,
    refused_refunds,
    sign_in_link,
    verify,
)
from livecommerce.app.supervisor.place import Place
from livecommerce.app.supervisor.supervise import supervise
from livecommerce.app.work import work

__all__ = [
    "House",
    "Place",
    "close_refund",
    "doctor",
    "make_seller",
    "migrate",
    "open_house",
    "refused_refunds",
    "serve",
    "sign_in_link",
    "supervise",
    "verify",
    "work",
]
