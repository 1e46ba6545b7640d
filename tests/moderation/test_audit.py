from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.moderation.audit import (
    GENESIS,
    Entry,
    Head,
    first_fault,
    next_entry,
    written,
)

TEXT = st.text(max_size=12)
USES = st.lists(st.tuples(TEXT, TEXT, st.none() | TEXT, st.integers(0, 2**40)), max_size=8)


def chain_of(uses: list[Any]) -> tuple[list[Entry], Head]:
    head = Head(0, GENESIS)
    entries: list[Entry] = []
    for actor_id, action, subject, at in uses:
        entry = next_entry(
            head,
            chain="room",
            at=at,
            actor_id=actor_id,
            action=action,
            subject=subject,
            details=written({"n": len(entries)}),
        )
        entries.append(entry)
        head = Head(entry.seq, entry.hash)
    return entries, head


@given(USES)
def test_a_chain_is_sound_as_it_was_written(uses: list[Any]):
    entries, head = chain_of(uses)
    assert [entry.seq for entry in entries] == list(range(1, len(uses) + 1))
    assert first_fault(entries, head) is None


TEN = [("actor", f"act{n}", "subject", n) for n in range(10)]


@pytest.mark.parametrize("place", range(10))
@pytest.mark.parametrize(
    "change",
    [
        {"at": 99},
        {"actor_id": "other"},
        {"action": "other"},
        {"subject": None},
        {"details": "{}"},
        {"chain": "other"},
        {"hash": "0" * 64},
    ],
)
def test_a_changed_entry_is_found_where_it_is(place: int, change: dict[str, Any]):
    entries, head = chain_of(TEN)
    entries[place] = replace(entries[place], **change)
    assert first_fault(entries, head) == place + 1


@pytest.mark.parametrize("place", range(10))
def test_a_dropped_entry_is_found_where_it_was(place: int):
    entries, head = chain_of(TEN)
    del entries[place]
    assert first_fault(entries, head) == place + 1


@pytest.mark.parametrize("place", range(9))
def test_two_that_changed_places_are_found(place: int):
    entries, head = chain_of(TEN)
    entries[place], entries[place + 1] = entries[place + 1], entries[place]
    assert first_fault(entries, head) == place + 1
    renumbered = [replace(entry, seq=n) for n, entry in enumerate(entries, start=1)]
    assert first_fault(renumbered, head) == place + 1


@pytest.mark.parametrize("place", range(10))
def test_an_entry_put_between_is_found(place: int):
    entries, head = chain_of(TEN)
    before = Head(place, entries[place - 1].hash if place else GENESIS)
    forged = next_entry(
        before, chain="room", at=5, actor_id="x", action="x", subject=None, details="{}"
    )
    entries.insert(place, forged)
    assert first_fault(entries, head) == place + 2
    # With all that follow renumbered it is the next whose hash no longer fits.
    renumbered = [replace(entry, seq=n) for n, entry in enumerate(entries, start=1)]
    assert first_fault(renumbered, head) == place + 2


def test_a_chain_without_its_end_or_its_head():
    entries, head = chain_of(TEN)
    assert first_fault(entries[:7], head) == 8
    assert first_fault([], head) == 1
    assert first_fault(entries, None) == 1
    assert first_fault(entries, Head(7, entries[6].hash)) == 8
    assert first_fault([], None) is None
    assert first_fault([], Head(0, GENESIS)) is None


def test_a_chain_written_anew_does_not_fit_its_head():
    _, head = chain_of(TEN)
    others, _ = chain_of([*TEN[:9], ("actor", "another act", "subject", 9)])
    assert first_fault(others, head) == 10


@given(st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=5))
def test_details_are_written_one_way(details: dict[str, Any]):
    backwards = dict(reversed(details.items()))
    assert written(details) == written(backwards)


def test_documents_do_not_belong_into_the_log():
    with pytest.raises(AssertionError):
        written({"text": "x" * 3_000})
    assert written(None) == "{}"
