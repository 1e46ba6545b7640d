"""The bag: up to 500 offers in an order; an offer's number is its place, from 1, without gaps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from livecommerce.kernel.errors import Code, Refused

OFFERS_MAX = 500


class Entry(NamedTuple):
    """One offer of the bag."""

    offer_id: str
    product_id: str


@dataclass(frozen=True, slots=True)
class Bag:
    """Offers in order. A product is in a bag once, whoever sells it."""

    entries: tuple[Entry, ...] = ()

    def number_of(self, offer_id: str) -> int | None:
        """The place of an offer, from 1; None when it is not in the bag."""
        for number, entry in enumerate(self.entries, start=1):
            if entry.offer_id == offer_id:
                return number
        return None

    def product_of(self, offer_id: str) -> str | None:
        """The product of an offer; None when it is not in the bag."""
        number = self.number_of(offer_id)
        return None if number is None else self.entries[number - 1].product_id

    def __len__(self) -> int:
        return len(self.entries)


def add(bag: Bag, entry: Entry, *, number: int | None = None) -> Bag:
    """Puts an offer at the end, or before the one that has `number` (past the end: at the end).

    Raises:
        Refused: `already_exists` with the offer that has this product; `bag_full`.
    """
    for there in bag.entries:
        if there.product_id == entry.product_id:
            raise Refused(Code.ALREADY_EXISTS, field="product_id", offer_id=there.offer_id)
    if len(bag) >= OFFERS_MAX:
        raise Refused(Code.BAG_FULL, maximum=OFFERS_MAX)
    at = len(bag) if number is None else min(number - 1, len(bag))
    return Bag((*bag.entries[:at], entry, *bag.entries[at:]))


def remove(bag: Bag, offer_id: str) -> Bag:
    """Takes an offer out; those behind it move up.

    Raises:
        Refused: `not_found`.
    """
    at = _place(bag, offer_id)
    return Bag((*bag.entries[:at], *bag.entries[at + 1 :]))


def move(bag: Bag, offer_id: str, *, number: int) -> Bag:
    """Gives an offer another number (past the end: the last one).

    Raises:
        Refused: `not_found`.
    """
    at = _place(bag, offer_id)
    entry = bag.entries[at]
    rest = (*bag.entries[:at], *bag.entries[at + 1 :])
    to = min(number - 1, len(rest))
    return Bag((*rest[:to], entry, *rest[to:]))


def _place(bag: Bag, offer_id: str) -> int:
    number = bag.number_of(offer_id)
    if number is None:
        raise Refused(Code.NOT_FOUND, field="offer_id")
    return number - 1
