"""What must be true of attempts to pay and of refunds at any moment."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.history import history_breaches
from livecommerce.database.verify import Breach, breaches, invariant
from livecommerce.payments import attempts as rules
from livecommerce.payments.attempts import AttemptState, RefundState
from livecommerce.payments.store import payment_attempts, payment_transitions, refunds

_ENDED_BADLY = ("failed", "canceled", "surplus")


@invariant("I9", "an order has at most one attempt that is open or has succeeded")
async def nobody_pays_twice(connection: AsyncConnection) -> list[Breach]:
    attempt = payment_attempts.c
    twice = (
        sa.select(attempt.order_id.label("subject"), sa.func.count().label("attempts"))
        .where(attempt.state.not_in(_ENDED_BADLY))
        .group_by(attempt.order_id)
        .having(sa.func.count() > 1)
    )
    return await breaches(connection, "I9", twice, "{attempts} attempts are open or succeeded")


@invariant(
    "I9a", "exactly the attempts that succeeded or are surplus have captured, all or nothing"
)
async def captures_fit_states(connection: AsyncConnection) -> list[Breach]:
    attempt = payment_attempts.c
    paid = attempt.state.in_([AttemptState.SUCCEEDED.value, AttemptState.SURPLUS.value])
    wrong = sa.select(
        attempt.id.label("subject"), attempt.state, attempt.captured_minor, attempt.amount_minor
    ).where(
        sa.or_(
            sa.and_(paid, attempt.captured_minor != attempt.amount_minor),
            sa.and_(sa.not_(paid), attempt.captured_minor != 0),
            attempt.amount_minor <= 0,
        )
    )
    message = "{state} with {captured_minor} of {amount_minor} captured"
    return await breaches(connection, "I9a", wrong, message)


@invariant("I10", "no more is refunded than was captured, and exactly what the refunds say")
async def refunds_add_up(connection: AsyncConnection) -> list[Breach]:
    attempt = payment_attempts.c
    done = (
        sa.select(
            refunds.c.attempt_id,
            sa.cast(sa.func.sum(refunds.c.amount_minor), sa.BigInteger).label("sum"),
        )
        .where(refunds.c.state == RefundState.SUCCEEDED.value)
        .group_by(refunds.c.attempt_id)
        .subquery()
    )
    total = sa.func.coalesce(done.c.sum, 0)
    wrong = (
        sa.select(
            attempt.id.label("subject"),
            attempt.refunded_minor,
            attempt.captured_minor,
            total.label("sum"),
        )
        .select_from(sa.outerjoin(payment_attempts, done, done.c.attempt_id == attempt.id))
        .where(
            sa.or_(
                attempt.refunded_minor != total,
                attempt.refunded_minor < 0,
                attempt.refunded_minor > attempt.captured_minor,
            )
        )
    )
    empty = sa.select(refunds.c.id.label("subject"), refunds.c.amount_minor).where(
        refunds.c.amount_minor <= 0
    )
    message = "{refunded_minor} of {captured_minor} refunded, its refunds are {sum}"
    return [
        *await breaches(connection, "I10", wrong, message),
        *await breaches(connection, "I10", empty, "refunds {amount_minor}"),
    ]


@invariant("I10a", "surplus money is on its way back")
async def surplus_goes_back(connection: AsyncConnection) -> list[Breach]:
    attempt = payment_attempts.c
    kept = (
        sa.select(attempt.id.label("subject"), attempt.captured_minor)
        .select_from(sa.outerjoin(payment_attempts, refunds, refunds.c.attempt_id == attempt.id))
        .where(attempt.state == AttemptState.SURPLUS.value, refunds.c.id.is_(None))
    )
    return await breaches(connection, "I10a", kept, "{captured_minor} kept without a refund")


@invariant("I12p", "every step of an attempt and of a refund is in the history")
async def steps_are_recorded(connection: AsyncConnection) -> list[Breach]:
    return [
        *await history_breaches(
            connection,
            "I12p",
            payment_attempts,
            {"attempt": payment_attempts.c.state},
            payment_transitions,
            initial={"attempt": {AttemptState.CREATED.value}},
            allowed={"attempt": rules.NEXT},
        ),
        *await history_breaches(
            connection,
            "I12p",
            refunds,
            {"refund": refunds.c.state},
            payment_transitions,
            initial={"refund": {RefundState.REQUESTED.value}},
            allowed={"refund": rules.REFUND_NEXT},
        ),
    ]
