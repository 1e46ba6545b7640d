"""Flash sales as writes: planning, arming, starting, ending, and the steps the clock takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from livecommerce.database.group_commit import Need, Rows, Write
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.staff_writes import StaffWrite
from livecommerce.stock import flash_sales, levels, store
from livecommerce.stock.flash_sales import Phase
from livecommerce.stock.service.holding import Holding, sale_changed, sale_counted
from livecommerce.stock.wire import PlanSale, SaleView

# A warm-up that begins this little after its time is dated to its time.
_PUNCTUAL_MS = 2_000


class Offered(Protocol):
    """The offers in the bags of rooms; the shows feature has them."""

    async def product_of(self, room_id: str, offer_id: str) -> str:
        """The product of an offer in the room's bag; raises `not_found`."""
        ...

    def need(self, offer_id: str) -> Need:
        """The row that `take_on` looks at."""
        ...

    def take_on(self, rows: Rows, offer_id: str) -> None:
        """Within a write: a sale of the offer begins to be; `not_found` when it has left the bag.
        Who is taking it out at this moment is told."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(StaffWrite[SaleView]):
    id: str
    product_id: str
    regular_minor: int
    currency: str
    command: PlanSale
    offered: Offered = field(repr=False)
    holding: Holding = field(repr=False)

    @property
    def level_id(self) -> str:
        return levels.level_id(self.command.variant_id)

    def needs(self) -> Iterable[Need]:
        yield Need(store.stock_levels, self.level_id, lock=True)
        yield self.offered.need(self.command.offer_id)
        yield from self.trail()

    def decide(self, rows: Rows, now: int) -> SaleView:
        command = self.command
        flash_sales.check_terms(
            price_minor=command.price_minor,
            regular_minor=self.regular_minor,
            quota=command.quota,
            per_buyer=command.per_buyer,
            warm_up_s=command.warm_up_s,
            duration_s=command.duration_s,
            hold_s=command.hold_s,
            scheduled_at=command.starts_at,
            now=now,
        )
        if rows.get(store.stock_levels, self.level_id) is None:
            raise Refused(Code.NOT_FOUND, field="variant_id")
        self.offered.take_on(rows, command.offer_id)
        rows.insert(
            store.flash_sales,
            {
                "id": self.id,
                "room_id": self.room_id,
                "offer_id": command.offer_id,
                "product_id": self.product_id,
                "variant_id": command.variant_id,
                "level_id": self.level_id,
                "phase": Phase.SCHEDULED.value,
                "price_minor": command.price_minor,
                "regular_minor": self.regular_minor,
                "currency": self.currency,
                "quota": command.quota,
                "per_buyer": command.per_buyer,
                "hold_s": command.hold_s,
                "warm_up_s": command.warm_up_s,
                "duration_s": command.duration_s,
                "scheduled_at": command.starts_at,
                "planned_by": self.actor.person_id,
                "created_at": now,
            },
        )
        if command.starts_at is None:
            arm(rows, self.holding, self.id, now, reason="plan")
        row = _row(rows, self.id)
        rows.publish(self.room_id, sale_changed(row, now))
        rows.publish(self.room_id, sale_counted(row, now))
        self.log(
            rows,
            now,
            subject=self.id,
            variant_id=command.variant_id,
            price_minor=command.price_minor,
            quota=command.quota,
        )
        return store.sale_view(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(StaffWrite[SaleView]):
    """What staff do with a sale: `to` is armed, warm_up, ended or cancelled."""

    sale_id: str
    level_id: str
    to: Phase
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield Need(store.stock_levels, self.level_id, lock=True)
        yield Need(store.flash_sales, self.sale_id, lock=True)
        yield from self.trail()

    def decide(self, rows: Rows, now: int) -> SaleView:
        row = rows.get(store.flash_sales, self.sale_id)
        if row is None or row["room_id"] != self.room_id:
            raise Refused(Code.NOT_FOUND)
        self.holding.advance(rows, self.sale_id, now)
        sale = store.sale_of(_row(rows, self.sale_id))
        if self.to is Phase.ARMED:
            arm(rows, self.holding, self.sale_id, now, reason="staff")
        elif self.to is Phase.WARM_UP:
            begin(rows, self.holding, self.sale_id, now, at=now, reason="staff")
        elif self.to is Phase.ENDED and sale.phase not in flash_sales.RUNNING:
            raise Refused(Code.BAD_TRANSITION, phase=sale.phase.value)
        else:
            self.holding.finish(rows, self.sale_id, self.to, "staff", now)
        self.log(rows, now, subject=self.sale_id)
        return store.sale_view(_row(rows, self.sale_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick(Write[bool]):
    """What the clock does with a sale. Any number of processes may do it: the first one stores it.

    Answers whether anything was stored.
    """

    sale_id: str
    level_id: str
    holding: Holding = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield Need(store.stock_levels, self.level_id, lock=True)
        yield Need(store.flash_sales, self.sale_id, lock=True)

    def decide(self, rows: Rows, now: int) -> bool:
        row = rows.get(store.flash_sales, self.sale_id)
        if row is None:
            return False
        sale = store.sale_of(row)
        if sale.phase not in (Phase.SCHEDULED, Phase.ARMED):
            return self.holding.advance(rows, self.sale_id, now)
        if sale.scheduled_at is None or now < sale.scheduled_at:
            return False
        level = rows.get(store.stock_levels, self.level_id)
        assert level is not None
        if sale.phase is Phase.SCHEDULED and store.level_of(level).available < sale.quota:
            self.holding.finish(rows, self.sale_id, Phase.CANCELLED, "no_stock", now)
            return True
        at = sale.scheduled_at if now - sale.scheduled_at <= _PUNCTUAL_MS else now
        begin(rows, self.holding, self.sale_id, now, at=at, reason="clock")
        return True


def arm(rows: Rows, holding: Holding, sale_id: str, now: int, *, reason: str) -> None:
    """scheduled -> armed: sets the units aside, or refuses with `stock_committed`."""
    row = _row(rows, sale_id)
    flash_sales.move(store.sale_of(row).phase, Phase.ARMED)
    level = rows.get(store.stock_levels, row["level_id"])
    assert level is not None
    deltas = levels.set_aside(store.level_of(level), row["quota"])
    holding.shift(rows, row["level_id"], deltas, now)
    holding.set_phase(rows, sale_id, {"phase": Phase.ARMED.value}, reason, now)


def begin(rows: Rows, holding: Holding, sale_id: str, now: int, *, at: int, reason: str) -> None:
    """Starts the warm-up, arming first what is not armed yet."""
    if store.sale_of(_row(rows, sale_id)).phase is Phase.SCHEDULED:
        arm(rows, holding, sale_id, now, reason=reason)
    changes = flash_sales.warm_up(store.sale_of(_row(rows, sale_id)), at)
    holding.set_phase(rows, sale_id, changes, reason, now)


def _row(rows: Rows, sale_id: str) -> Any:
    row = rows.get(store.flash_sales, sale_id)
    assert row is not None
    return row
