"""What checkout relies on, of any payment provider. A provider's test file inherits this class and
says how its cards are called."""

from __future__ import annotations

from typing import ClassVar

import pytest

from livecommerce.kernel.ids import new_id
from livecommerce.payments.providers.port import (
    CARD,
    Intent,
    IntentDraft,
    IntentStatus,
    Provider,
    Rejected,
)


class ProviderContract:
    good_card: ClassVar[str]
    bad_card: ClassVar[str]
    challenged_card: ClassVar[str]

    async def made(self, provider: Provider, token: str, amount_minor: int = 1_250) -> Intent:
        draft = IntentDraft(new_id(), new_id(), amount_minor, "KWD", token)
        return await provider.create(draft, key=f"{draft.attempt_id}:create")

    async def confirmed(self, provider: Provider, token: str) -> Intent:
        intent = await self.made(provider, token)
        return await provider.confirm(intent.ref, key="confirm", return_url="")

    async def test_a_new_intent_charges_nothing(self, provider: Provider):
        intent = await self.made(provider, self.good_card)
        assert intent.status is IntentStatus.REQUIRES_CONFIRMATION
        assert (await provider.retrieve(intent.ref)) == intent

    async def test_an_intent_names_what_it_is_for(self, provider: Provider):
        draft = IntentDraft("attempt-one", "order-one", 700, "SAR", self.good_card)
        intent = await provider.create(draft, key="attempt-one:create")
        assert (intent.attempt_id, intent.amount_minor, intent.currency) == (
            "attempt-one",
            700,
            "SAR",
        )

    async def test_made_twice_under_one_key_is_made_once(self, provider: Provider):
        draft = IntentDraft("attempt", "order", 700, "SAR", self.good_card)
        first = await provider.create(draft, key="key")
        assert await provider.create(draft, key="key") == first

    async def test_a_key_stands_for_one_payment(self, provider: Provider):
        await provider.create(IntentDraft("one", "order", 700, "SAR", self.good_card), key="key")
        with pytest.raises(Rejected):
            await provider.create(
                IntentDraft("two", "order", 900, "SAR", self.good_card), key="key"
            )

    async def test_confirming_charges_once(self, provider: Provider):
        intent = await self.confirmed(provider, self.good_card)
        assert intent.status is IntentStatus.SUCCEEDED
        again = await provider.confirm(intent.ref, key="confirm", return_url="")
        assert again == await provider.retrieve(intent.ref) == intent

    async def test_a_decline_has_a_code(self, provider: Provider):
        intent = await self.confirmed(provider, self.bad_card)
        assert intent.status is IntentStatus.DECLINED
        assert intent.code

    async def test_a_challenge_has_a_page(self, provider: Provider):
        intent = await self.confirmed(provider, self.challenged_card)
        assert intent.status is IntentStatus.REQUIRES_ACTION
        assert intent.action_kind == "challenge"
        assert intent.action_url

    async def test_what_is_cancelled_is_never_charged(self, provider: Provider):
        for intent in (
            await self.made(provider, self.good_card),
            await self.confirmed(provider, self.challenged_card),
        ):
            cancelled = await provider.cancel(intent.ref, key="cancel")
            assert cancelled.status is IntentStatus.CANCELED
            after = await provider.confirm(intent.ref, key="late", return_url="")
            assert after.status is IntentStatus.CANCELED

    async def test_a_cancel_that_comes_too_late_says_so(self, provider: Provider):
        intent = await self.confirmed(provider, self.good_card)
        assert (await provider.cancel(intent.ref, key="cancel")).status is IntentStatus.SUCCEEDED

    async def test_a_refund_is_paid_once_a_key(self, provider: Provider):
        intent = await self.confirmed(provider, self.good_card)
        first = await provider.refund(intent.ref, amount_minor=1_000, key="one")
        assert await provider.refund(intent.ref, amount_minor=1_000, key="one") == first
        assert await provider.refund(intent.ref, amount_minor=250, key="two") != first

    @pytest.mark.parametrize("amount_minor", [0, -5, 1_251])
    async def test_a_refund_is_never_more_than_the_charge(self, provider: Provider, amount_minor):
        intent = await self.confirmed(provider, self.good_card)
        with pytest.raises(Rejected):
            await provider.refund(intent.ref, amount_minor=amount_minor, key="key")

    async def test_what_was_not_charged_is_not_refunded(self, provider: Provider):
        intent = await self.made(provider, self.good_card)
        with pytest.raises(Rejected):
            await provider.refund(intent.ref, amount_minor=1, key="key")

    async def test_unknown_names_are_rejected(self, provider: Provider):
        for call in (
            provider.retrieve("nothing"),
            provider.confirm("nothing", key="k", return_url=""),
            provider.cancel("nothing", key="k"),
            provider.refund("nothing", amount_minor=1, key="k"),
            provider.card("nothing"),
            self.made(provider, "nothing"),
        ):
            with pytest.raises(Rejected):
                await call

    async def test_cards_are_offered_everywhere(self, provider: Provider):
        assert all(CARD in provider.methods(market) for market in ("SA", "KW", "US", "JP"))
        face = await provider.card(self.good_card)
        assert len(face.last4) == 4
