import base64
import hmac
import json
import time
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey, RSAKey

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor, platform_person_id
from livecommerce.people.tokens import (
    Claims,
    PlatformTrust,
    RefreshClaims,
    make_refresh,
    own_keys,
    read_access,
    read_key_set,
    read_platform,
    read_refresh,
    sign_access,
    static_keys,
    take_apart,
)

NOW = 1_800_000_000_000
NOW_S = NOW // 1000
KEYS = own_keys(b"k" * 32)
SARA = Actor("01SARA", "سارة", "account", "01SIGNIN")
SHARED = "shared between platform and shop, 32 bytes"
ISSUER = "https://platform.example"
RSA = RSAKey.generate_key(2048, auto_kid=True)
ED = OKPKey.generate_key("Ed25519", auto_kid=True)
CLAIMS = {"iss": ISSUER, "aud": "shop", "sub": "42", "name": "Sara", "exp": NOW_S + 300}


def trust(**source: Any) -> PlatformTrust:
    return PlatformTrust(issuer=ISSUER, audience="shop", **(source or {"secret": SHARED}))


def signed(claims: dict[str, Any], key: Any = None, **header: Any) -> str:
    key = key or OctKey.import_key(SHARED)
    algorithm = header.setdefault("alg", "HS256")
    return jws.serialize_compact(header, json.dumps(claims), key, algorithms=[algorithm])


def raw(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """A token made by hand: no library would sign these."""

    def part(value: Any) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    body = part(header) + b"." + part(claims)
    mark = base64.urlsafe_b64encode(hmac.digest(key, body, sha256)).rstrip(b"=")
    return (body + b"." + mark).decode()


def read(token: str, keys: Any = None, now: int = NOW, **source: Any) -> Claims:
    told = trust(**source)
    return read_platform(take_apart(token), told, keys or static_keys(told), now)


def is_read(token: str, keys: Any = None, **source: Any) -> bool:
    return read(token, keys, **source).actor.name == "Sara"


def is_refused(call: Any) -> bool:
    with pytest.raises(Refused) as refused:
        call()
    assert refused.value.code is Code.UNAUTHENTICATED
    assert not refused.value.data
    assert refused.value.field is None
    return True


# ---- our own ------------------------------------------------------------------------------------


def test_an_access_token_says_who_it_is():
    token, expires_at = sign_access(KEYS, SARA, market="KW", now=NOW)
    unproven = take_apart(token)
    assert unproven.header == {"alg": "HS256", "typ": "at+jwt"}
    claims = read_access(unproven, KEYS, NOW)
    assert (claims.actor, claims.market) == (SARA, "KW")
    assert expires_at == NOW + 600_000
    assert claims.expires_at == expires_at + 60_000


def test_an_access_token_ends():
    token, expires_at = sign_access(KEYS, SARA, market="SA", now=NOW)
    assert read_access(take_apart(token), KEYS, expires_at + 59_999).actor == SARA
    assert is_refused(lambda: read_access(take_apart(token), KEYS, expires_at + 60_000))


def test_an_access_token_of_another_server():
    token, _ = sign_access(own_keys(b"x" * 32), SARA, market="SA", now=NOW)
    assert is_refused(lambda: read_access(take_apart(token), KEYS, NOW))


def test_a_platform_cannot_make_our_tokens():
    forged = signed({**CLAIMS, "iss": "livecommerce", "aud": "livecommerce"}, typ="at+jwt")
    assert is_refused(lambda: read_access(take_apart(forged), KEYS, NOW))


@given(st.integers(min_value=0))
def test_a_changed_bit_is_noticed(place: int):
    token, _ = sign_access(KEYS, SARA, market="SA", now=NOW)
    head, body, mark = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    parts = [bytearray(head), bytearray(body), bytearray(mark)]
    part = parts[place % 3]
    bit = place // 3 % (len(part) * 8)
    part[bit // 8] ^= 1 << bit % 8
    changed = ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)
    assert is_refused(lambda: read_access(take_apart(changed), KEYS, NOW))


@given(st.text(max_size=300))
def test_any_text_is_refused_like_every_bad_token(text: str):
    assert is_refused(lambda: read_access(take_apart(text), KEYS, NOW))


@pytest.mark.parametrize(
    "token", ["", "..", "a.b.c", "é.b.c", "x" * 5000, "e30.e30.", "W10.W10.e30"]
)
def test_what_is_no_token(token: str):
    assert is_refused(lambda: take_apart(token))


# ---- a platform's -------------------------------------------------------------------------------


def test_a_platform_person():
    claims = read(signed(CLAIMS))
    assert claims.actor == Actor(platform_person_id(ISSUER, "42"), "Sara", "platform", None)
    assert claims.market is None
    assert claims.expires_at == (NOW_S + 360) * 1000


@pytest.mark.parametrize(
    "change",
    [
        {"market": "KW"},
        {"aud": ["other", "shop"]},
        {"nbf": NOW_S + 59},
        {"iat": NOW_S + 59},
        {"exp": NOW_S - 59},
        {"exp": NOW_S + 0.5},
        {"more": {"than": "asked"}},
    ],
)
def test_claims_that_hold(change: dict[str, Any]):
    assert read(signed({**CLAIMS, **change})).actor.name == "Sara"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"aud": {"shop": 1}},
        {"exp": NOW_S - 60},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": -1},
        {"nbf": NOW_S + 61},
        {"nbf": "soon"},
        {"iat": NOW_S + 61},
        {"sub": ""},
        {"sub": 42},
        {"sub": "x" * 256},
        {"sub": None},
        {"market": "kw"},
        {"market": 1},
    ],
)
def test_claims_that_do_not(change: dict[str, Any]):
    token = signed({key: value for key, value in {**CLAIMS, **change}.items() if value is not None})
    assert is_refused(lambda: read(token))


@pytest.mark.parametrize("missing", ["iss", "aud", "exp", "sub"])
def test_claims_that_must_be_there(missing: str):
    token = signed({key: value for key, value in CLAIMS.items() if key != missing})
    assert is_refused(lambda: read(token))


@pytest.mark.parametrize("name", [None, "", "\u202e", 7, "a\0b"])
def test_a_name_that_cannot_be_shown_locks_nobody_out(name: object):
    assert read(signed({**CLAIMS, "name": name})).actor.name.startswith("Viewer ")


def test_a_long_name_is_cut():
    assert read(signed({**CLAIMS, "name": "x" * 300})).actor.name == "x" * 40


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "AT+JWT"])
def test_types_platforms_use(kind: str):
    assert is_read(signed(CLAIMS, typ=kind))


@pytest.mark.parametrize("kind", ["dpop+jwt", "logout+jwt", "secevent+jwt"])
def test_a_token_for_another_use_is_none(kind: str):
    assert is_refused(lambda: read(signed(CLAIMS, typ=kind)))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "HS512"},
        {"alg": ["HS256"]},
        {},
        {"alg": "HS256", "jku": "https://evil.example/keys"},
        {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}},
        {"alg": "HS256", "x5u": "https://evil.example/cert"},
        {"alg": "HS256", "x5c": ["AAAA"]},
        {"alg": "HS256", "crit": ["exp"]},
        {"alg": "HS256", "b64": False, "crit": ["b64"]},
        {"alg": "HS256", "typ": 7},
        {"alg": "RS256"},
        {"alg": "EdDSA"},
    ],
)
def test_headers_that_are_refused(header: dict[str, Any]):
    assert is_refused(lambda: read(raw(header, CLAIMS, SHARED.encode())))


def test_no_signature_is_no_signature():
    head, body, _ = signed(CLAIMS).split(".")
    assert is_refused(lambda: read(f"{head}.{body}."))


def test_a_public_key_is_no_shared_secret():
    pem = RSA.as_pem(private=False)
    forged = raw({"alg": "HS256"}, CLAIMS, pem)
    assert is_refused(lambda: read(forged, public_key=pem.decode()))
    assert is_read(signed(CLAIMS, RSA, alg="RS256"), public_key=pem.decode())


def test_only_algorithms_of_the_settings():
    told = PlatformTrust(
        issuer=ISSUER, audience="shop", algorithms=("EdDSA",), public_key=pem_of(ED)
    )
    token = signed(CLAIMS, ED, alg="Ed25519")
    assert is_refused(lambda: read_platform(take_apart(token), told, static_keys(told), NOW))


def pem_of(key: Any) -> str:
    return str(key.as_pem(private=False).decode())


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "Ed25519"])
def test_ed25519_by_both_its_names(algorithm: str):
    assert is_read(signed(CLAIMS, ED, alg=algorithm), public_key=pem_of(ED))


def key_set(*keys: Any, **more: Any) -> bytes:
    return json.dumps({"keys": [{**key.as_dict(private=False), **more} for key in keys]}).encode()


def test_a_key_set_is_chosen_from_by_key_id():
    keys = read_key_set(key_set(RSA, ED))
    assert len(keys) == 2
    assert is_read(signed(CLAIMS, RSA, alg="RS256", kid=RSA.kid), keys)
    assert is_read(signed(CLAIMS, RSA, alg="RS256"), keys)
    assert is_refused(lambda: read(signed(CLAIMS, RSA, alg="RS256", kid="unknown"), keys))
    assert is_refused(lambda: read(signed(CLAIMS, RSA, alg="RS256", kid=ED.kid), keys))
    assert is_refused(lambda: read(raw({"alg": "RS256", "kid": 7}, CLAIMS, b"x"), keys))


def test_two_keys_that_fit_need_a_key_id():
    other = RSAKey.generate_key(2048, auto_kid=True)
    keys = read_key_set(key_set(RSA, other))
    assert is_read(signed(CLAIMS, other, alg="RS256", kid=other.kid), keys)
    assert is_refused(lambda: read(signed(CLAIMS, other, alg="RS256"), keys))
    assert is_refused(lambda: read(signed(CLAIMS, other, alg="RS256", kid=RSA.kid), keys))


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_a_key_set_gives_no_secrets_no_weak_keys_and_none_for_other_uses():
    weak = RSAKey.generate_key(1024, auto_kid=True)
    published = json.loads(key_set(weak))["keys"]
    published += [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-256"}, 7]
    published += [{**RSA.as_dict(private=False), "use": "enc"}]
    assert read_key_set(json.dumps({"keys": published}).encode()) == []


@pytest.mark.parametrize("document", [b"{}", b'{"keys": 1}', b"<html>", b""])
def test_what_is_no_key_set(document: bytes):
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError says it
        read_key_set(document)


@pytest.mark.filterwarnings("ignore:Key size should be")
def test_settings_that_cannot_be():
    weak = RSAKey.generate_key(1024)
    for source in (
        {"secret": "short"},
        {"public_key": "no key"},
        {"public_key": pem_of(weak)},
        {"secret": SHARED, "jwks": "keys.json"},
    ):
        with pytest.raises(ValueError, match=r"needs|not the PEM|give one"):
            static_keys(trust(**source))
    with pytest.raises(ValueError, match="issuer"):
        PlatformTrust(issuer="livecommerce", audience="a", secret=SHARED)
    with pytest.raises(ValueError, match="none"):
        PlatformTrust(issuer="i", audience="a", secret=SHARED, algorithms=("none",))
    with pytest.raises(ValueError, match="32 bytes"):
        own_keys(b"short")


def test_a_private_key_in_the_settings_works_as_its_public_half():
    private = RSA.raw_value.private_bytes(  # type: ignore[union-attr]
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert is_read(signed(CLAIMS, RSA, alg="RS256"), public_key=private.decode())


# ---- refresh tokens -----------------------------------------------------------------------------


SEVENTH = RefreshClaims("01SIGNIN", "01SARA", 7)


def test_a_refresh_token_is_read_back():
    token = make_refresh(KEYS, SEVENTH)
    assert read_refresh(KEYS, token) == SEVENTH
    assert make_refresh(KEYS, SEVENTH) == token
    assert read_refresh(own_keys(b"x" * 32), token) is None


@pytest.mark.parametrize(
    "change",
    [
        ("01SIGNIN", "01OTHER"),
        ("01SARA", "01OMAR"),
        (".7.", ".8."),
        (".7.", ".07."),
        (".7.", ".٧."),
        (".7.", ".."),
    ],
)
def test_a_changed_refresh_token_is_none(change: tuple[str, str]):
    assert read_refresh(KEYS, make_refresh(KEYS, SEVENTH).replace(*change)) is None


@given(st.text(max_size=100))
def test_any_text_is_no_refresh_token(text: str):
    assert read_refresh(KEYS, text) is None


def test_reading_is_quick():
    token, _ = sign_access(KEYS, SARA, market="SA", now=NOW)
    started = time.perf_counter()
    for _ in range(500):
        read_access(take_apart(token), KEYS, NOW)
    # Ten times what it takes on a slow machine: notices a key that is derived anew each time.
    assert (time.perf_counter() - started) / 500 < 0.002
