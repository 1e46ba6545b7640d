import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.people.vault import (
    SealBroken,
    blind_index,
    derive,
    open_sealed,
    region_keys,
    seal,
    unwrap_key,
    wrap_key,
)

KEYS = region_keys("home", b"k" * 32)
DATA_KEY = b"d" * 32
NONCE = b"n" * 12
PLACE = {"region": "home", "person_id": "p", "record_id": "r"}


@given(
    st.binary(max_size=500),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=12, max_size=12),
)
def test_what_is_sealed_opens_again(plain: bytes, key: bytes, nonce: bytes):
    sealed = seal(key, plain, nonce=nonce, **PLACE)
    assert open_sealed(key, sealed, **PLACE) == plain
    if len(plain) > 3:
        assert plain not in sealed[12:]


@pytest.mark.parametrize("part", ["region", "person_id", "record_id"])
def test_a_record_opens_nowhere_else(part: str):
    sealed = seal(DATA_KEY, b"phone", nonce=NONCE, **PLACE)
    with pytest.raises(SealBroken):
        open_sealed(DATA_KEY, sealed, **(PLACE | {part: "other"}))


@given(st.integers(min_value=0))
def test_a_changed_bit_is_noticed(place: int):
    sealed = bytearray(seal(DATA_KEY, b"0501234567", nonce=NONCE, **PLACE))
    place %= len(sealed) * 8
    sealed[place // 8] ^= 1 << place % 8
    with pytest.raises(SealBroken):
        open_sealed(DATA_KEY, bytes(sealed), **PLACE)


@pytest.mark.parametrize("sealed", [b"", b"short", b"n" * 12])
def test_a_stump_is_no_record(sealed: bytes):
    with pytest.raises(SealBroken):
        open_sealed(DATA_KEY, sealed, **PLACE)


def test_a_data_key_is_one_persons_in_one_region():
    wrapped = wrap_key(KEYS, "p", DATA_KEY, nonce=NONCE)
    assert unwrap_key(KEYS, "p", wrapped) == DATA_KEY
    for keys, person in (
        (KEYS, "q"),
        (region_keys("home", b"x" * 32), "p"),
        (region_keys("away", b"k" * 32), "p"),
    ):
        with pytest.raises(SealBroken):
            unwrap_key(keys, person, wrapped)


def test_a_blind_index_is_equal_for_equals_alone():
    index = blind_index(KEYS, "phone", "+966501234567")
    assert index == blind_index(KEYS, "phone", "+966501234567")
    others = [
        blind_index(KEYS, "phone", "+966501234568"),
        blind_index(KEYS, "email", "+966501234567"),
        blind_index(region_keys("home", b"x" * 32), "phone", "+966501234567"),
    ]
    assert index not in others


def test_keys_for_different_purposes_differ():
    secret = b"s" * 32
    assert len({derive(secret, purpose) for purpose in ("a", "b", "home wrapping")}) == 3
    with pytest.raises(AssertionError):
        region_keys("home", b"short")
