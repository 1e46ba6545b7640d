"""A soak of seconds, on every push; and that the judge of the long one sees what grows."""

import pytest

from tests.torture.findings import Finding
from tests.torture.soak import TOLERANCE, Pace, soak
from tests.torture.soaking.figures import COMPARED, EMPTY, Look, Windows, judge
from tests.torture.soaking.shop import On

BLOCKS = "livecommerce_process_memory_blocks"
OPEN_FILES = "livecommerce_process_open_files"
CONNECTIONS = "livecommerce_hub_connections"
LOOKS = 24


def looks(**grown: float) -> list[Look]:
    """An hour in which nothing grows but these, by so much from one look to the next."""
    steady = {**dict.fromkeys(COMPARED, 1000.0), **dict.fromkeys(EMPTY, 0.0)}
    made = []
    for number in range(LOOKS):
        # The first looks are of a process that is still warming up.
        warm = min(1.0, 0.7 + number / 20)
        figures = {
            name: value * warm + grown.get(name, 0.0) * number for name, value in steady.items()
        }
        made.append(Look(number * 150.0, {"node 1": figures}))
    return made


def breaches(of: list[Look]) -> list[str]:
    finding = Finding("soak")
    judge(of, finding, tolerance=TOLERANCE)
    return finding.breaches


def test_warming_up_is_no_growth():
    assert breaches(looks()) == []


@pytest.mark.parametrize("name", [BLOCKS, OPEN_FILES])
def test_what_grows_slowly_is_found(name: str):
    assert breaches(looks(**{name: 1.0})) == []
    (found,) = breaches(looks(**{name: 3.0}))
    assert COMPARED[name] in found


def test_one_connection_that_is_left_once_is_found():
    of = looks()
    of[5].of["node 1"][CONNECTIONS] = 1.0  # type: ignore[index]
    (found,) = breaches(of)
    assert EMPTY[CONNECTIONS] in found


@pytest.mark.parametrize("count", [3, 5, 6, 16, 40])
def test_the_end_is_compared_with_what_comes_before_it(count: int):
    windows = Windows.of(count)
    assert 1 <= windows.baseline.start < windows.baseline.stop <= windows.end.start
    assert windows.end.stop == count


def test_too_short_a_run_proves_nothing():
    with pytest.raises(ValueError, match="too few"):
        Windows.of(2)


@pytest.mark.slow
@pytest.mark.parametrize(
    "on",
    ["sqlite", pytest.param("cluster", marks=[pytest.mark.postgres, pytest.mark.redis])],
)
def test_a_shop_that_is_used_keeps_its_size(on: On):
    pace = Pace(rounds=5, rush_s=3.0, calm_s=1.5, tolerance=0.1)
    assert soak(on, pace).breaches == []
