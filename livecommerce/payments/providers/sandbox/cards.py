"""Test cards: what each of them does when it is charged."""

from __future__ import annotations

from dataclasses import dataclass

from livecommerce.payments.providers.port import CardFace, IntentStatus


@dataclass(frozen=True, slots=True)
class TestCard:
    """
    Args:
        status: what the charge comes to at once.
        code: why it is declined.
        answers: whether the confirming call is answered at all.
        later: what an unanswered or processing charge turns out to be …
        after_ms: … and when.
        betrays: a cancelled charge of this card succeeds all the same: a provider gone wrong.
    """

    __test__ = False

    face: CardFace
    status: IntentStatus
    code: str | None = None
    answers: bool = True
    later: IntentStatus | None = None
    after_ms: int = 0
    betrays: bool = False


def _card(brand: str, last4: str, status: IntentStatus, **more: object) -> TestCard:
    return TestCard(CardFace(brand, last4, "12/34"), status, **more)  # type: ignore[arg-type]


_S = IntentStatus

CARDS = {
    "tok_visa": _card("visa", "4242", _S.SUCCEEDED),
    "tok_mada": _card("mada", "5604", _S.SUCCEEDED),
    "tok_declined": _card("visa", "0002", _S.DECLINED, code="card_declined"),
    "tok_no_funds": _card("mastercard", "9995", _S.DECLINED, code="insufficient_funds"),
    "tok_stolen": _card("visa", "9979", _S.DECLINED, code="stolen_card"),
    "tok_challenge": _card("visa", "3155", _S.REQUIRES_ACTION),
    "tok_timeout_paid": _card(
        "visa", "0119", _S.PROCESSING, answers=False, later=_S.SUCCEEDED, after_ms=1_500
    ),
    "tok_timeout_failed": _card(
        "visa", "0127", _S.PROCESSING, answers=False, later=_S.DECLINED, after_ms=1_500
    ),
    "tok_late": _card("mada", "3008", _S.PROCESSING, later=_S.SUCCEEDED, after_ms=3_000),
    "tok_paid_after_cancel": _card("visa", "0666", _S.REQUIRES_ACTION, betrays=True),
}

LATE_CODE = "processing_error"
BETRAYAL_AFTER_MS = 1_000
