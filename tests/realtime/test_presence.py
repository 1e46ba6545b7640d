"""Counts are summed over living nodes and told when they change."""

import pytest

from livecommerce.kernel.clock import FakeClock
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.presence import Presence
from livecommerce.realtime.settings import HubSettings
from tests.realtime.support import likes


class Node:
    def __init__(self, node_id: str, backplane: MemoryBackplane, clock: FakeClock) -> None:
        self.shown: list[tuple[str, int]] = []
        self.presence = Presence(
            node_id=node_id,
            backplane=backplane,
            clock=clock,
            settings=HubSettings(presence_lease_s=6),
            viewers_event=self._event,
            show=lambda room_id, publication: None,
        )

    def _event(self, room_id: str, count: int):
        self.shown.append((room_id, count))
        return likes(count)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def nodes(clock):
    backplane = MemoryBackplane(clock=clock)
    return [Node(name, backplane, clock) for name in ("n1", "n2")]


async def test_a_count_is_told_when_it_changes(nodes):
    node, _ = nodes
    await node.presence.report({"room": 2})
    await node.presence.report({"room": 2})
    await node.presence.report({"room": 3})
    assert node.shown == [("room", 2), ("room", 3)]
    assert node.presence.total("room") == 3


async def test_the_sum_is_over_all_nodes(nodes, clock):
    first, second = nodes
    await first.presence.report({"room": 2})
    await second.presence.report({"room": 5})
    assert second.presence.total("room") == 7
    clock.advance(2_000)
    await first.presence.report({"room": 2})
    assert first.presence.total("room") == 7


async def test_a_dead_node_is_counted_until_its_lease_is_over(nodes, clock):
    first, second = nodes
    await second.presence.report({"room": 5})
    clock.advance(5_000)
    await first.presence.report({"room": 2})
    assert first.presence.total("room") == 7
    clock.advance(2_000)
    await first.presence.report({"room": 2})
    assert first.presence.total("room") == 2


async def test_a_room_that_is_left_is_reported_as_empty(nodes, clock):
    first, second = nodes
    await first.presence.report({"room": 2})
    await first.presence.report({})
    await second.presence.report({"room": 1})
    assert second.presence.total("room") == 1
    assert first.presence.total("room") == 0
