"""The slots of a room inside a write: read, changed, told, with the counters they show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from livecommerce.database.group_commit import Need, Rows
from livecommerce.shows.bag import Bag
from livecommerce.shows.pins import SLOTS, Slot
from livecommerce.shows.service.views import pin_changed
from livecommerce.shows.store.records import PinRecord, columns_of_slot, pin_id, slot_of
from livecommerce.shows.store.tables import pins
from livecommerce.stock.service import stock_changed

Slots = dict[int, Slot[PinRecord]]


class Outdated(Exception):
    """The slots are not what they were when the write was prepared: prepare it again."""


def slot_needs(room_id: str) -> Iterator[Need]:
    for number in SLOTS:
        yield Need(pins, pin_id(room_id, number))


def read_slots(rows: Rows, room_id: str) -> Slots:
    slots: Slots = {}
    for number in SLOTS:
        row = rows.get(pins, pin_id(room_id, number))
        assert row is not None, "a room is made with its slots"
        slots[number] = slot_of(row)
    return slots


def variants_in(slots: Mapping[int, Slot[PinRecord]]) -> set[str]:
    """The variants that some slot shows."""
    return {
        variant_id
        for slot in slots.values()
        if slot.shown is not None
        for variant_id in slot.shown.variant_ids
    }


def counters_of(slots: Mapping[int, Slot[PinRecord]]) -> frozenset[str]:
    """The variants whose counters any change of these slots may have to tell or take back."""
    undone = {
        variant_id
        for slot in slots.values()
        if slot.before is not None
        for variant_id in slot.before.variant_ids
    }
    return frozenset(variants_in(slots) | undone)


def save_slots(
    rows: Rows,
    room_id: str,
    before: Slots,
    after: Slots,
    *,
    bag: Bag,
    counters: frozenset[str],
    now: int,
) -> Slots:
    """Stores the slots that changed and tells the room: pins, new counters, counters gone.

    A card shows its number in the bag, so each is brought up to date with `bag` first.

    Args:
        counters: the variants whose stock levels this write has declared.

    Raises:
        Outdated: a counter is concerned that was not declared.
    """
    after = {number: renumbered(slot, bag) for number, slot in after.items()}
    for number in SLOTS:
        if after[number] == before[number]:
            continue
        id = pin_id(room_id, number)
        rows.change(pins, id, **columns_of_slot(after[number]))
        version = rows.version(pins, id)
        if after[number].shown != before[number].shown:
            rows.publish(
                room_id, pin_changed(room_id, number, after[number], version=version, now=now)
            )
    _tell_counters(rows, room_id, before, after, counters=counters, now=now)
    return after


def renumbered(slot: Slot[PinRecord], bag: Bag) -> Slot[PinRecord]:
    """The slot with the number its offer has in the bag now."""
    shown = slot.shown
    if shown is None or shown.view.offer is None:
        return slot
    number = bag.number_of(shown.view.offer.id)
    if number is None or number == shown.view.offer.number:
        return slot
    offer = msgspec.structs.replace(shown.view.offer, number=number)
    view = msgspec.structs.replace(shown.view, offer=offer)
    return Slot(
        shown=msgspec.structs.replace(shown, view=view),
        before=slot.before,
        undo_until=slot.undo_until,
    )


def _tell_counters(
    rows: Rows, room_id: str, before: Slots, after: Slots, *, counters: frozenset[str], now: int
) -> None:
    was, shown = variants_in(before), variants_in(after)
    changes = [(variant_id, False) for variant_id in sorted(shown - was)]
    changes += [(variant_id, True) for variant_id in sorted(was - shown)]
    if not changes:
        return
    # The counter of a variant may be told in a room twice at one version (pinned, unpinned, pinned
    # again): each telling needs an id of its own, made from the pins that caused it.
    cause = ".".join(_version(rows, pin_id(room_id, number)) for number in SLOTS)
    for variant_id, dropped in changes:
        if variant_id not in counters:
            raise Outdated
        event = stock_changed(rows, variant_id, now, dropped=dropped)
        if event is not None:
            told = msgspec.structs.replace(event, id=f"{room_id}.{variant_id}.{cause}")
            rows.publish(room_id, told)


def _version(rows: Rows, id: str) -> str:
    row = rows.get(pins, id)
    assert row is not None
    return str(row["version"])
