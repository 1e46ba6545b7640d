"""A payment provider that moves no money: test cards, challenges, webhooks, a book of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.payments.providers import signatures
from livecommerce.payments.providers.port import (
    CARD,
    PAY_ON_DELIVERY,
    CardFace,
    Intent,
    IntentDraft,
    IntentStatus,
    NoAnswer,
    ProviderEvent,
    Rejected,
)
from livecommerce.payments.providers.sandbox.book import Book
from livecommerce.payments.providers.sandbox.cards import (
    BETRAYAL_AFTER_MS,
    CARDS,
    LATE_CODE,
    TestCard,
)

__all__ = ["SIGNATURE_HEADER", "Paid", "Sandbox", "SandboxSettings"]

SIGNATURE_HEADER = "Sandbox-Signature"
CHALLENGE_PATH = "/v1/sandbox/challenge/"
_BODY_MAX = 256 * 1024
_WEBHOOKS_AT_ONCE = 100
_CASH_MARKETS = frozenset({"SA", "AE", "KW", "BH", "OM", "QA", "EG", "JO"})

Deliver = Callable[[Mapping[str, str], bytes], Awaitable[None]]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    base_url: str
    webhook_delay_ms: int
    timeout_s: float
    secrets: tuple[bytes, ...]
    """Of webhooks: the first signs, all are accepted."""


@dataclass(frozen=True, slots=True)
class Paid:
    """A line of the book: an intent that has taken money."""

    intent_ref: str
    attempt_id: str
    order_id: str
    amount_minor: int
    currency: str
    refunded_minor: int
    changed_at: int


class Sandbox:
    """The provider port over a book in a file."""

    name = "sandbox"

    def __init__(self, book: Book, *, clock: Clock, settings: SandboxSettings) -> None:
        self._book = book
        self._clock = clock
        self._settings = settings

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        clock: Clock,
        secret: bytes,
        base_url: str = "",
        webhook_delay_ms: int = 200,
        timeout_s: float = 1.0,
    ) -> Sandbox:
        """Opens the book at `path`, making it when there is none.

        Args:
            secret: signs the webhooks.
            base_url: before the path of the challenge page; empty for the shop's own origin.
            timeout_s: how long the cards that never answer keep their caller waiting.
        """
        book = Book(path)
        await asyncio.to_thread(book.open)
        settings = SandboxSettings(base_url, webhook_delay_ms, timeout_s, (secret,))
        return cls(book, clock=clock, settings=settings)

    async def close(self) -> None:
        await self._book.close()

    # The port.

    def methods(self, market: str) -> tuple[str, ...]:
        return (CARD, PAY_ON_DELIVERY) if market in _CASH_MARKETS else (CARD,)

    def test_cards(self) -> tuple[str, ...]:
        return tuple(CARDS)

    async def card(self, token: str) -> CardFace:
        card = CARDS.get(token)
        if card is None:
            raise Rejected("no_such_card")
        return card.face

    async def create(self, draft: IntentDraft, *, key: str) -> Intent:
        if draft.token not in CARDS:
            raise Rejected("no_such_card")
        now, id = self._clock.now_ms(), f"pi_{new_id()}"

        def work(book: sqlite3.Connection) -> Intent:
            book.execute(
                "INSERT INTO intents(id, key, attempt_id, order_id, amount_minor, currency, token,"
                " status, created_at, changed_at) VALUES(?,?,?,?,?,?,?,?,?,?)"
                " ON CONFLICT(key) DO NOTHING",
                (
                    id,
                    key,
                    draft.attempt_id,
                    draft.order_id,
                    draft.amount_minor,
                    draft.currency,
                    draft.token,
                    IntentStatus.REQUIRES_CONFIRMATION.value,
                    now,
                    now,
                ),
            )
            row = book.execute("SELECT * FROM intents WHERE key = ?", (key,)).fetchone()
            if (row["attempt_id"], row["amount_minor"]) != (draft.attempt_id, draft.amount_minor):
                raise Rejected("idempotency_mismatch")
            return self._intent(row)

        return await self._book.do(work)

    async def confirm(self, ref: str, *, key: str, return_url: str) -> Intent:
        now = self._clock.now_ms()

        def work(book: sqlite3.Connection) -> tuple[Intent, TestCard]:
            row = self._row(book, ref, now)
            card = CARDS[row["token"]]
            if row["status"] == IntentStatus.REQUIRES_CONFIRMATION:
                later_at = None if card.later is None else now + card.after_ms
                self._set(
                    book, ref, card.status, now, card.code, card.later, later_at, is_told=True
                )
            return self._intent(self._row(book, ref, now)), card

        intent, card = await self._book.do(work)
        if not card.answers:
            await asyncio.sleep(self._settings.timeout_s)
            raise NoAnswer
        return intent

    async def retrieve(self, ref: str) -> Intent:
        now = self._clock.now_ms()
        return await self._book.do(lambda book: self._intent(self._row(book, ref, now)))

    async def cancel(self, ref: str, *, key: str) -> Intent:
        now = self._clock.now_ms()
        open_to_cancel = (IntentStatus.REQUIRES_CONFIRMATION, IntentStatus.REQUIRES_ACTION)

        def work(book: sqlite3.Connection) -> Intent:
            row = self._row(book, ref, now)
            if row["status"] in open_to_cancel:
                betrays = CARDS[row["token"]].betrays
                later = IntentStatus.SUCCEEDED if betrays else None
                later_at = now + BETRAYAL_AFTER_MS if betrays else None
                self._set(
                    book, ref, IntentStatus.CANCELED, now, None, later, later_at, is_told=True
                )
            return self._intent(self._row(book, ref, now))

        return await self._book.do(work)

    async def refund(self, ref: str, *, amount_minor: int, key: str) -> str:
        now, id = self._clock.now_ms(), f"re_{new_id()}"

        def work(book: sqlite3.Connection) -> str:
            done = book.execute("SELECT id FROM refunds WHERE key = ?", (key,)).fetchone()
            if done is not None:
                return str(done["id"])
            row = self._row(book, ref, now)
            left = row["amount_minor"] - row["refunded_minor"]
            if row["status"] != IntentStatus.SUCCEEDED or not 0 < amount_minor <= left:
                raise Rejected("refund_exceeds")
            book.execute(
                "UPDATE intents SET refunded_minor = refunded_minor + ? WHERE id = ?",
                (amount_minor, ref),
            )
            book.execute(
                "INSERT INTO refunds(key, id, intent_id, amount_minor, created_at)"
                " VALUES(?,?,?,?,?)",
                (key, id, ref, amount_minor, now),
            )
            return id

        return await self._book.do(work)

    def verify_webhook(self, headers: Mapping[str, str], body: bytes, now: int) -> ProviderEvent:
        if len(body) > _BODY_MAX:
            raise Refused(Code.TOO_LARGE)
        header = next(
            (value for name, value in headers.items() if name.lower() == SIGNATURE_HEADER.lower()),
            None,
        )
        signatures.verify(header, body, self._settings.secrets, now, field=SIGNATURE_HEADER)
        try:
            said = json.loads(body)
            return ProviderEvent(str(said["id"]), str(said["type"]), said.get("intent"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Refused(Code.BAD_JSON) from None

    # The challenge page's side.

    async def challenge(self, ref: str) -> Intent:
        """The intent a challenge is about, or `not_found`."""
        try:
            return await self.retrieve(ref)
        except Rejected:
            raise Refused(Code.NOT_FOUND) from None

    async def answer_challenge(self, ref: str, *, approve: bool) -> Intent:
        """The buyer approves or denies. What is answered already stays as it is."""
        now = self._clock.now_ms()

        def work(book: sqlite3.Connection) -> Intent:
            row = self._row(book, ref, now)
            if row["status"] == IntentStatus.REQUIRES_ACTION:
                status = IntentStatus.SUCCEEDED if approve else IntentStatus.DECLINED
                self._set(book, ref, status, now, None if approve else "authentication_failed")
            return self._intent(self._row(book, ref, now))

        try:
            return await self._book.do(work)
        except Rejected:
            raise Refused(Code.NOT_FOUND) from None

    # The provider's own life.

    async def run(self, deliver: Deliver) -> None:
        """Sends webhooks until cancelled. One that is not taken comes again, later and later."""
        while True:
            try:
                sent = await self.send_due(deliver)
            except sqlite3.Error as error:
                _log.warning("sandbox_book_waits", error=str(error))
                sent = 0
            if not sent:
                await asyncio.sleep(0.1)

    async def send_due(self, deliver: Deliver) -> int:
        """Sends the webhooks that are due; returns how many were taken."""
        taken = 0
        for row in await self._book.do(self._due_webhooks):
            at_s = self._clock.now_ms() // 1000
            body = json.dumps(
                {"id": row["id"], "type": row["kind"], "intent": row["intent_id"]}
            ).encode()
            header = signatures.sign(body, self._settings.secrets[0], at_s)
            try:
                await deliver({SIGNATURE_HEADER: header, "Content-Type": "application/json"}, body)
            except Exception as error:  # noqa: BLE001  (a receiver may fail in any way)
                _log.info("sandbox_webhook_not_taken", error=repr(error))
                await self._book.do(partial(self._put_off, id=row["id"]))
            else:
                await self._book.do(partial(self._mark_sent, id=row["id"]))
                taken += 1
        return taken

    async def paid(self) -> list[Paid]:
        """Every intent that has taken money: the independent witness of `verify`."""
        now = self._clock.now_ms()

        def work(book: sqlite3.Connection) -> list[Paid]:
            self._settle_due(book, now)
            rows = book.execute("SELECT * FROM intents WHERE status = 'succeeded' ORDER BY id")
            return [
                Paid(
                    row["id"],
                    row["attempt_id"],
                    row["order_id"],
                    row["amount_minor"],
                    row["currency"],
                    row["refunded_minor"],
                    row["changed_at"],
                )
                for row in rows
            ]

        return await self._book.do(work)

    # Pages of the book.

    def _row(self, book: sqlite3.Connection, ref: str, now: int) -> Any:
        self._settle_due(book, now)
        row = book.execute("SELECT * FROM intents WHERE id = ?", (ref,)).fetchone()
        if row is None:
            raise Rejected("no_such_intent")
        return row

    def _settle_due(self, book: sqlite3.Connection, now: int) -> None:
        due = book.execute(
            "SELECT id, later FROM intents WHERE later_at IS NOT NULL AND later_at <= ?", (now,)
        ).fetchall()
        for row in due:
            status = IntentStatus(row["later"])
            code = LATE_CODE if status is IntentStatus.DECLINED else None
            self._set(book, row["id"], status, now, code)

    def _set(
        self,
        book: sqlite3.Connection,
        ref: str,
        status: IntentStatus,
        now: int,
        code: str | None = None,
        later: IntentStatus | None = None,
        later_at: int | None = None,
        *,
        is_told: bool = False,
    ) -> None:
        """Changes an intent; whoever is not told by the answer of a call gets a webhook."""
        book.execute(
            "UPDATE intents SET status = ?, code = ?, later = ?, later_at = ?, changed_at = ?"
            " WHERE id = ?",
            (status.value, code, later and later.value, later_at, now, ref),
        )
        if is_told:
            return
        book.execute(
            "INSERT INTO webhooks(id, intent_id, kind, due_at) VALUES(?,?,?,?)",
            (
                f"evt_{new_id()}",
                ref,
                f"payment.{status.value}",
                now + self._settings.webhook_delay_ms,
            ),
        )

    def _due_webhooks(self, book: sqlite3.Connection) -> list[Any]:
        now = self._clock.now_ms()
        self._settle_due(book, now)
        return book.execute(
            "SELECT * FROM webhooks WHERE sent_at IS NULL AND due_at <= ? ORDER BY due_at LIMIT ?",
            (now, _WEBHOOKS_AT_ONCE),
        ).fetchall()

    def _mark_sent(self, book: sqlite3.Connection, id: str) -> None:
        book.execute("UPDATE webhooks SET sent_at = ? WHERE id = ?", (self._clock.now_ms(), id))

    def _put_off(self, book: sqlite3.Connection, id: str) -> None:
        row = book.execute("SELECT tries FROM webhooks WHERE id = ?", (id,)).fetchone()
        wait_ms = min(1000 * 2 ** row["tries"], 3_600_000)
        book.execute(
            "UPDATE webhooks SET tries = tries + 1, due_at = ? WHERE id = ?",
            (self._clock.now_ms() + wait_ms, id),
        )

    def _intent(self, row: Any) -> Intent:
        status = IntentStatus(row["status"])
        asks = status is IntentStatus.REQUIRES_ACTION
        return Intent(
            ref=row["id"],
            status=status,
            amount_minor=row["amount_minor"],
            currency=row["currency"],
            attempt_id=row["attempt_id"],
            code=row["code"],
            action_kind="challenge" if asks else None,
            action_url=f"{self._settings.base_url}{CHALLENGE_PATH}{row['id']}" if asks else None,
        )
