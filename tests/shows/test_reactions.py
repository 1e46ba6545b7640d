"""Nobody counts for more than fifteen likes a second."""

from hypothesis import given
from hypothesis import strategies as st

from livecommerce.shows.reactions import admit


def test_a_burst_counts_to_fifteen():
    bucket, counted = admit(None, 15, now_s=0.0)
    assert counted == 15
    bucket, counted = admit(bucket, 3, now_s=0.0)
    assert counted == 0
    bucket, counted = admit(bucket, 15, now_s=0.4)
    assert counted == 6


@given(st.lists(st.tuples(st.integers(1, 15), st.floats(0, 2)), max_size=40))
def test_no_finger_is_quicker(taps):
    bucket, now_s, counted = None, 0.0, 0
    for count, pause_s in taps:
        now_s += pause_s
        bucket, more = admit(bucket, count, now_s=now_s)
        assert 0 <= more <= count
        counted += more
        assert counted <= 15 + 15 * now_s + 1e-6
