"""What a room is going to be told with its next batch, and who waits to know that it was."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

from livecommerce.protocol.events import Lane
from livecommerce.realtime.publications import Batch, Position, Publication

Receipt = asyncio.Future[None]
"""Done once the backplane has an event. ConnectionError: it may not have it."""


class Pending:
    """What one room is going to be told with the next batch."""

    __slots__ = (
        "_held_back",
        "_ids",
        "_logged",
        "_loose",
        "_owed",
        "_slots",
        "_told_s",
        "due_s",
        "flushed_s",
        "receipt",
        "timer",
    )

    def __init__(self) -> None:
        self.flushed_s = float("-inf")
        self.due_s = float("inf")
        self.timer: asyncio.Handle | None = None
        self._logged: list[Publication | None] = []
        self._ids: set[str] = set()
        self._slots: dict[tuple[str, str], int] = {}
        self._loose: dict[tuple[str, str, str], Publication] = {}
        self._told_s: dict[tuple[str, str], float] = {}
        """When each paced key was last let through."""
        self._held_back: dict[tuple[str, str], Publication] = {}
        self.receipt: Receipt | None = None
        """Of what the next batch holds; made when somebody asks."""
        self._owed: dict[tuple[str, str], Receipt] = {}
        """Receipts of values that are held back."""

    def __len__(self) -> int:
        return len(self._logged) + len(self._loose)

    def add(self, publication: Publication) -> bool:
        """Returns False for what is pending already."""
        if not publication.is_logged:
            # A counter replaces its earlier value; ephemeral events stand under their own id.
            unkeyed = "" if publication.key else publication.id
            self._loose[(*publication.slot, unkeyed)] = publication
            return True
        if publication.id in self._ids:
            return False
        self._ids.add(publication.id)
        if publication.lane is Lane.STATE:
            held = self._slots.get(publication.slot)
            if held is not None:
                earlier = self._logged[held]
                assert earlier is not None
                if earlier.version > publication.version:
                    return True
                self._logged[held] = None
            self._slots[publication.slot] = len(self._logged)
        self._logged.append(publication)
        return True

    def hold_back(self, publication: Publication, pace_s: float, now_s: float) -> float | None:
        """Keeps a value whose key was told too short a while ago, the latest only.

        Returns None for what may be added now; otherwise how long until `let_through` is due, or
        0.0 when it is waited for already.
        """
        slot = publication.slot
        held = self._held_back.get(slot)
        if held is not None and held.version > publication.version:
            return 0.0
        wait_s = self._told_s.get(slot, float("-inf")) + pace_s - now_s
        if pace_s <= 0.0 or wait_s <= 0.0:
            self._held_back.pop(slot, None)
            self._pay(slot)
            if pace_s > 0.0:
                self._told_s[slot] = now_s
            return None
        self._held_back[slot] = publication
        return wait_s if held is None else 0.0

    def let_through(self, slot: tuple[str, str], now_s: float) -> bool:
        """Adds the value of a key that was held back. False: something newer has overtaken it."""
        publication = self._held_back.pop(slot, None)
        if publication is None:
            return False
        self._told_s[slot] = now_s
        self._pay(slot)
        return self.add(publication)

    def receipt_of(self, slot: tuple[str, str]) -> Receipt:
        """The receipt of what was just added or held back under this slot."""
        if slot in self._held_back:
            if slot not in self._owed:
                self._owed[slot] = new_receipt()
            return self._owed[slot]
        if self.receipt is None:
            self.receipt = new_receipt()
        return self.receipt

    def _pay(self, slot: tuple[str, str]) -> None:
        """A value that was held back is in the next batch, or a later one instead of it."""
        if (owed := self._owed.pop(slot, None)) is not None:
            pass_on(self.receipt_of(slot), owed)

    @property
    def held_back(self) -> tuple[tuple[str, str], ...]:
        """The keys whose latest values wait."""
        return tuple(self._held_back)

    def take(self) -> tuple[Batch, Receipt | None]:
        batch = Batch(
            tuple(each for each in self._logged if each is not None), tuple(self._loose.values())
        )
        receipt, self.receipt = self.receipt, None
        self._logged.clear()
        self._ids.clear()
        self._slots.clear()
        self._loose.clear()
        return batch, receipt


def new_receipt() -> Receipt:
    receipt: Receipt = asyncio.get_running_loop().create_future()
    # Who asked may be gone by then; the failure has been counted and logged.
    receipt.add_done_callback(lambda done: done.cancelled() or done.exception())
    return receipt


def pass_on(done: asyncio.Future[None], receipt: Receipt) -> None:
    """Lets a receipt end as another one does."""

    def settle(done: asyncio.Future[None]) -> None:
        if receipt.done():
            return
        if done.cancelled():
            receipt.cancel()
        elif (error := done.exception()) is not None:
            receipt.set_exception(error)
        else:
            receipt.set_result(None)

    done.add_done_callback(settle)


def parts_of(batch: Batch, events_max: int, bytes_max: int) -> Iterator[Batch]:
    """Cuts a batch into such as every node and link can take; the order stays.

    One event above `bytes_max` has a part of its own.
    """
    part: list[Publication] = []
    size = 0
    for publication in batch.logged:
        size += len(publication.json)
        if part and (len(part) >= events_max or size > bytes_max):
            yield Batch(tuple(part))
            part, size = [], len(publication.json)
        part.append(publication)
    loose = batch.loose
    yield Batch(tuple(part), loose[:events_max])
    for start in range(events_max, len(loose), events_max):
        yield Batch((), loose[start : start + events_max])


def settle_when_done(published: Sequence[asyncio.Future[Position]], receipt: Receipt) -> None:
    """A receipt is for all parts of its batch, or for none."""
    left = len(published)

    def settle(at: asyncio.Future[Position]) -> None:
        nonlocal left
        left -= 1
        if receipt.done():
            return
        if at.cancelled():
            receipt.cancel()
        elif (error := at.exception()) is not None:
            receipt.set_exception(error)
        elif left == 0:
            receipt.set_result(None)

    for at in published:
        at.add_done_callback(settle)
