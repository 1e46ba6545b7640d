"""Paying: what a buyer may pay with, their saved cards, and what providers tell us."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from livecommerce.catalogue.markets import MARKETS
from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.kernel.money import Money
from livecommerce.payments import store
from livecommerce.payments.providers.port import CARD, Provider, Rejected
from livecommerce.payments.service.writes import CloseEvent, ForgetCard, KeepEvent, SaveCard
from livecommerce.payments.wire import CardDraft, CardView, PaymentChoice, PaymentMethods
from livecommerce.people.accounts import Actor

__all__ = ["Charge", "Payments", "RefusedRefund"]

_CARDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Charge:
    """A card a buyer has chosen, checked to be theirs."""

    card_id: str
    provider: str


@dataclass(frozen=True, slots=True)
class RefusedRefund:
    """Money that a provider does not pay back: a person has to, by other means."""

    id: str
    order_id: str
    money: Money
    reason: str
    """Why it has to go back: cancel · late …"""
    provider: str
    payment_ref: str
    """The payment at the provider."""
    asked_at: int


class Payments:
    def __init__(self, *, database: Database, clock: Clock, providers: Sequence[Provider]) -> None:
        """
        Args:
            providers: the first one is offered to buyers; all of them may still settle and refund.
        """
        assert providers
        self._database = database
        self._clock = clock
        self._providers = {provider.name: provider for provider in providers}
        self._offered = providers[0]
        self._on_event: list[Callable[[], None]] = []

    def provider(self, name: str) -> Provider:
        """The provider an attempt was made with."""
        return self._providers[name]

    def offers(self, method: str, market: str) -> bool:
        """Whether a method can be used in a market."""
        return method in self._offered.methods(market)

    async def methods(self, actor: Actor, market: str) -> PaymentMethods:
        """What the actor can pay with in a market."""
        if market not in MARKETS:
            raise Refused(Code.BAD_FIELD, field="market")
        rows = await self._database.fetch(store.cards_of(actor.person_id))
        return PaymentMethods(
            cards=[_card_view(row) for row in rows if row["provider"] in self._providers],
            methods=list(self._offered.methods(market)),
            test_cards=list(self._offered.test_cards()),
        )

    async def save_card(self, actor: Actor, draft: CardDraft) -> CardView:
        """Keeps a card for later one-click payments: the provider's token, never a number."""
        provider = self._providers.get(draft.provider)
        if provider is None:
            raise Refused(Code.BAD_FIELD, field="provider")
        if len(await self._database.fetch(store.cards_of(actor.person_id))) >= _CARDS_MAX:
            raise Refused(Code.LIMIT_REACHED, limit=_CARDS_MAX)
        try:
            face = await provider.card(draft.token)
        except Rejected:
            raise Refused(Code.BAD_FIELD, field="token") from None
        id = new_id()
        await self._database.writer.submit(
            SaveCard(
                id=id,
                person_id=actor.person_id,
                provider=provider.name,
                token=draft.token,
                face=face,
            )
        )
        return CardView(id=id, brand=face.brand, last4=face.last4, expires=face.expires)

    async def forget_card(self, actor: Actor, card_id: str) -> None:
        """Removes a card of the actor's; `not_found` for any other."""
        await self._database.writer.submit(ForgetCard(id=card_id, person_id=actor.person_id))

    async def charge(self, person_id: str, choice: PaymentChoice) -> Charge:
        """The card chosen: PAYMENT_METHOD_REQUIRED without one, NOT_FOUND for another's."""
        assert choice.method == CARD
        if choice.card_id is None:
            raise Refused(Code.PAYMENT_METHOD_REQUIRED, field="payment.card_id")
        row = await self._database.fetch_one(store.card_by_id(choice.card_id))
        if row is None or row["person_id"] != person_id or row["removed_at"] is not None:
            raise Refused(Code.NOT_FOUND, field="payment.card_id")
        return Charge(row["id"], row["provider"])

    async def token(self, card_id: str) -> str | None:
        """The token of a card that an attempt was begun with; None when it was forgotten since."""
        row = await self._database.fetch_one(store.card_by_id(card_id))
        return None if row is None else row["token"] or None

    async def refused_refunds(self) -> list[RefusedRefund]:
        """What providers would not pay back, oldest first."""
        return [
            RefusedRefund(
                id=row["id"],
                order_id=row["order_id"],
                money=Money(row["amount_minor"], row["currency"]),
                reason=row["reason"],
                provider=row["provider"],
                payment_ref=row["payment_ref"],
                asked_at=row["created_at"],
            )
            for row in await self._database.fetch(store.refused_refunds())
        ]

    # Webhooks in.

    def on_event(self, callback: Callable[[], None]) -> None:
        """Calls back when a provider's event waits to be dealt with."""
        self._on_event.append(callback)

    async def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> None:
        """Takes a webhook: verified, stored, acknowledged; dealt with afterwards.

        Raises:
            Refused: BAD_FIELD, TOO_LARGE, BAD_JSON (nothing is stored), NOT_FOUND (no such
                provider), UNAVAILABLE (the provider will send it again).
        """
        known = self._providers.get(provider)
        if known is None:
            raise Refused(Code.NOT_FOUND)
        event = known.verify_webhook(headers, body, self._clock.now_ms())
        keep = KeepEvent(
            id=f"{provider}:{event.id}",
            provider=provider,
            kind=event.kind,
            psp_ref=event.intent_ref,
            body=body,
        )
        try:
            await self._database.writer.submit(keep)
        except Refused as refused:
            if refused.code is not Code.ALREADY_EXISTS:
                raise
        self.nudge()

    async def close_event(self, event_id: str, state: str) -> None:
        """An event was dealt with (`done`), or has to wait (`new`)."""
        await self._database.writer.submit(CloseEvent(id=event_id, state=state))

    async def receive_sandbox(self, headers: Mapping[str, str], body: bytes) -> None:
        """The sandbox's webhooks, delivered within the process."""
        await self.receive("sandbox", headers, body)

    def nudge(self) -> None:
        """Something may have changed at a provider."""
        for callback in self._on_event:
            callback()


def _card_view(row: store.Row) -> CardView:
    return CardView(id=row["id"], brand=row["brand"], last4=row["last4"], expires=row["expires"])
