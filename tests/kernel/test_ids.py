from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.ids import ALPHABET, LENGTH, is_client_id, new_id


@given(st.integers(min_value=0, max_value=2**48 - 2))
def test_ids_sort_by_the_time_they_were_made(at_ms: int) -> None:
    first, second = new_id(at_ms), new_id(at_ms + 1)
    assert first < second
    assert len(first) == LENGTH
    assert set(first) <= set(ALPHABET)


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(5) for _ in range(1000)}) == 1000


def test_our_ids_may_be_used_as_command_ids() -> None:
    assert is_client_id(new_id())


@given(st.text())
def test_only_plain_ids_of_the_right_length_are_client_ids(text: str) -> None:
    plain = text.isascii() and all(c.isalnum() or c in "_-" for c in text)
    assert is_client_id(text) == (plain and 16 <= len(text) <= 64)
