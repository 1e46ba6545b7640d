"""Tokens: made and read, pure. Our own access and refresh tokens, and those of a platform we trust.

A token is refused in one way whatever is wrong with it (`Refused(UNAUTHENTICATED)`): telling the
faults apart would only help somebody who makes tokens up.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor, Kind, clean_name, platform_person_id
from livecommerce.people.vault import derive

ACCESS_S: Final = 600
LEEWAY_S: Final = 60
"""How far clocks may be apart; a token is honoured this much longer than it says."""
TOKEN_MAX: Final = 4096
SUBJECT_MAX: Final = 255
SECRET_MIN: Final = 32
REUSE_GRACE_MS: Final = 10_000
"""A refresh token may be shown again this long after it was exchanged, and gets the same answer:
two tabs share one cookie, and an answer may be lost on the way."""

OWN: Final = "livecommerce"
"""Issuer and audience of our own access tokens."""
_ACCESS_TYPE: Final = "at+jwt"  # RFC 9068
_PLATFORM_TYPES: Final = frozenset({None, "jwt", "at+jwt"})
# A token must not say where its own key is to be found (RFC 8725, 3.10), nor change the rules.
_FORBIDDEN_HEADERS: Final = frozenset(
    {"jku", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64"}
)
_KEY_KINDS: Final[Mapping[str, type[Key]]] = {
    "HS256": OctKey,
    "RS256": RSAKey,
    "EdDSA": OKPKey,
    "Ed25519": OKPKey,
}
_RSA_BITS_MIN: Final = 2048
_MARKET = re.compile(r"[A-Z]{2}\Z")


class _Registry(JWSRegistry):
    """joserfc's, but silent about the name EdDSA: deprecated by RFC 9864, and used by platforms."""

    def get_alg(self, name: str):  # type: ignore[no-untyped-def]  # joserfc hides the type's name
        assert name in _KEY_KINDS
        return self.algorithms[name]


_REGISTRY: Final = _Registry(algorithms=list(_KEY_KINDS))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PlatformTrust:
    """Whose tokens we take besides our own, and where the keys come from: exactly one place.

    Args:
        algorithms: what they may be signed with; only what fits the kind of key counts.
        secret: shared with the platform, at least 32 bytes, for HS256.
        public_key: PEM of one RSA or Ed25519 key.
        jwks: a file or https address of a key set; read again every ten minutes.
    """

    issuer: str
    audience: str
    algorithms: tuple[str, ...] = ("RS256", "EdDSA", "Ed25519", "HS256")
    secret: str | None = None
    public_key: str | None = None
    jwks: str | None = None

    def __post_init__(self) -> None:
        if self.issuer == OWN or not self.issuer or not self.audience:
            raise ValueError("the platform needs an issuer of its own and an audience")
        if unknown := set(self.algorithms) - _KEY_KINDS.keys():
            raise ValueError(f"unknown algorithms: {sorted(unknown)}")
        if sum(place is not None for place in (self.secret, self.public_key, self.jwks)) != 1:
            raise ValueError("give one of secret, public_key and jwks")


@dataclass(frozen=True, slots=True, repr=False)
class OwnKeys:
    access: OctKey
    refresh: bytes


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that holds says."""

    actor: Actor
    market: str | None
    expires_at: int
    """Epoch milliseconds until which it is honoured."""


def own_keys(secret: bytes) -> OwnKeys:
    """Derives the keys of our own tokens from the server's secret."""
    if len(secret) < SECRET_MIN:
        raise ValueError(f"the server's secret needs at least {SECRET_MIN} bytes")
    access = OctKey.import_key(derive(secret, "access tokens"))
    return OwnKeys(access, derive(secret, "refresh tokens"))


def sign_access(keys: OwnKeys, actor: Actor, *, market: str, now: int) -> tuple[str, int]:
    """Returns an access token, and when it ends (epoch milliseconds)."""
    issued = now // 1000
    claims = {
        "iss": OWN,
        "aud": OWN,
        "sub": actor.person_id,
        "iat": issued,
        "exp": issued + ACCESS_S,
        "name": actor.name,
        "kind": actor.kind,
        "sid": actor.sign_in_id,
        "market": market,
    }
    header = {"alg": "HS256", "typ": _ACCESS_TYPE}
    token = jws.serialize_compact(header, orjson.dumps(claims), keys.access, registry=_REGISTRY)
    return token, (issued + ACCESS_S) * 1000


@dataclass(frozen=True, slots=True)
class Unproven:
    """A token taken apart, its signature not looked at: believe nothing but which key to try."""

    signed: jws.CompactSignature
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def issuer(self) -> object:
        return self.claims.get("iss")

    @property
    def key_id(self) -> object:
        return self.header.get("kid")


def take_apart(token: str) -> Unproven:
    """Splits a token. Raises Refused(UNAUTHENTICATED) when it is none of ours to read."""
    if len(token) > TOKEN_MAX or not token.isascii():
        raise _no()
    try:
        signed = jws.extract_compact(token.encode(), registry=_REGISTRY)
        header, claims = signed.headers(), orjson.loads(signed.payload or b"")
    except (JoseError, ValueError, TypeError, AttributeError) as problem:
        raise _no() from problem
    if not isinstance(claims, dict):
        raise _no()
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in _KEY_KINDS:
        raise _no()
    if header.keys() & _FORBIDDEN_HEADERS:
        raise _no()
    return Unproven(signed, header, claims)


def read_access(token: Unproven, keys: OwnKeys, now: int) -> Claims:
    """Returns what an access token of ours says. Raises Refused(UNAUTHENTICATED)."""
    if token.header.get("typ") != _ACCESS_TYPE or token.header["alg"] != "HS256":
        raise _no()
    _prove(token, keys.access)
    claims = token.claims
    expires_at = _check_claims(claims, OWN, OWN, now)
    person_id, name, kind = (claims.get(claim) for claim in ("sub", "name", "kind"))
    sign_in_id, market = claims.get("sid"), claims.get("market")
    # Proven to be ours, so the claims are as `sign_access` wrote them.
    assert isinstance(person_id, str) and isinstance(name, str) and isinstance(kind, str)
    assert isinstance(sign_in_id, str) and isinstance(market, str)
    return Claims(Actor(person_id, name, kind, sign_in_id), market, expires_at)


def read_platform(token: Unproven, trust: PlatformTrust, keys: Sequence[Key], now: int) -> Claims:
    """Returns what a token of the platform says. Raises Refused(UNAUTHENTICATED)."""
    kind = token.header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _PLATFORM_TYPES:
        raise _no()
    algorithm = token.header["alg"]
    if algorithm not in trust.algorithms:
        raise _no()
    _prove(token, choose_key(keys, algorithm, token.key_id))
    claims = token.claims
    expires_at = _check_claims(claims, trust.issuer, trust.audience, now)
    subject, market = claims.get("sub"), claims.get("market")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX:
        raise _no()
    if market is not None and not (isinstance(market, str) and _MARKET.match(market)):
        raise _no()
    person_id = platform_person_id(trust.issuer, subject)
    name = _display_name(claims.get("name"), person_id)
    return Claims(Actor(person_id, name, Kind.PLATFORM), market, expires_at)


def choose_key(keys: Sequence[Key], algorithm: str, key_id: object) -> Key:
    """Returns the key to try. Raises Refused(UNAUTHENTICATED) when none, or more than one, fits.

    The algorithm has to fit the key's kind, or a public key would pass for a shared secret.
    """
    fitting = [key for key in keys if isinstance(key, _KEY_KINDS[algorithm])]
    if key_id is not None and any(key.kid is not None for key in fitting):
        fitting = [key for key in fitting if key.kid == key_id]
    if len(fitting) != 1:
        raise _no()
    return fitting[0]


def static_keys(trust: PlatformTrust) -> list[Key]:
    """Returns the key of the settings; none when they name a key set. Raises ValueError."""
    if trust.secret is not None:
        if len(trust.secret.encode()) < SECRET_MIN:
            raise ValueError(f"the platform's secret needs at least {SECRET_MIN} bytes")
        return [OctKey.import_key(trust.secret.encode())]
    if trust.public_key is None:
        return []
    for kind in (RSAKey, OKPKey):
        try:
            key: Key = kind.import_key(trust.public_key)
        except (JoseError, ValueError, TypeError, AttributeError):
            continue
        if is_strong(key):
            return [key]
    raise ValueError("public_key is not the PEM of an Ed25519 key, or an RSA key of 2048 bits")


def read_key_set(document: bytes) -> list[Key]:
    """Returns the keys of a JWKS we can use. Raises ValueError for no key set.

    Shared secrets are passed over: a set that is published must not hold any.
    """
    entries = orjson.loads(document).get("keys")
    if not isinstance(entries, list):
        raise ValueError("no keys in the key set")
    keys: list[Key] = []
    for entry in entries:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        try:
            key = _published_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if key is not None and is_strong(key):
            keys.append(key)
    return keys


def _published_key(entry: dict[str, Any]) -> Key | None:
    match entry.get("kty"):
        case "RSA":
            return RSAKey.import_key(entry)
        case "OKP":
            return OKPKey.import_key(entry)
        case _:
            return None


def is_strong(key: Key) -> bool:
    """Tells whether we accept signatures of this key."""
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= _RSA_BITS_MIN
    return isinstance(key, OKPKey) and key.as_dict(private=False).get("crv") == "Ed25519"


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a refresh token says: it is this generation of this person's sign-in."""

    sign_in_id: str
    person_id: str
    generation: int


def make_refresh(keys: OwnKeys, claims: RefreshClaims) -> str:
    """Returns the refresh token that says this: the claims, and our mark on them.

    The database keeps only the number of the generation, so that reading the database gives nobody
    a token, and a token is refused or taken without looking for it.
    """
    said = f"{claims.sign_in_id}.{claims.person_id}.{claims.generation}"
    mark = base64.urlsafe_b64encode(hmac.digest(keys.refresh, said.encode(), sha256))
    return f"{said}.{mark.decode().rstrip('=')}"


def read_refresh(keys: OwnKeys, token: str) -> RefreshClaims | None:
    """Returns what a refresh token says, or None for a token we have not made."""
    parts = token.split(".")
    if len(parts) != 4 or not token.isascii():
        return None
    sign_in_id, person_id, number, _ = parts
    if not 0 < len(number) < 10 or not number.isdigit():
        return None
    claims = RefreshClaims(sign_in_id, person_id, int(number))
    return claims if hmac.compare_digest(token, make_refresh(keys, claims)) else None


def _prove(token: Unproven, key: Key) -> None:
    try:
        proven = jws.validate_compact(token.signed, key, registry=_REGISTRY)
    except (JoseError, ValueError) as problem:
        raise _no() from problem
    if not proven:
        raise _no()


def _check_claims(claims: Mapping[str, Any], issuer: str, audience: str, now: int) -> int:
    """Checks for whom and when the token is; returns until when it is honoured."""
    said = claims.get("aud")
    meant_for = said if isinstance(said, list) else [said]
    if claims.get("iss") != issuer or audience not in meant_for:
        raise _no()
    expires_at = _moment(claims, "exp") + LEEWAY_S * 1000
    if now >= expires_at:
        raise _no()
    for claim in ("nbf", "iat"):
        if claim in claims and _moment(claims, claim) > now + LEEWAY_S * 1000:
            raise _no()
    return expires_at


def _moment(claims: Mapping[str, Any], claim: str) -> int:
    value = claims.get(claim)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 2**40:
        raise _no()
    return int(value * 1000)


def _display_name(said: object, person_id: str) -> str:
    # A name we cannot show must not lock anybody out.
    try:
        return clean_name(said[:40] if isinstance(said, str) else "")
    except Refused:
        return f"Viewer {person_id[-4:]}"


def _no() -> Refused:
    return Refused(Code.UNAUTHENTICATED)
