"""How stream entries become the tail of a log: whole, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.ids import new_id
from livecommerce.realtime.backplane.redis.envelopes import Envelope, tail_of
from tests.realtime.support import Removed, pub, said

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=8)


def entries_of(sizes: list[int], epoch: str = "e") -> list[Envelope]:
    entries, first = [], 1
    for size in sizes:
        entries.append(Envelope(epoch, first, tuple(pub(said()) for _ in range(size)), ()))
        first += size
    return entries


@given(SIZES, st.data())
def test_any_kept_offset_is_continued_also_inside_an_entry(sizes, data):
    entries = entries_of(sizes)
    whole = tuple(each for entry in entries for each in entry.logged)
    after = data.draw(st.integers(0, len(whole)))
    needed = [entry for entry in entries if entry.last > after]
    assert tail_of(needed, epoch="e", top=len(whole), after=after) == whole[after:]


@given(SIZES, st.data())
def test_a_hole_is_never_bridged(sizes, data):
    entries = entries_of([*sizes, 1])
    top = entries[-1].last
    lost = data.draw(st.integers(0, len(entries) - 1))
    kept = entries[:lost] + entries[lost + 1 :]
    tail = tail_of(kept, epoch="e", top=top, after=None)
    assert tail == tuple(each for entry in entries[lost + 1 :] for each in entry.logged)
    assert tail_of(kept, epoch="e", top=top, after=entries[lost].first - 1) is None


def test_entries_of_another_epoch_end_the_tail():
    old, new = entries_of([2], "old"), entries_of([2, 1], "new")[1:]
    assert tail_of([*old, *new], epoch="new", top=3, after=None) == new[0].logged
    assert tail_of([*old, *new], epoch="new", top=3, after=0) is None


def test_what_was_withdrawn_later_has_no_text():
    line = said("an insult")
    removal = pub(Removed(id=new_id(), at=2, message_id=line.id))
    entries = [Envelope("e", 1, (pub(line),), ()), Envelope("e", 2, (removal,), ())]
    tail = tail_of(entries, epoch="e", top=2, after=0)
    assert tail is not None
    assert (tail[0].id, tail[0].json) == (line.id, b"")
