"""Three slots, and five seconds to take a change back."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.pins import SLOTS, UNDO_MS, Slot, clear, put, undo


@dataclass(frozen=True)
class Card:
    subject: str | None


LAMP, OUD, TEXT = Card("offer lamp"), Card("offer oud"), Card(None)


def empty() -> dict[int, Slot[Card]]:
    return {number: Slot() for number in SLOTS}


def test_what_stood_there_comes_back():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=1_000)
    slots[1] = put(slots, 1, OUD, now=2_000)
    assert slots[1].shown == OUD
    assert undo(slots, 1, now=2_000 + UNDO_MS).shown == LAMP


def test_an_unpin_is_undone():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=0)
    slots[1] = clear(slots[1], now=100)
    assert slots[1].shown is None
    assert undo(slots, 1, now=200).shown == LAMP


def test_the_first_pin_is_undone_to_an_empty_slot():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=0)
    assert undo(slots, 1, now=1) == Slot()


def test_after_five_seconds_it_stays():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=1_000)
    with pytest.raises(Refused) as refused:
        undo(slots, 1, now=1_001 + UNDO_MS)
    assert refused.value.code is Code.UNDO_EXPIRED


def test_an_undo_is_not_undone():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=0)
    slots[1] = undo(slots, 1, now=1)
    with pytest.raises(Refused) as refused:
        undo(slots, 1, now=2)
    assert refused.value.code is Code.UNDO_EXPIRED


def test_clearing_an_empty_slot_keeps_its_undo():
    slots = empty()
    slots[1] = clear(put(slots, 1, LAMP, now=0), now=100)
    assert clear(slots[1], now=4_000) == slots[1]


def test_an_offer_stands_in_one_slot_a_text_in_many():
    slots = empty()
    slots[2] = put(slots, 2, LAMP, now=0)
    slots[3] = put(slots, 3, TEXT, now=0)
    with pytest.raises(Refused) as refused:
        put(slots, 1, LAMP, now=1)
    assert refused.value.code is Code.SLOT_TAKEN
    assert refused.value.data == {"slot": 2}
    assert put(slots, 1, TEXT, now=1).shown == TEXT
    assert put(slots, 2, LAMP, now=1).shown == LAMP


def test_an_undo_does_not_bring_back_what_stands_elsewhere_now():
    slots = empty()
    slots[1] = put(slots, 1, LAMP, now=0)
    slots[1] = put(slots, 1, OUD, now=10)
    slots[2] = put(slots, 2, LAMP, now=20)
    with pytest.raises(Refused) as refused:
        undo(slots, 1, now=30)
    assert refused.value.code is Code.SLOT_TAKEN


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["put", "clear", "undo"]),
            st.sampled_from(SLOTS),
            st.sampled_from([LAMP, OUD, TEXT]),
            st.integers(0, 4_000),
        )
    )
)
def test_no_offer_ever_stands_twice(steps):
    slots, now = empty(), 0
    for verb, number, card, later in steps:
        now += later
        try:
            match verb:
                case "put":
                    slots[number] = put(slots, number, card, now=now)
                case "clear":
                    slots[number] = clear(slots[number], now=now)
                case _:
                    slots[number] = undo(slots, number, now=now)
        except Refused:
            continue
        subjects = [slot.shown.subject for slot in slots.values() if slot.shown]
        named = [subject for subject in subjects if subject]
        assert len(named) == len(set(named))
