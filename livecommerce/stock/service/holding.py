"""Holds within a write: a step moves the hold, the level, the sale and the buyer's quota at once.

`Holding` is used inside of other features' writes; each function must be given the rows it declares
by `needs`. It tells the rooms about the counters it has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from livecommerce.database.group_commit import Need, Rows
from livecommerce.database.history import record_step
from livecommerce.kernel.errors import Code, Refused
from livecommerce.stock import flash_sales, holds, levels, store
from livecommerce.stock.flash_sales import FlashSale, Phase
from livecommerce.stock.holds import HoldState
from livecommerce.stock.service.shelf import counter_of
from livecommerce.stock.wire import SaleChanged, SaleCounted

Showing = Callable[[str], Sequence[str]]


class HoldFacts(msgspec.Struct, frozen=True):
    """What never changes about a hold."""

    id: str
    order_id: str
    person_id: str
    variant_id: str
    qty: int
    sale_id: str | None = None

    @property
    def level_id(self) -> str:
        return levels.level_id(self.variant_id)

    @property
    def quota_id(self) -> str | None:
        return None if self.sale_id is None else store.quota_id(self.sale_id, self.person_id)


def facts_of(row: store.Row) -> HoldFacts:
    """The facts of a stored hold."""
    return HoldFacts(
        id=row["id"],
        order_id=row["order_id"],
        person_id=row["person_id"],
        variant_id=row["variant_id"],
        qty=row["qty"],
        sale_id=row["sale_id"],
    )


def hold_need(hold_id: str) -> Need:
    """The row of a hold, for a write that reads it."""
    return Need(store.holds, hold_id)


def hold_row(rows: Rows, hold_id: str) -> store.Row:
    """The row of a hold that there is: its state, expires_at, deadline_at."""
    row = rows.get(store.holds, hold_id)
    assert row is not None
    return row


def hold_state(rows: Rows, hold_id: str) -> HoldState:
    return HoldState(hold_row(rows, hold_id)["state"])


class Sold(msgspec.Struct, frozen=True):
    """A unit's price and how long it is kept: what taking a hold found out."""

    unit_minor: int | None
    """The sale's price; None outside of a sale."""
    expires_at: int
    room_id: str | None


class Holding:
    """Steps of holds."""

    def __init__(self, showing: Showing) -> None:
        self._showing = showing

    def needs(self, hold: HoldFacts) -> Iterable[Need]:
        """The rows a step of a hold changes."""
        yield hold_need(hold.id)
        yield from self.needs_to_take(hold)

    def needs_to_take(self, hold: HoldFacts, *, per_buyer: int | None = None) -> Iterable[Need]:
        """The rows that making a hold changes; `per_buyer` starts the buyer's quota when there is
        none yet. The hold itself has a new id: looking for it would cost every purchase a read."""
        yield Need(store.stock_levels, hold.level_id, lock=True)
        if hold.sale_id is not None and hold.quota_id is not None:
            yield Need(store.flash_sales, hold.sale_id, lock=True)
            create = None
            if per_buyer is not None:
                create = {
                    "sale_id": hold.sale_id,
                    "person_id": hold.person_id,
                    "most": per_buyer,
                }
            yield Need(store.sale_quotas, hold.quota_id, lock=True, create=create)

    def take(
        self, rows: Rows, hold: HoldFacts, now: int, *, state: HoldState, expected_minor: int
    ) -> Sold:
        """Takes units for a buyer, in the state the hold begins in.

        Args:
            expected_minor: the unit price the order was made with.

        Raises:
            Refused: NOT_FOUND, NOT_LIVE, PRICE_CHANGED, LIMIT_REACHED, SOLD_OUT.
        """
        row = rows.get(store.stock_levels, hold.level_id)
        if row is None:
            raise Refused(Code.SOLD_OUT)
        hold_s, unit_minor, room_id = holds.REGULAR_HOLD_S, None, None
        if hold.sale_id is not None:
            sale_row = self._sell(rows, hold, now, expected_minor)
            hold_s, room_id = sale_row["hold_s"], sale_row["room_id"]
            unit_minor = sale_row["price_minor"]
        deltas = levels.hold(store.level_of(row), hold.qty, from_sale=hold.sale_id is not None)
        if hold.sale_id is not None and hold.quota_id is not None:
            rows.add(store.sale_quotas, hold.quota_id, qty=hold.qty)
            self._count(rows, hold.sale_id, {"held": hold.qty}, now)
        expires_at = holds.first_expiry(now, hold_s, paying=state is HoldState.PAYING)
        rows.insert(
            store.holds,
            {
                "id": hold.id,
                "order_id": hold.order_id,
                "person_id": hold.person_id,
                "level_id": hold.level_id,
                "variant_id": hold.variant_id,
                "sale_id": hold.sale_id,
                "qty": hold.qty,
                "state": state.value,
                "expires_at": expires_at,
                "deadline_at": max(holds.deadline(now), expires_at),
                "created_at": now,
                "closed_at": now if state is HoldState.CONSUMED else None,
            },
        )
        if state is HoldState.CONSUMED:
            self._consume_units(rows, hold, now, deltas)
        else:
            self._move_level(rows, hold, deltas, now)
        return Sold(unit_minor, expires_at, room_id)

    def _sell(self, rows: Rows, hold: HoldFacts, now: int, expected_minor: int) -> store.Row:
        assert hold.sale_id is not None and hold.quota_id is not None
        row = rows.get(store.flash_sales, hold.sale_id)
        quota = rows.get(store.sale_quotas, hold.quota_id)
        if row is None or row["variant_id"] != hold.variant_id:
            raise Refused(Code.NOT_FOUND, field="sale_id")
        sale = store.sale_of(row)
        if sale.phase is Phase.WARM_UP and flash_sales.phase_at(sale, now) is Phase.LIVE:
            # The first buyer was quicker than the clock's own write.
            self.advance(rows, hold.sale_id, now)
        is_running = flash_sales.phase_at(sale, now) in flash_sales.RUNNING
        if is_running and row["price_minor"] != expected_minor:
            raise Refused(Code.PRICE_CHANGED, unit_minor=row["price_minor"])
        taken = 0 if quota is None else quota["qty"]
        flash_sales.sell(sale, hold.qty, taken, now)
        return row

    def begin_payment(self, rows: Rows, hold_id: str, now: int) -> int:
        """active -> paying; returns until when the units are kept now.

        Raises:
            Refused: HOLD_EXPIRED when the hold has ended or is about to.
        """
        row = rows.get(store.holds, hold_id)
        if row is None or row["state"] in ("released", "releasing") or row["expires_at"] <= now:
            raise Refused(Code.HOLD_EXPIRED)
        expires_at = holds.payment_expiry(now, row["expires_at"], row["deadline_at"])
        self._move(rows, hold_id, HoldState.PAYING, "payment", now, expires_at=expires_at)
        return expires_at

    def await_challenge(self, rows: Rows, hold_id: str, now: int) -> int:
        """Gives the buyer time to answer a challenge; returns the new end."""
        row = rows.get(store.holds, hold_id)
        assert row is not None
        expires_at = holds.challenge_expiry(now, row["expires_at"], row["deadline_at"])
        if expires_at != row["expires_at"]:
            rows.change(store.holds, hold_id, expires_at=expires_at)
        return expires_at

    def resume(self, rows: Rows, hold_id: str, now: int) -> None:
        """paying -> active: a payment failed, the buyer may try another."""
        self._move(rows, hold_id, HoldState.ACTIVE, "payment_failed", now)

    def start_releasing(self, rows: Rows, hold_id: str, reason: str, now: int) -> None:
        """paying -> releasing: its payment has to be cancelled first."""
        self._move(rows, hold_id, HoldState.RELEASING, reason, now)

    def consume(self, rows: Rows, hold: HoldFacts, now: int) -> None:
        """The order is confirmed: reserved units become allocated ones."""
        self._move(rows, hold.id, HoldState.CONSUMED, "confirmed", now, closed_at=now)
        self._consume_units(rows, hold, now, {})

    def release(self, rows: Rows, hold: HoldFacts, reason: str, now: int) -> None:
        """Gives the units back, to the sale they came from while it is open."""
        self._move(rows, hold.id, HoldState.RELEASED, reason, now, closed_at=now)
        self._back(rows, hold, now, levels.release, "held")

    def give_back(self, rows: Rows, hold: HoldFacts, reason: str, now: int) -> None:
        """Takes the units of a cancelled order back."""
        self._move(rows, hold.id, HoldState.RETURNED, reason, now)
        self._back(rows, hold, now, levels.give_back, "sold")

    def advance(self, rows: Rows, sale_id: str, now: int) -> bool:
        """Stores the phase the clock has brought a running sale to. False: nothing to store."""
        row = rows.get(store.flash_sales, sale_id)
        assert row is not None
        sale = store.sale_of(row)
        phase = flash_sales.phase_at(sale, now)
        if phase is sale.phase:
            return False
        if phase is Phase.ENDED:
            self.finish(rows, sale_id, Phase.ENDED, "clock", now)
        else:
            self._set_phase(rows, sale_id, {"phase": phase.value}, "clock", now)
        return True

    def finish(self, rows: Rows, sale_id: str, to: Phase, reason: str, now: int) -> None:
        """Ends or cancels a sale and returns the units it has not sold. Holds stay."""
        row = rows.get(store.flash_sales, sale_id)
        assert row is not None
        sale = store.sale_of(row)
        changes = flash_sales.finish(sale, to, now)
        if sale.phase in flash_sales.STOCKED and sale.available:
            self._shift(rows, row["level_id"], levels.put_back(sale.available), now)
        self._set_phase(rows, sale_id, changes, reason, now)

    def set_phase(
        self, rows: Rows, sale_id: str, changes: Mapping[str, Any], reason: str, now: int
    ) -> None:
        """Stores a step of a sale that the rules have agreed to, and tells the room."""
        self._set_phase(rows, sale_id, changes, reason, now)

    def shift(self, rows: Rows, level_id: str, deltas: levels.Deltas, now: int) -> None:
        """Changes a level and tells the rooms that show it."""
        self._shift(rows, level_id, deltas, now)

    # Parts of the steps.

    def _move(
        self, rows: Rows, hold_id: str, to: HoldState, reason: str, now: int, **values: Any
    ) -> None:
        row = rows.get(store.holds, hold_id)
        assert row is not None
        current = HoldState(row["state"])
        holds.move(current, to)
        step = (current.value, to.value, reason)
        record_step(rows, store.stock_transitions, store.holds, hold_id, "hold", step, now)
        rows.change(store.holds, hold_id, state=to.value, **values)

    def _consume_units(self, rows: Rows, hold: HoldFacts, now: int, before: levels.Deltas) -> None:
        deltas = dict(before)
        for name, delta in levels.consume(hold.qty).items():
            deltas[name] = deltas.get(name, 0) + delta
        if hold.sale_id is not None:
            self._count(rows, hold.sale_id, {"held": -hold.qty, "sold": hold.qty}, now)
        self._move_level(rows, hold, deltas, now)

    def _back(
        self,
        rows: Rows,
        hold: HoldFacts,
        now: int,
        rule: Callable[..., levels.Deltas],
        counter: str,
    ) -> None:
        to_sale = False
        if hold.sale_id is not None and hold.quota_id is not None:
            row = rows.get(store.flash_sales, hold.sale_id)
            assert row is not None
            to_sale = Phase(row["phase"]) in flash_sales.STOCKED
            rows.add(store.sale_quotas, hold.quota_id, qty=-hold.qty)
            self._count(rows, hold.sale_id, {counter: -hold.qty}, now)
        self._move_level(rows, hold, rule(hold.qty, to_sale=to_sale), now)

    def _move_level(self, rows: Rows, hold: HoldFacts, deltas: levels.Deltas, now: int) -> None:
        self._shift(rows, hold.level_id, deltas, now)

    def _shift(self, rows: Rows, level_id: str, deltas: levels.Deltas, now: int) -> None:
        rows.add(store.stock_levels, level_id, **deltas)
        row = rows.get(store.stock_levels, level_id)
        assert row is not None
        rooms = self._showing(row["variant_id"])
        if rooms:
            changed = counter_of(store.level_of(row), now)
            for room_id in rooms:
                rows.publish(room_id, changed)

    def _count(self, rows: Rows, sale_id: str, deltas: Mapping[str, int], now: int) -> None:
        """Moves a sale's counters; the last unit taken or the first one back moves its phase."""
        rows.add(store.flash_sales, sale_id, **deltas)
        row = rows.get(store.flash_sales, sale_id)
        assert row is not None
        sale = store.sale_of(row)
        if sale.phase in flash_sales.RUNNING:
            phase = Phase.LIVE if sale.available > 0 else Phase.SOLD_OUT
            if phase is not sale.phase:
                self._set_phase(rows, sale_id, {"phase": phase.value}, "units", now)
                row = rows.get(store.flash_sales, sale_id)
                assert row is not None
        rows.publish(row["room_id"], sale_counted(row, now))

    def _set_phase(
        self, rows: Rows, sale_id: str, changes: Mapping[str, Any], reason: str, now: int
    ) -> None:
        row = rows.get(store.flash_sales, sale_id)
        assert row is not None
        step = (row["phase"], changes["phase"], reason)
        record_step(rows, store.stock_transitions, store.flash_sales, sale_id, "sale", step, now)
        rows.change(store.flash_sales, sale_id, **changes)
        row = rows.get(store.flash_sales, sale_id)
        assert row is not None
        rows.publish(row["room_id"], sale_changed(row, now))
        rows.publish(row["room_id"], sale_counted(row, now))


def sale_changed(row: store.Row, now: int) -> SaleChanged:
    version = row["version"]
    return SaleChanged(
        id=f"sale:{row['id']}.{version}",
        at=now,
        key=f"sale:{row['id']}",
        version=version,
        sale=store.sale_view(row),
    )


def sale_counted(row: store.Row, now: int) -> SaleCounted:
    sale: FlashSale = store.sale_of(row)
    version = row["version"]
    return SaleCounted(
        id=f"sale_count:{row['id']}.{version}",
        at=now,
        key=f"sale_count:{row['id']}",
        version=version,
        sale_id=row["id"],
        available=sale.available,
        held=sale.held,
        sold=sale.sold,
        dropped=sale.phase in flash_sales.OVER,
    )
