from itertools import pairwise

from livecommerce.people.roles import (
    CAPABILITIES,
    GRANTABLE,
    Capability,
    Role,
    is_current,
    outranks,
)


def test_who_was_given_a_role_cannot_give_one():
    holders = {role for role in Role if Capability.ROLES_GRANT in CAPABILITIES[role]}
    assert not holders & GRANTABLE


def test_each_role_of_a_room_can_do_what_the_lesser_can():
    ladder = [Role.HOST, Role.CO_HOST, Role.MODERATOR]
    for higher, lesser in pairwise(ladder):
        assert CAPABILITIES[higher] > CAPABILITIES[lesser]
        assert outranks(higher, lesser)
        assert not outranks(lesser, higher)


def test_nobody_outranks_an_equal():
    for role in (*Role, None):
        assert not outranks(role, role)
    assert outranks(Role.MODERATOR, None)
    assert not outranks(Role.MERCHANT, None)


def test_every_role_has_its_capabilities():
    assert CAPABILITIES.keys() == set(Role)
    assert set(Capability) == set().union(*CAPABILITIES.values())


def test_a_grant_ends_at_its_moment():
    assert is_current(None, 5)
    assert is_current(6, 5)
    assert not is_current(5, 5)
