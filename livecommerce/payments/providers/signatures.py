"""Signed webhooks: `t=<seconds>,v1=<hex>`, HMAC-SHA256 over `<t>.<raw body>` (Stripe's scheme)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from livecommerce.kernel.errors import Code, Refused

TOLERANCE_S = 300


def sign(body: bytes, secret: bytes, at_s: int) -> str:
    """The header that goes with a body."""
    return f"t={at_s},v1={_digest(body, secret, str(at_s))}"


def verify(
    header: str | None, body: bytes, secrets: Sequence[bytes], now: int, *, field: str
) -> None:
    """Accepts a body signed with one of the secrets, at most 300 s ago or ahead.

    Raises:
        Refused: BAD_FIELD, for every fault alike.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    stamps = [value for name, _, value in parts if name == "t"]
    digests = [value for name, _, value in parts if name == "v1"]
    # Two stamps: one could be signed and the other one believed.
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or not digests:
        raise Refused(Code.BAD_FIELD, field=field)
    if len(stamps[0]) > 12 or abs(now // 1000 - int(stamps[0])) > TOLERANCE_S:
        raise Refused(Code.BAD_FIELD, field=field)
    expected = [_digest(body, secret, stamps[0]) for secret in secrets]
    matches = [
        hmac.compare_digest(ours.encode(), theirs.encode("utf-8", "surrogateescape"))
        for ours in expected
        for theirs in digests
    ]
    if not any(matches):
        raise Refused(Code.BAD_FIELD, field=field)


def _digest(body: bytes, secret: bytes, stamp: str) -> str:
    return hmac.new(secret, stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
