import argon2
from argon2 import extract_parameters

from livecommerce.people.passwords import NOBODY, hash_password, is_outdated, is_password


def test_a_password_is_known_again():
    stored = hash_password("كلمة سر طويلة")
    assert is_password(stored, "كلمة سر طويلة")
    assert not is_password(stored, "كلمة سر قصيرة")
    assert not is_outdated(stored)


def test_the_same_keys_pressed_on_another_system():
    assert is_password(hash_password("caf\u00e9 1234"), "cafe\u0301 1234")


def test_the_cost_is_owasps():
    parameters = extract_parameters(hash_password("x"))
    assert parameters.type is argon2.Type.ID
    assert (parameters.memory_cost, parameters.time_cost, parameters.parallelism) == (19_456, 2, 1)


def test_nobodys_hash_costs_the_same_and_fits_nothing():
    assert extract_parameters(NOBODY) == extract_parameters(hash_password("x"))
    assert not is_password(NOBODY, "")
    assert not is_password(NOBODY, "nobody has this")


def test_cheaper_hashes_are_outdated():
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash("secret")
    assert is_password(cheap, "secret")
    assert is_outdated(cheap)


def test_a_broken_hash_fits_nothing():
    assert not is_password("not a hash", "x")
