import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel import ids
from livecommerce.kernel.ids import ALPHABET, LENGTH, is_client_id, new_id

MILLISECONDS = st.integers(min_value=2**41, max_value=2**42)


@given(st.lists(MILLISECONDS, min_size=2, max_size=20))
def test_ids_sort_in_the_order_they_were_made_whatever_the_clock_does(clock: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "_last", 0)
        made = []
        for at_ms in clock:
            patch.setattr(time, "time_ns", lambda at_ms=at_ms: at_ms * 1_000_000)
            made.append(new_id())
    assert made == sorted(set(made))
    assert {len(id) for id in made} == {LENGTH}
    assert set("".join(made)) <= set(ALPHABET)


@given(MILLISECONDS, MILLISECONDS)
def test_ids_of_different_processes_sort_by_time(one_ms: int, other_ms: int) -> None:
    made = []
    for at_ms in (one_ms, other_ms):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ids, "_last", 0)
            patch.setattr(time, "time_ns", lambda at_ms=at_ms: at_ms * 1_000_000)
            made.append(new_id())
    assert made[0] != made[1]
    if one_ms != other_ms:
        assert (made[0] < made[1]) == (one_ms < other_ms)


def test_ids_of_one_moment_differ_and_cannot_be_counted_on(monkeypatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 5 * 10**18)
    made = [new_id() for _ in range(1_000)]
    assert len(set(made)) == 1_000
    tails = [id[-6:] for id in made]
    assert len(set(tails)) > 990


def test_our_ids_may_be_used_as_command_ids() -> None:
    assert is_client_id(new_id())


@given(st.text())
def test_only_plain_ids_of_the_right_length_are_client_ids(text: str) -> None:
    plain = text.isascii() and all(c.isalnum() or c in "_-" for c in text)
    assert is_client_id(text) == (plain and 16 <= len(text) <= 64)
