"""The one table of error codes: HTTP status, whether the socket closes, and when to try again."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from livecommerce.kernel.errors import Code, Refused


class CloseCode(IntEnum):
    """Why a socket was closed. 4000-4499: come back; 4500-4999: do not (Centrifugo's rule)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_UTF8 = 1007
    TOO_BIG = 1009
    INTERNAL = 1011
    DRAINING = 4001
    TOKEN_EXPIRED = 4002
    TOO_SLOW = 4008
    NO_HELLO = 4009
    NO_PONG = 4012
    RATE_LIMITED = 4029
    SIGNED_OUT = 4401
    BANNED = 4500
    PROTOCOL_TOO_OLD = 4501
    MALFORMED = 4502


class Retry(StrEnum):
    NEVER = "never"
    """The same request will be refused again."""
    SAME_ID = "same_id"
    """Send it again with the same id: it has had no effect, or its effect will be told."""
    NEW_ID = "new_id"
    """Ask the person, then send a changed request under a new id."""
    AFTER = "after"
    """Wait `after_ms`, then send it again with the same id."""
    RECONNECT = "reconnect"
    """Get a new token or connection first."""


class Rule(NamedTuple):
    status: int
    retry: Retry
    close: CloseCode | None = None


WAIT_MS = 1_000
"""What a client is told to wait where the refusal knows nothing better."""

TABLE: dict[Code, Rule] = {
    Code.BAD_JSON: Rule(400, Retry.NEVER),
    Code.BAD_FRAME: Rule(400, Retry.NEVER, CloseCode.UNSUPPORTED_DATA),
    Code.TOO_LARGE: Rule(413, Retry.NEVER, CloseCode.TOO_BIG),
    Code.METHOD_NOT_ALLOWED: Rule(405, Retry.NEVER),
    Code.UNSUPPORTED_MEDIA_TYPE: Rule(415, Retry.NEVER),
    Code.TOKEN_IN_URL: Rule(400, Retry.NEVER),
    Code.ORIGIN_NOT_ALLOWED: Rule(403, Retry.NEVER),
    Code.PROTOCOL_TOO_OLD: Rule(426, Retry.NEVER, CloseCode.PROTOCOL_TOO_OLD),
    Code.HELLO_EXPECTED: Rule(400, Retry.RECONNECT, CloseCode.NO_HELLO),
    Code.UNAUTHENTICATED: Rule(401, Retry.RECONNECT),
    Code.WRONG_CREDENTIALS: Rule(401, Retry.NEW_ID),
    Code.RATE_LIMITED: Rule(429, Retry.AFTER),
    Code.SERVER_BUSY: Rule(503, Retry.AFTER),
    Code.UNAVAILABLE: Rule(503, Retry.AFTER),
    Code.FORBIDDEN: Rule(403, Retry.NEVER),
    Code.BANNED: Rule(403, Retry.NEVER),
    Code.MUTED: Rule(403, Retry.AFTER),
    Code.UNKNOWN_VERB: Rule(400, Retry.NEVER),
    Code.UNKNOWN_FIELD: Rule(400, Retry.NEVER),
    Code.MISSING_FIELD: Rule(400, Retry.NEVER),
    Code.BAD_FIELD: Rule(400, Retry.NEVER),
    Code.BAD_ID: Rule(400, Retry.NEVER),
    Code.QTY: Rule(400, Retry.NEVER),
    Code.CURRENCY: Rule(400, Retry.NEVER),
    Code.IDEMPOTENCY_KEY_REQUIRED: Rule(400, Retry.NEVER),
    Code.IDEMPOTENCY_MISMATCH: Rule(422, Retry.NEVER),
    Code.IN_FLIGHT: Rule(409, Retry.AFTER),
    Code.NOT_JOINED: Rule(409, Retry.NEW_ID),
    Code.NOT_FOUND: Rule(404, Retry.NEVER),
    Code.ALREADY_EXISTS: Rule(409, Retry.NEVER),
    Code.BAD_TRANSITION: Rule(409, Retry.NEVER),
    Code.SHOW_NOT_OPEN: Rule(409, Retry.NEW_ID),
    Code.NOT_LIVE: Rule(409, Retry.NEW_ID),
    Code.HOLD_EXPIRED: Rule(409, Retry.NEW_ID),
    Code.NOT_DELIVERED_THERE: Rule(409, Retry.NEW_ID),
    Code.CONFLICT: Rule(409, Retry.NEW_ID),
    Code.PRICE_CHANGED: Rule(409, Retry.NEW_ID),
    Code.LIMIT_REACHED: Rule(409, Retry.NEW_ID),
    Code.TOO_MANY_UNPAID: Rule(409, Retry.NEW_ID),
    Code.SOLD_OUT: Rule(409, Retry.NEW_ID),
    Code.STOCK_COMMITTED: Rule(409, Retry.NEW_ID),
    Code.BAG_FULL: Rule(409, Retry.NEW_ID),
    Code.SLOT_TAKEN: Rule(409, Retry.NEW_ID),
    Code.ADDRESS_REQUIRED: Rule(409, Retry.NEW_ID),
    Code.PHONE_REQUIRED: Rule(409, Retry.NEW_ID),
    Code.PAYMENT_METHOD_REQUIRED: Rule(409, Retry.NEW_ID),
    Code.PAYMENT_DECLINED: Rule(402, Retry.NEW_ID),
    Code.PAYMENT_UNAVAILABLE: Rule(503, Retry.AFTER),
    Code.MESSAGE_EMPTY: Rule(400, Retry.NEVER),
    Code.MESSAGE_TOO_LONG: Rule(400, Retry.NEVER),
    Code.SLOW_MODE: Rule(429, Retry.AFTER),
    Code.UNDO_EXPIRED: Rule(409, Retry.NEVER),
    Code.INTERNAL: Rule(500, Retry.SAME_ID),
}


def wait_ms(refused: Refused) -> int | None:
    """Returns how long to wait before trying again; None when waiting does not help."""
    if refused.retry_after_ms is None and TABLE[refused.code].retry is Retry.AFTER:
        return WAIT_MS
    return refused.retry_after_ms
