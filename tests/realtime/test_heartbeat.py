"""The wheel asks everyone once in a turn, and finds who does not answer."""

import pytest

from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime.framing import PING
from livecommerce.realtime.heartbeat import Wheel
from livecommerce.realtime.settings import HubSettings
from tests.realtime.support import Viewer

SETTINGS = HubSettings(ping_s=20, pong_grace_s=10, wheel_step_s=1)


class Visited(Viewer):
    def __init__(self) -> None:
        super().__init__()
        self.visits: list[int] = []

    def visit(self, now_ms: int) -> None:
        self.visits.append(now_ms)


def wheel_of(count: int) -> tuple[Wheel, list[Visited]]:
    places = iter(number / count for number in range(count))
    wheel = Wheel(SETTINGS, beat_for=lambda connection: PING, choose=lambda: next(places))
    viewers = [Visited() for _ in range(count)]
    for viewer in viewers:
        wheel.add(viewer)
    return wheel, viewers


def test_a_turn_asks_everyone_once_and_not_all_at_once():
    wheel, viewers = wheel_of(40)
    asked = []
    for second in range(20):
        wheel.step(second)
        asked.append(sum(len(viewer.written.frames) for viewer in viewers))
        for viewer in viewers:
            viewer.is_heard = True
    assert asked == [2 * (second + 1) for second in range(20)]
    assert all(len(viewer.visits) == 1 for viewer in viewers)


def test_who_is_silent_for_the_grace_is_closed():
    wheel, (silent, heard) = wheel_of(2)
    seconds = 0
    for seconds in range(40):
        wheel.step(seconds)
        heard.is_heard = True
        if silent.closed is not None:
            break
    assert silent.closed == CloseCode.NO_PONG
    assert heard.closed is None
    assert seconds == 10


@pytest.mark.parametrize("ping_s", [0.1, 1, 2, 5, 10, 11, 20, 60])
def test_however_often_it_asks_who_answers_stays_and_who_does_not_is_closed(ping_s: float):
    settings = HubSettings(ping_s=ping_s)
    wheel = Wheel(settings, beat_for=lambda connection: PING, choose=lambda: 0.0)
    silent, heard = Visited(), Visited()
    wheel.add(silent)
    wheel.add(heard)
    steps = 0
    while silent.closed is None:
        wheel.step(steps)
        heard.is_heard = True
        steps += 1
        assert steps * settings.wheel_step_s <= max(1.0, ping_s)
    assert silent.closed == CloseCode.NO_PONG
    assert heard.closed is None
    assert (steps - 1) * settings.wheel_step_s <= settings.pong_grace_s


def test_who_is_removed_is_not_asked():
    wheel, (first, second) = wheel_of(2)
    wheel.remove(first)
    wheel.remove(first)
    assert len(wheel) == 1
    assert first.is_closing
    for second_number in range(20):
        wheel.step(second_number)
        second.is_heard = True
    assert not first.written.frames
    assert wheel.connections() == [second]


def test_a_full_buffer_is_given_no_ping():
    wheel, (full, _) = wheel_of(2)
    full.is_paused = True
    wheel.step(0)
    assert not full.written.frames
