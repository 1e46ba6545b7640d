"""What people may do: named capabilities, and the roles that are sets of them.

A role is held in a scope: a room, a merchant, or the whole shop. Nothing is inherited from one
scope to another, and whoever was given a role cannot hand it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

SHOP: Final = "shop"
"""The scope of powers that belong to no room and no merchant."""


class Capability(StrEnum):
    SHOW_RUN = "show.run"
    ROOM_EDIT = "room.edit"
    BAG_EDIT = "bag.edit"
    PIN = "pin"
    SALE_RUN = "sale.run"
    CHAT_MODERATE = "chat.moderate"
    """Delete messages, silence for a while, set slow mode."""
    CHAT_UNSLOWED = "chat.unslowed"
    """Slow mode does not hold this person up."""
    PERSON_BAN = "person.ban"
    ORDERS_SEE = "orders.see"
    ROLES_GRANT = "roles.grant"

    CATALOGUE_EDIT = "catalogue.edit"
    STOCK_EDIT = "stock.edit"

    ROOM_CREATE = "room.create"
    MERCHANT_CREATE = "merchant.create"


class Role(StrEnum):
    HOST = "host"
    CO_HOST = "co_host"
    MODERATOR = "moderator"
    MERCHANT = "merchant"
    SELLER = "seller"
    """May open rooms and shops, where not everybody may."""


_ROOM: Final = frozenset(
    {
        Capability.SHOW_RUN,
        Capability.ROOM_EDIT,
        Capability.BAG_EDIT,
        Capability.PIN,
        Capability.SALE_RUN,
        Capability.CHAT_MODERATE,
        Capability.CHAT_UNSLOWED,
        Capability.PERSON_BAN,
        Capability.ORDERS_SEE,
    }
)
_NEWCOMER: Final = frozenset({Capability.ROOM_CREATE, Capability.MERCHANT_CREATE})

CAPABILITIES: Final[Mapping[Role, frozenset[Capability]]] = {
    # Granting is the host's alone: a role that was given cannot be given on (depth one).
    Role.HOST: _ROOM | {Capability.ROLES_GRANT},
    Role.CO_HOST: _ROOM,
    Role.MODERATOR: frozenset(
        {
            Capability.PIN,
            Capability.CHAT_MODERATE,
            Capability.CHAT_UNSLOWED,
            Capability.PERSON_BAN,
        }
    ),
    Role.MERCHANT: frozenset(
        {
            Capability.CATALOGUE_EDIT,
            Capability.STOCK_EDIT,
            Capability.ORDERS_SEE,
            Capability.ROLES_GRANT,
        }
    ),
    Role.SELLER: _NEWCOMER,
}

GRANTABLE: Final = frozenset({Role.CO_HOST, Role.MODERATOR})
"""What a host may give. The host's own role comes with the room."""

RANK: Final[Mapping[Role | None, int]] = {
    Role.HOST: 3,
    Role.CO_HOST: 2,
    Role.MODERATOR: 1,
    Role.MERCHANT: 0,
    Role.SELLER: 0,
    None: 0,
}


def outranks(role: Role | None, other: Role | None) -> bool:
    """Tells whether the holder of `role` may act against the holder of `other`."""
    return RANK[role] > RANK[other]


def is_current(expires_at: int | None, now: int) -> bool:
    """Tells whether a grant still counts at `now`; one without an end always does."""
    return expires_at is None or now < expires_at
