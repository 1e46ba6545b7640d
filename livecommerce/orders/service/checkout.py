"""Payments on their way: each goes create -> register -> confirm -> apply, in a task of its own.

Nothing here decides anything: the writes do. Whatever a crash, a timeout or a silent provider
leaves behind is found by its due time and looked at again, by whichever process leads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from livecommerce.database.engine import Database
from livecommerce.database.leader import Leadership
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.service.ending import Ended, Expire
from livecommerce.orders.service.outcomes import PAYMENT_UNAVAILABLE, Apply, Outcome
from livecommerce.orders.service.paying import GiveUp, PutOffRefund, Refunded, Register
from livecommerce.orders.service.reading import OrderReader
from livecommerce.orders.service.steps import FactsChanged, OrderFacts
from livecommerce.orders.wire import Bought
from livecommerce.payments import store as payment_store
from livecommerce.payments.attempts import AttemptState
from livecommerce.payments.providers.port import (
    Busy,
    Intent,
    IntentDraft,
    IntentStatus,
    NoAnswer,
    Provider,
    Rejected,
)
from livecommerce.payments.service import Payments
from livecommerce.payments.service.attempting import NewAttempt
from livecommerce.realtime.publisher import Publisher
from livecommerce.stock.service import Stock

__all__ = ["Checkout", "PaymentJob"]

ROUND_S = 1.0
_DUE_MAX = 200
_PAYING_AT_ONCE = 64
_CREATE_TRIES = 3
_FACTS_TRIES = 5
_CLOSE_S = 5.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PaymentJob:
    """An attempt to pay that is to be made now."""

    facts: OrderFacts
    attempt: NewAttempt


class Checkout:
    """Carries payments, refunds and expiries through."""

    def __init__(
        self,
        *,
        database: Database,
        publisher: Publisher,
        clock: Clock,
        stock: Stock,
        payments: Payments,
        reader: OrderReader,
    ) -> None:
        self._database = database
        self._publisher = publisher
        self._clock = clock
        self._stock = stock
        self._payments = payments
        self._reader = reader
        self._leadership = Leadership(database, "checkout")
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._slots = asyncio.Semaphore(_PAYING_AT_ONCE)
        self._news = asyncio.Event()
        self.refunds_refused = 0
        """By providers, since this process began."""
        payments.on_event(self._news.set)

    # What others ask for.

    def pay(self, job: PaymentJob) -> None:
        """Starts a payment; its buyer is told how it went."""
        self._spawn(job.attempt.id, self._pay(job))

    def look(self) -> None:
        """There is something due now: a cancel, a refund."""
        self._news.set()

    async def close_refund(self, refund_id: str, reason: str) -> None:
        """Takes down that a person has paid back what the provider would not.

        Args:
            reason: how, for the history of the refund.

        Raises:
            Refused: `not_found`, `bad_transition` (it was not refused, or is closed) with `state`.
        """
        row = await self._database.fetch_one(payment_store.refund_by_id(refund_id))
        if row is None:
            raise Refused(Code.NOT_FOUND, field="refund_id")
        is_closed = await self._database.writer.submit(
            Refunded(
                facts=await self._reader.facts(row["order_id"]),
                attempt_id=row["attempt_id"],
                refund_id=refund_id,
                psp_ref=None,
                reason=f"by hand: {reason}",
                holding=self._stock.holding,
            )
        )
        if not is_closed:
            raise Refused(Code.BAD_TRANSITION, state=row["state"])

    def say_bought(self, facts: OrderFacts) -> None:
        """Tells the room that somebody bought this, without a name."""
        if facts.room_id is not None:
            event = Bought(
                id=f"bought:{facts.order_id}",
                at=self._clock.now_ms(),
                offer_id=facts.offer_id,
                variant_id=facts.hold.variant_id,
                qty=facts.hold.qty,
            )
            self._publisher.publish(facts.room_id, event)

    async def run(self, *, may_lead: bool = True) -> None:
        """Runs until cancelled: takes up what a crash left behind, then looks every second.

        Args:
            may_lead: False leaves what is due to other processes; this one goes on only with the
                payments it began and with what providers tell.
        """
        recovered = False
        while True:
            try:
                leads = may_lead and await self._leadership.held()
                if leads and not recovered:
                    # SQLite has one process: what is under way in the rows is under way nowhere.
                    everything = self._database.dialect == "sqlite"
                    await self.settle_due(everything=everything)
                    recovered = True
                if leads:
                    await self.expire_due()
                    await self.settle_due()
                    await self.refund_due()
                await self.take_events()
            except Refused as refused:
                _log.warning("checkout_waits", code=refused.code.value)
            except Exception:  # noqa: BLE001  (the next round tries again)
                _log.exception("checkout_round_failed")
            self._news.clear()
            try:
                async with asyncio.timeout(ROUND_S):
                    await self._news.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        """Lets payments finish for a moment; what does not is taken up after the next start."""
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=_CLOSE_S)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await self._leadership.close()

    async def idle(self) -> None:
        """Waits until nothing is under way in this process."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    # One round of each.

    async def expire_due(self) -> int:
        """Ends holds that have run out; returns how many were due."""
        due = await self._stock.due_holds(_DUE_MAX)
        ended = (self._expire(hold.order_id) for hold in due)
        # One hold that cannot be ended must not keep the others, nor payments and refunds, waiting.
        for hold, fault in zip(
            due, await asyncio.gather(*ended, return_exceptions=True), strict=True
        ):
            if isinstance(fault, Refused):
                _log.warning("hold_not_ended", hold_id=hold.id, code=fault.code.value)
            elif fault is not None:
                _log.error("hold_not_ended", hold_id=hold.id, exc_info=fault)
        return len(due)

    async def settle_due(self, *, everything: bool = False) -> int:
        """Asks providers about attempts that want a look."""
        now = 2**62 if everything else self._clock.now_ms()
        statement = payment_store.due(payment_store.payment_attempts, now, _DUE_MAX)
        rows = await self._database.fetch(statement)
        for row in rows:
            self._spawn(row["id"], self._settle(row))
        return len(rows)

    async def refund_due(self) -> int:
        """Pays back what has to go back."""
        statement = payment_store.due(payment_store.refunds, self._clock.now_ms(), _DUE_MAX)
        rows = await self._database.fetch(statement)
        for row in rows:
            self._spawn(row["id"], self._refund(row))
        return len(rows)

    async def take_events(self) -> int:
        """Deals with what providers have told us: reads the payments they are about."""
        statement = payment_store.due_events(self._clock.now_ms(), _DUE_MAX)
        rows = await self._database.fetch(statement)
        for row in rows:
            self._spawn(row["id"], self._take_event(row))
        return len(rows)

    # Tasks.

    def _spawn(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        """One task a key: what is under way already is not begun again."""
        if key in self._tasks:
            work.close()
            return
        task = asyncio.get_running_loop().create_task(self._watched(key, work), name=key)
        self._tasks[key] = task
        task.add_done_callback(lambda _task: self._tasks.pop(key, None))

    async def _watched(self, key: str, work: Coroutine[Any, Any, None]) -> None:
        async with self._slots:
            try:
                await work
            except Refused as refused:
                _log.warning("checkout_task_refused", key=key, code=refused.code.value)
            except Exception:  # noqa: BLE001  (its row is still due: the next look takes it up)
                _log.exception("checkout_task_failed", key=key)

    async def _pay(self, job: PaymentJob) -> None:
        attempt = job.attempt
        provider = self._payments.provider(attempt.provider)
        token = await self._payments.token(attempt.card_id)
        try:
            if token is None:
                raise Rejected(Code.PAYMENT_METHOD_REQUIRED.value)
            draft = IntentDraft(
                attempt.id, attempt.order_id, attempt.amount_minor, attempt.currency, token
            )
            intent = await self._create(provider, draft)
        except (NoAnswer, Busy):
            # An unconfirmed intent, should there be one, charges nothing.
            await self._give_up(job, PAYMENT_UNAVAILABLE)
            return
        except Rejected as rejected:
            await self._give_up(job, rejected.code)
            return
        register = Register(attempt_id=attempt.id, hold_id=job.facts.hold.id, psp_ref=intent.ref)
        if await self._database.writer.submit(register):
            await self.apply(attempt.id, await self._confirm(provider, intent.ref, job), job.facts)
        else:
            await self._drop(provider, intent.ref, job)

    async def _create(self, provider: Provider, draft: IntentDraft) -> Intent:
        key = f"{draft.attempt_id}:create"
        for _ in range(_CREATE_TRIES - 1):
            try:
                return await provider.create(draft, key=key)
            except NoAnswer:
                continue
            except Busy as busy:
                await asyncio.sleep(min(busy.after_s, 5.0))
        return await provider.create(draft, key=key)

    async def _confirm(self, provider: Provider, ref: str, job: PaymentJob) -> Intent | None:
        """Charges. Never under another key: what got no answer is asked for, not repeated."""
        attempt = job.attempt
        try:
            return await provider.confirm(ref, key=f"{attempt.id}:confirm", return_url="")
        except (NoAnswer, Busy):
            return None
        except Rejected as rejected:
            return Intent(
                ref,
                IntentStatus.DECLINED,
                attempt.amount_minor,
                attempt.currency,
                attempt.id,
                code=rejected.code,
            )

    async def _drop(self, provider: Provider, ref: str, job: PaymentJob) -> None:
        """The intent may not be confirmed: the hold is over, or another process goes on with it."""
        row = await self._database.fetch_one(payment_store.attempt_by_id(job.attempt.id))
        if row is None or row["psp_ref"] == ref:
            return
        try:
            await provider.cancel(ref, key=f"{job.attempt.id}:cancel")
        except (NoAnswer, Busy, Rejected) as error:
            _log.info("unconfirmed_intent_left", ref=ref, error=repr(error))
        if row["state"] == AttemptState.CREATED:
            await self._give_up(job, Code.HOLD_EXPIRED.value)

    async def _give_up(self, job: PaymentJob, code: str) -> None:
        facts = job.facts
        for _ in range(_FACTS_TRIES):
            write = GiveUp(
                facts=facts, attempt_id=job.attempt.id, code=code, holding=self._stock.holding
            )
            try:
                await self._database.writer.submit(write)
                return
            except FactsChanged:
                facts = await self._reader.facts(facts.order_id)

    async def apply(
        self, attempt_id: str, intent: Intent | None, facts: OrderFacts | None = None
    ) -> Outcome:
        """Applies what a provider said; None: it said nothing."""
        if facts is None:
            row = await self._database.fetch_one(payment_store.attempt_by_id(attempt_id))
            if row is None:
                return Outcome.NOTHING
            facts = await self._reader.facts(row["order_id"])
        for _ in range(_FACTS_TRIES):
            spare = msgspec.structs.replace(facts.hold, id=new_id(), sale_id=None)
            write = Apply(
                facts=facts,
                attempt_id=attempt_id,
                intent=intent,
                spare=spare,
                refund_id=new_id(),
                holding=self._stock.holding,
            )
            try:
                outcome = await self._database.writer.submit(write)
                break
            except FactsChanged:
                facts = await self._reader.facts(facts.order_id)
        else:
            return Outcome.WAITING
        if outcome is Outcome.CONFIRMED:
            self.say_bought(facts)
        elif outcome in (Outcome.RELEASED, Outcome.REFUNDING):
            self._stock.came_back(facts.hold)
            self._news.set()
        return outcome

    async def _settle(self, row: Any) -> None:
        attempt_id, ref = row["id"], row["psp_ref"]
        provider = self._payments.provider(row["provider"])
        if ref is None:
            facts = await self._reader.facts(row["order_id"])
            attempt = NewAttempt(
                attempt_id,
                row["order_id"],
                row["provider"],
                row["card_id"],
                row["amount_minor"],
                row["currency"],
            )
            await self._pay(PaymentJob(facts, attempt))
            return
        cancel_key = f"{attempt_id}:cancel"
        try:
            if row["state"] == AttemptState.CANCELING:
                intent = await provider.cancel(ref, key=cancel_key)
            else:
                intent = await provider.retrieve(ref)
                if intent.status is IntentStatus.REQUIRES_CONFIRMATION:
                    # A crash came between storing the reference and charging. The buyer may have
                    # gone since: nobody is charged unawares.
                    intent = await provider.cancel(ref, key=cancel_key)
        except (NoAnswer, Busy, Rejected):
            await self.apply(attempt_id, None)
            return
        await self.apply(attempt_id, intent)

    async def _expire(self, order_id: str) -> None:
        for _ in range(_FACTS_TRIES):
            facts = await self._reader.facts(order_id)
            try:
                ended = await self._database.writer.submit(
                    Expire(facts=facts, holding=self._stock.holding)
                )
            except FactsChanged:
                continue
            if ended is Ended.RELEASED:
                self._stock.came_back(facts.hold)
            elif ended is Ended.CANCELLING:
                self._news.set()
            return

    async def _refund(self, row: Any) -> None:
        attempt = await self._database.fetch_one(payment_store.attempt_by_id(row["attempt_id"]))
        assert attempt is not None
        provider = self._payments.provider(attempt["provider"])
        try:
            ref = await provider.refund(
                attempt["psp_ref"], amount_minor=row["amount_minor"], key=row["id"]
            )
        except (NoAnswer, Busy, Rejected) as error:
            is_refused = isinstance(error, Rejected)
            event = "refund_refused" if is_refused else "refund_waits"
            _log.error(event, refund_id=row["id"], order_id=row["order_id"], error=repr(error))
            self.refunds_refused += is_refused
            await self._database.writer.submit(
                PutOffRefund(refund_id=row["id"], is_refused=is_refused)
            )
            return
        facts = await self._reader.facts(row["order_id"])
        await self._database.writer.submit(
            Refunded(
                facts=facts,
                attempt_id=attempt["id"],
                refund_id=row["id"],
                psp_ref=ref,
                holding=self._stock.holding,
            )
        )

    async def _take_event(self, row: Any) -> None:
        found = await self._database.fetch_one(
            payment_store.attempt_by_ref(row["provider"], row["psp_ref"])
        )
        if found is None:
            # Ours to come, or nobody's: the event may be quicker than the reference is stored.
            await self._payments.close_event(row["id"], "new")
            return
        provider = self._payments.provider(row["provider"])
        try:
            intent = await provider.retrieve(row["psp_ref"])
        except (NoAnswer, Busy, Rejected):
            await self._payments.close_event(row["id"], "new")
            return
        await self.apply(found["id"], intent)
        await self._payments.close_event(row["id"], "done")
