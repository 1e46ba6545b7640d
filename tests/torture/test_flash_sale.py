"""The fast profile, on every push."""

import pytest

from tests.torture.cluster import cluster
from tests.torture.crashes import crashes
from tests.torture.flash_sale import PROFILES
from tests.torture.stage import KINDS, Kind
from tests.torture.stampede import stampede

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", KINDS)
def test_a_stampede_sells_exactly_what_there_is(kind: Kind):
    assert stampede(kind, PROFILES["fast"].scale).breaches == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_server_forgets_nothing(kind: Kind):
    profile = PROFILES["fast"]
    rounds, seed = profile.crashes[kind], profile.scale.seed
    assert crashes(kind, rounds, seed, is_timed=False).breaches == []


@pytest.mark.redis
@pytest.mark.postgres
def test_a_cluster_sells_exactly_what_there_is_whatever_it_loses():
    profile = PROFILES["fast"]
    assert cluster(profile.cluster, profile.cluster_s, is_timed=False).breaches == []
