"""The permanent error codes, and the one exception that carries them.

A code is a promise to clients: it is never renamed or reused. What a code means on HTTP and on a
socket stands in `livecommerce.protocol.codes`; the sentence a person reads is chosen by the client.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """Every error a client can meet, in order of precedence: of two, the upper is told."""

    # What arrived is not a message at all.
    BAD_JSON = "bad_json"
    BAD_FRAME = "bad_frame"
    TOO_LARGE = "too_large"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    TOKEN_IN_URL = "token_in_url"
    ORIGIN_NOT_ALLOWED = "origin_not_allowed"
    PROTOCOL_TOO_OLD = "protocol_too_old"

    # Who are you, and may you?
    HELLO_EXPECTED = "hello_expected"
    UNAUTHENTICATED = "unauthenticated"
    WRONG_CREDENTIALS = "wrong_credentials"
    RATE_LIMITED = "rate_limited"
    SERVER_BUSY = "server_busy"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"
    BANNED = "banned"
    MUTED = "muted"

    # Is it well formed?
    UNKNOWN_VERB = "unknown_verb"
    UNKNOWN_FIELD = "unknown_field"
    MISSING_FIELD = "missing_field"
    BAD_FIELD = "bad_field"
    BAD_ID = "bad_id"
    QTY = "qty"
    CURRENCY = "currency"
    IDEMPOTENCY_KEY_REQUIRED = "idempotency_key_required"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    IN_FLIGHT = "in_flight"

    # Does it exist, and is it open?
    NOT_JOINED = "not_joined"
    NOT_FOUND = "not_found"
    ALREADY_EXISTS = "already_exists"
    BAD_TRANSITION = "bad_transition"
    SHOW_NOT_OPEN = "show_not_open"
    NOT_LIVE = "not_live"
    HOLD_EXPIRED = "hold_expired"
    NOT_DELIVERED_THERE = "not_delivered_there"
    CONFLICT = "conflict"

    # Is there enough, and is it what you agreed to?
    PRICE_CHANGED = "price_changed"
    LIMIT_REACHED = "limit_reached"
    TOO_MANY_UNPAID = "too_many_unpaid"
    SOLD_OUT = "sold_out"
    STOCK_COMMITTED = "stock_committed"
    BAG_FULL = "bag_full"
    SLOT_TAKEN = "slot_taken"
    ADDRESS_REQUIRED = "address_required"
    PHONE_REQUIRED = "phone_required"
    PAYMENT_METHOD_REQUIRED = "payment_method_required"
    PAYMENT_DECLINED = "payment_declined"
    PAYMENT_UNAVAILABLE = "payment_unavailable"

    # Chat.
    MESSAGE_EMPTY = "message_empty"
    MESSAGE_TOO_LONG = "message_too_long"
    SLOW_MODE = "slow_mode"
    UNDO_EXPIRED = "undo_expired"

    # Ours alone.
    INTERNAL = "internal"


class Refused(Exception):
    """The rules say no. Nothing was changed.

    Args:
        code: what the client is told.
        field: the offending field of the request, if it is about one.
        retry_after_ms: how long to wait before the same request can succeed.
        data: facts a client may show, JSON-compatible, never personal and never internal.
    """

    def __init__(
        self,
        code: Code,
        *,
        field: str | None = None,
        retry_after_ms: int | None = None,
        **data: Any,
    ) -> None:
        super().__init__(code.value)
        self.code = code
        self.field = field
        self.retry_after_ms = retry_after_ms
        self.data = data

    def __str__(self) -> str:
        details = {"field": self.field, "retry_after_ms": self.retry_after_ms, **self.data}
        said = ", ".join(
            f"{name}={value!r}" for name, value in details.items() if value is not None
        )
        return f"{self.code.value}({said})"
