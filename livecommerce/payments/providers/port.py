"""The port to a payment provider: what checkout asks of one, and how it may answer.

An intent is made unconfirmed, its reference is stored on our side, and only then is it confirmed: a
charge nobody can name cannot happen. All calls with a `key` may be repeated with the same key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

CARD = "card"
PAY_ON_DELIVERY = "pay_on_delivery"


class IntentStatus(StrEnum):
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    """The buyer has to answer their bank; see `action_url`."""
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Intent:
    """A payment as the provider knows it."""

    ref: str
    status: IntentStatus
    amount_minor: int
    currency: str
    attempt_id: str
    """Ours, as given when it was made; an intent of another attempt pays for nothing."""
    code: str | None = None
    """Why it was declined."""
    action_kind: str | None = None
    """challenge · redirect"""
    action_url: str | None = None


@dataclass(frozen=True, slots=True)
class IntentDraft:
    attempt_id: str
    order_id: str
    amount_minor: int
    currency: str
    token: str
    """The provider's name for the buyer's card."""


@dataclass(frozen=True, slots=True)
class CardFace:
    """What may be shown of a card."""

    brand: str
    last4: str
    expires: str


@dataclass(frozen=True, slots=True)
class ProviderEvent:
    """A verified webhook. What it says about the payment is not believed: the intent is read."""

    id: str
    kind: str
    intent_ref: str | None


class NoAnswer(Exception):
    """Timeout, reset or 5xx: the call may or may not have had its effect."""


class Busy(Exception):
    """The provider asks for patience; nothing has happened."""

    def __init__(self, after_s: float = 1.0) -> None:
        super().__init__(f"busy for {after_s} s")
        self.after_s = after_s


class Rejected(Exception):
    """The provider will never accept this call; nothing has happened."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Provider(Protocol):
    """Raises NoAnswer, Busy and Rejected where calls go over the network."""

    @property
    def name(self) -> str: ...

    def methods(self, market: str) -> tuple[str, ...]:
        """What buyers in a market can be offered: CARD, PAY_ON_DELIVERY."""
        ...

    def test_cards(self) -> tuple[str, ...]:
        """Tokens to try out, when no real money is moved."""
        ...

    async def card(self, token: str) -> CardFace:
        """What may be shown of the card behind a token. Rejected: no such token."""
        ...

    async def create(self, draft: IntentDraft, *, key: str) -> Intent:
        """Makes an unconfirmed intent; it charges nothing."""
        ...

    async def confirm(self, ref: str, *, key: str, return_url: str) -> Intent:
        """Charges. The answer may be any status but `requires_confirmation`."""
        ...

    async def retrieve(self, ref: str) -> Intent: ...

    async def cancel(self, ref: str, *, key: str) -> Intent:
        """Asks that it never be charged. The answer tells: canceled, succeeded before, or still
        processing, which cannot be cancelled yet."""
        ...

    async def refund(self, ref: str, *, amount_minor: int, key: str) -> str:
        """Pays back; returns the reference of the refund. Rejected: more than is left."""
        ...

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> ProviderEvent:
        """Checks signature and age of a webhook.

        Args:
            now: epoch milliseconds; a stamp more than 300 s away, past or future, is refused.

        Raises:
            Refused: BAD_FIELD, TOO_LARGE or BAD_JSON.
        """
        ...
