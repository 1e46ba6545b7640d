"""How a buyer may pay, on the wire. Card numbers never pass here: a provider's token does."""

from __future__ import annotations

from typing import Annotated

import msgspec

from livecommerce.protocol.commands import EntityId
from livecommerce.protocol.patterns import whole


class PaymentChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A saved card, or a method that needs no card."""

    method: Annotated[str, msgspec.Meta(pattern=whole("card|pay_on_delivery"))]
    card_id: EntityId | None = None


class CardView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    brand: str
    last4: str
    expires: str
    """MM/YY"""


class CardDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card as the provider's own form hands it over: an opaque token."""

    provider: Annotated[str, msgspec.Meta(max_length=20)] = "sandbox"
    token: Annotated[str, msgspec.Meta(min_length=4, max_length=255)]


class PaymentMethods(msgspec.Struct, frozen=True, kw_only=True):
    """What this buyer can pay with in a market."""

    cards: list[CardView]
    methods: list[str]
    """card · pay_on_delivery"""
    test_cards: list[str] = []
    """Tokens of the sandbox to try, when the sandbox is the provider."""


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer has to do before the payment can go on."""

    kind: str
    """challenge (open `url` over the room) · redirect (leave for `url`)"""
    url: str
