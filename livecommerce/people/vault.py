"""Envelope encryption: one data key a person, wrapped by the region's key; one seal a record.

Every seal is bound to where it belongs (region, person, record), so a record copied onto another
person or taken to another region does not open. Destroying the wrapped data key destroys all a
person's records, in backups too.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_LENGTH: Final = 32
NONCE_LENGTH: Final = 12


class SealBroken(Exception):
    """A record does not open: it was changed or moved, or the region's key is not its key."""


@dataclass(frozen=True, slots=True, repr=False)
class RegionKeys:
    """The two keys of a region: one wraps data keys, one makes blind indexes."""

    region: str
    wrapping: bytes
    blinding: bytes


def region_keys(region: str, key: bytes) -> RegionKeys:
    """Derives the keys of a region from its one secret of at least 32 bytes."""
    assert len(key) >= KEY_LENGTH, "the region's key is too short"
    assert region and "|" not in region, region
    return RegionKeys(region, derive(key, f"{region} wrapping"), derive(key, f"{region} blinding"))


def derive(key: bytes, purpose: str) -> bytes:
    """Returns a key for one purpose; it tells nothing about the keys for others."""
    info = f"livecommerce {purpose}".encode()
    return HKDF(hashes.SHA256(), KEY_LENGTH, salt=None, info=info).derive(key)


def blind_index(keys: RegionKeys, kind: str, value: str) -> str:
    """Returns what stands for a login where it is looked up: equal logins give equal texts."""
    return hmac.new(keys.blinding, f"{kind}|{value}".encode(), sha256).hexdigest()


def wrap_key(keys: RegionKeys, person_id: str, data_key: bytes, *, nonce: bytes) -> bytes:
    """Seals a person's data key under the region's key."""
    return _seal(keys.wrapping, data_key, f"{keys.region}|{person_id}|data key", nonce)


def unwrap_key(keys: RegionKeys, person_id: str, wrapped: bytes) -> bytes:
    """Returns a person's data key. Raises SealBroken."""
    return _open(keys.wrapping, wrapped, f"{keys.region}|{person_id}|data key")


def seal(
    data_key: bytes, plain: bytes, *, region: str, person_id: str, record_id: str, nonce: bytes
) -> bytes:
    """Returns nonce, ciphertext and tag of one record."""
    return _seal(data_key, plain, f"{region}|{person_id}|{record_id}", nonce)


def open_sealed(
    data_key: bytes, sealed: bytes, *, region: str, person_id: str, record_id: str
) -> bytes:
    """Returns what was sealed for exactly this record. Raises SealBroken."""
    return _open(data_key, sealed, f"{region}|{person_id}|{record_id}")


def _seal(key: bytes, plain: bytes, belongs_to: str, nonce: bytes) -> bytes:
    assert len(nonce) == NONCE_LENGTH
    return nonce + AESGCM(key).encrypt(nonce, plain, belongs_to.encode())


def _open(key: bytes, sealed: bytes, belongs_to: str) -> bytes:
    nonce, rest = sealed[:NONCE_LENGTH], sealed[NONCE_LENGTH:]
    try:
        return AESGCM(key).decrypt(nonce, rest, belongs_to.encode())
    except (InvalidTag, ValueError) as problem:
        raise SealBroken(belongs_to.partition("|")[0]) from problem
