"""Tables of saved cards, payment attempts, refunds, and what providers told us."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from livecommerce.database.history import history_table
from livecommerce.database.schema import (
    id_column,
    metadata,
    number_column,
    text_column,
    time_column,
    version_column,
)
from livecommerce.payments.attempts import RefundState

Row = Mapping[Any, Any]


def _only(table: sa.Table, name: str, column: str, where: str, *, unique: bool = False) -> None:
    sa.Index(
        name,
        table.c[column],
        unique=unique,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )


cards = sa.Table(
    "cards",
    metadata,
    id_column(),
    text_column("person_id"),
    text_column("provider"),
    text_column("token"),
    text_column("brand"),
    text_column("last4"),
    text_column("expires"),
    time_column("created_at"),
    time_column("removed_at", nullable=True),
    version_column(),
    sa.Index(None, "person_id"),
)

payment_attempts = sa.Table(
    "payment_attempts",
    metadata,
    id_column(),
    text_column("order_id"),
    number_column("nth"),
    text_column("provider"),
    text_column("psp_ref", nullable=True),
    text_column("card_id"),
    text_column("state"),
    number_column("amount_minor"),
    text_column("currency"),
    number_column("captured_minor", default=0),
    number_column("refunded_minor", default=0),
    text_column("error_code", nullable=True),
    time_column("check_at", nullable=True),
    number_column("checks", default=0),
    time_column("created_at"),
    number_column("steps", default=0),
    version_column(),
    sa.CheckConstraint(
        "state IN ('created', 'confirming', 'requires_action', 'processing', 'unknown',"
        " 'canceling', 'succeeded', 'failed', 'canceled', 'surplus')",
        name="state",
    ),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("captured_minor IN (0, amount_minor)", name="captured"),
    sa.CheckConstraint("refunded_minor BETWEEN 0 AND captured_minor", name="refunded"),
    sa.UniqueConstraint("provider", "psp_ref"),
)
# At most one live or successful attempt an order: nobody is charged twice.
_only(
    payment_attempts,
    "uq_payment_attempts_open",
    "order_id",
    "state NOT IN ('failed', 'canceled', 'surplus')",
    unique=True,
)
_only(payment_attempts, "ix_payment_attempts_check", "check_at", "check_at IS NOT NULL")
sa.Index("ix_payment_attempts_order_id", payment_attempts.c.order_id)

refunds = sa.Table(
    "refunds",
    metadata,
    id_column(),
    text_column("attempt_id"),
    text_column("order_id"),
    number_column("amount_minor"),
    text_column("reason"),
    text_column("state"),
    text_column("psp_ref", nullable=True),
    time_column("check_at", nullable=True),
    number_column("checks", default=0),
    time_column("created_at"),
    number_column("steps", default=0),
    version_column(),
    sa.CheckConstraint("amount_minor > 0", name="amount"),
    sa.CheckConstraint("state IN ('requested', 'succeeded', 'failed')", name="state"),
    sa.Index(None, "attempt_id"),
)
_only(refunds, "ix_refunds_check", "check_at", "check_at IS NOT NULL")

psp_events = sa.Table(
    "psp_events",
    metadata,
    id_column(),
    text_column("provider"),
    text_column("kind"),
    text_column("psp_ref", nullable=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    text_column("state"),
    number_column("tries", default=0),
    time_column("due_at", nullable=True),
    time_column("created_at"),
    version_column(),
    sa.CheckConstraint("state IN ('new', 'done', 'ignored')", name="state"),
)
_only(psp_events, "ix_psp_events_due", "due_at", "due_at IS NOT NULL")

payment_transitions = history_table("payment_transitions", "attempt", "refund")


# Reading.


def cards_of(person_id: str) -> sa.Select[Any]:
    return (
        sa.select(cards)
        .where(cards.c.person_id == person_id, cards.c.removed_at.is_(None))
        .order_by(cards.c.id.desc())
    )


def card_by_id(card_id: str) -> sa.Select[Any]:
    return sa.select(cards).where(cards.c.id == card_id)


def attempt_by_id(attempt_id: str) -> sa.Select[Any]:
    return sa.select(payment_attempts).where(payment_attempts.c.id == attempt_id)


def attempt_by_ref(provider: str, ref: str) -> sa.Select[Any]:
    return sa.select(payment_attempts).where(
        payment_attempts.c.provider == provider, payment_attempts.c.psp_ref == ref
    )


def attempts_of(order_ids: Collection[str]) -> sa.Select[Any]:
    return sa.select(payment_attempts).where(payment_attempts.c.order_id.in_(sorted(order_ids)))


def refund_by_id(refund_id: str) -> sa.Select[Any]:
    return sa.select(refunds).where(refunds.c.id == refund_id)


def refunded_by_hand() -> sa.Select[Any]:
    """By attempt, what a person has paid back and the provider has not."""
    return (
        sa.select(
            refunds.c.attempt_id,
            sa.cast(sa.func.sum(refunds.c.amount_minor), sa.BigInteger).label("sum"),
        )
        .where(refunds.c.state == RefundState.SUCCEEDED.value, refunds.c.psp_ref.is_(None))
        .group_by(refunds.c.attempt_id)
    )


def refused_refunds() -> sa.Select[Any]:
    """Refunds that a provider said no to, oldest first, with the payment they are of."""
    attempt = payment_attempts
    return (
        sa.select(
            refunds, attempt.c.provider, attempt.c.psp_ref.label("payment_ref"), attempt.c.currency
        )
        .join(attempt, attempt.c.id == refunds.c.attempt_id)
        .where(refunds.c.state == RefundState.FAILED.value)
        .order_by(refunds.c.created_at, refunds.c.id)
    )


def due(table: sa.Table, now: int, limit: int) -> sa.Select[Any]:
    """Attempts or refunds that want a look, longest waiting first."""
    return (
        sa.select(table)
        .where(table.c.check_at.is_not(None), table.c.check_at <= now)
        .order_by(table.c.check_at)
        .limit(limit)
    )


def due_events(now: int, limit: int) -> sa.Select[Any]:
    return (
        sa.select(psp_events)
        .where(psp_events.c.due_at.is_not(None), psp_events.c.due_at <= now)
        .order_by(psp_events.c.due_at)
        .limit(limit)
    )
