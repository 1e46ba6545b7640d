"""Who came to a room is counted once, over all nodes, and told its staff."""

from collections.abc import Collection, Mapping

import pytest

from livecommerce.kernel.clock import FakeClock
from livecommerce.protocol.events import STAFF
from livecommerce.realtime import visitors as module
from livecommerce.realtime.backplane.memory import MemoryBackplane
from livecommerce.realtime.publications import Publication
from livecommerce.realtime.settings import HubSettings
from livecommerce.realtime.visitors import Visitors
from tests.realtime.support import likes


class FlakyBackplane(MemoryBackplane):
    is_away = False

    async def count_visitors(
        self, seen: Mapping[str, Collection[str]], *, keep_s: float
    ) -> Mapping[str, int]:
        if self.is_away:
            raise ConnectionError
        return await super().count_visitors(seen, keep_s=keep_s)


class Node:
    def __init__(self, backplane: MemoryBackplane) -> None:
        self.shown: list[tuple[str, int]] = []
        self.visitors = Visitors(
            backplane=backplane,
            settings=HubSettings(),
            visitors_event=self._event,
            show=self._show,
        )

    def _event(self, room_id: str, count: int):
        self.shown.append((room_id, count))
        return likes(count)

    def _show(self, room_id: str, publication: Publication) -> None:
        assert publication.audience == STAFF


@pytest.fixture
def backplane():
    return FlakyBackplane(clock=FakeClock())


async def test_who_comes_again_and_to_another_node_is_counted_once(backplane):
    one, two = Node(backplane), Node(backplane)
    for name in ("mona", "sami", "mona"):
        one.visitors.saw("room", name)
    two.visitors.saw("room", "mona")
    two.visitors.saw("room", "huda")
    await one.visitors.report(["room"])
    await two.visitors.report(["room"])
    await one.visitors.report(["room"])
    assert one.shown == [("room", 2), ("room", 3)]
    assert two.shown == [("room", 3)]
    assert one.visitors.total("room") == two.visitors.total("room") == 3


async def test_what_has_not_changed_is_not_told_again(backplane):
    node = Node(backplane)
    node.visitors.saw("room", "mona")
    for _ in range(3):
        await node.visitors.report(["room"])
    assert node.shown == [("room", 1)]


async def test_who_left_before_the_report_came_too(backplane):
    node = Node(backplane)
    node.visitors.saw("room", "mona")
    await node.visitors.report([])
    assert node.visitors.total("room") == 1
    await node.visitors.report([])
    assert node.visitors.total("room") == 0


async def test_who_came_while_the_backplane_was_away_is_counted_later(backplane):
    node = Node(backplane)
    backplane.is_away = True
    node.visitors.saw("room", "mona")
    with pytest.raises(ConnectionError):
        await node.visitors.report(["room"])
    node.visitors.saw("room", "sami")
    backplane.is_away = False
    await node.visitors.report(["room"])
    assert node.shown == [("room", 2)]


async def test_what_waits_is_bounded(backplane, monkeypatch):
    monkeypatch.setattr(module, "PENDING_MAX", 10)
    node = Node(backplane)
    for number in range(100):
        node.visitors.saw("room", f"visitor {number}")
    await node.visitors.report(["room"])
    assert node.visitors.total("room") == 10
