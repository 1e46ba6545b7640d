"""Passwords: argon2id, at the cost OWASP asks for. Slow on purpose, so call these in a thread."""

from __future__ import annotations

import unicodedata
from typing import Final

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

# OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1, type=Type.ID)

NOBODY: Final = (
    "$argon2id$v=19$m=19456,t=2,p=1$e94V6Yig2qjrQYTWOBxrTA$"
    "CRUwr9+c1lNbl5F0MmE/cUuixobgoM1QoWIT/USk4fA"
)
"""A hash no password is known for: compared with where there is no account, so that an unknown
login takes as long to refuse as a wrong password."""


def hash_password(password: str) -> str:
    """Returns the text to store."""
    return _HASHER.hash(_bytes(password))


def is_password(stored: str, password: str) -> bool:
    """Tells whether this is the password that was stored."""
    try:
        return _HASHER.verify(stored, _bytes(password))
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Tells whether the stored text was made at another cost and should be made anew."""
    return _HASHER.check_needs_rehash(stored)


def _bytes(password: str) -> bytes:
    # The same key presses give different code points on different systems.
    return unicodedata.normalize("NFC", password).encode()
