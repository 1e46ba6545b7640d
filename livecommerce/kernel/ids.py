"""Ids: 26 characters of Crockford base32 that sort by the time they were made (the ULID layout).

Ours are made by the server for what it stores. Clients make ids too, for their commands; those are
only ever compared within one person's own commands (`is_client_id`).
"""

from __future__ import annotations

import re
import secrets
import time

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 26
# Two letters a step: an order makes several ids, and this is the hot path.
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_SHIFTS = tuple(range(10 * (LENGTH // 2 - 1), -1, -10))
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")


_last = 0


def new_id() -> str:
    """Makes an id: 48 bits of milliseconds, then 80 bits of which 79 are random. Never a secret.

    Those of one process sort in the order they were made, within a millisecond too: there, and
    while the clock is behind the last id, the next one is the last one and 32 random bits more.
    What is listed by id is listed as it came.
    """
    global _last
    # The top bit is left free for the sums of a millisecond.
    fresh = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(79)
    if fresh >> 80 > _last >> 80:
        _last = number = fresh
    else:
        _last = number = _last + 1 + (fresh & 0xFFFF_FFFF)
    return "".join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])


def is_client_id(text: str) -> bool:
    """Tells whether a client may use this as the id of a command: 16 to 64 of [A-Za-z0-9_-]."""
    return _CLIENT_ID.match(text) is not None
