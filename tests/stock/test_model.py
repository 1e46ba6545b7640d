"""Stock, holds and one flash sale by their pure rules: thousands of random evenings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from livecommerce.kernel.errors import Refused
from livecommerce.stock import flash_sales, holds, levels
from livecommerce.stock.flash_sales import FlashSale, Phase
from livecommerce.stock.holds import HoldState
from livecommerce.stock.levels import StockLevel

BUYERS = ("amal", "badr", "carim")


@dataclass
class Taken:
    buyer: str
    qty: int
    in_sale: bool
    state: HoldState


class Evening(RuleBasedStateMachine):
    """The rules as services use them; the truth beside them is a list of who has what."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.level = StockLevel("lamp", on_hand=8)
        self.sale = FlashSale(Phase.SCHEDULED, quota=5, per_buyer=2, warm_up_s=10, duration_s=60)
        self.taken: list[Taken] = []

    def apply(self, deltas: levels.Deltas) -> None:
        self.level = self.level.plus(deltas)

    def count(self, **deltas: int) -> None:
        counters = {name: getattr(self.sale, name) + delta for name, delta in deltas.items()}
        self.sale = replace(self.sale, **counters)
        if self.sale.phase in flash_sales.RUNNING:
            phase = Phase.LIVE if self.sale.available else Phase.SOLD_OUT
            self.sale = replace(self.sale, phase=phase)

    def of(self, *states: HoldState, in_sale: bool | None = None) -> int:
        return sum(
            one.qty for one in self.taken if one.state in states and in_sale in (None, one.in_sale)
        )

    @rule(s=st.integers(1, 40))
    def time_passes(self, s: int) -> None:
        self.now += s * 1000
        phase = flash_sales.phase_at(self.sale, self.now)
        if phase is Phase.ENDED and self.sale.phase is not Phase.ENDED:
            self.finish(Phase.ENDED)
        else:
            self.sale = replace(self.sale, phase=phase)

    def finish(self, to: Phase) -> None:
        changes = flash_sales.finish(self.sale, to, self.now)
        if self.sale.phase in flash_sales.STOCKED:
            self.apply(levels.put_back(self.sale.available))
        self.sale = replace(self.sale, phase=Phase(changes["phase"]))

    @rule()
    def arm(self) -> None:
        try:
            flash_sales.move(self.sale.phase, Phase.ARMED)
            deltas = levels.set_aside(self.level, self.sale.quota)
        except Refused:
            return
        self.apply(deltas)
        self.sale = replace(self.sale, phase=Phase.ARMED)

    @precondition(lambda self: self.sale.phase is Phase.ARMED)
    @rule()
    def start(self) -> None:
        changes = flash_sales.warm_up(self.sale, self.now)
        self.sale = replace(
            self.sale,
            phase=Phase.WARM_UP,
            starts_at=changes["starts_at"],
            ends_at=changes["ends_at"],
        )

    @rule(to=st.sampled_from([Phase.ENDED, Phase.CANCELLED]))
    def stop(self, to: Phase) -> None:
        try:
            self.finish(to)
        except Refused:
            assert to not in flash_sales.NEXT[self.sale.phase]

    @rule(buyer=st.sampled_from(BUYERS), qty=st.integers(1, 3), in_sale=st.booleans())
    def buy(self, buyer: str, qty: int, in_sale: bool) -> None:
        had = sum(
            one.qty
            for one in self.taken
            if one.buyer == buyer and one.in_sale and one.state not in _GONE
        )
        free = self.sale.available if in_sale else self.level.available
        try:
            if in_sale:
                flash_sales.sell(self.sale, qty, had, self.now)
            deltas = levels.hold(self.level, qty, from_sale=in_sale)
        except Refused:
            is_open = flash_sales.phase_at(self.sale, self.now) in flash_sales.RUNNING
            assert qty > free or (in_sale and (not is_open or had + qty > self.sale.per_buyer))
            return
        assert qty <= free
        self.apply(deltas)
        if in_sale:
            self.count(held=qty)
        self.taken.append(Taken(buyer, qty, in_sale, HoldState.ACTIVE))

    @precondition(lambda self: self.taken)
    @rule(data=st.data(), to=st.sampled_from(HoldState))
    def step(self, data: st.DataObject, to: HoldState) -> None:
        one = data.draw(st.sampled_from(self.taken))
        was = one.state
        try:
            one.state = holds.move(was, to)
        except Refused:
            return
        to_sale = one.in_sale and self.sale.phase in flash_sales.STOCKED
        if to is HoldState.CONSUMED:
            self.apply(levels.consume(one.qty))
            if one.in_sale:
                self.count(held=-one.qty, sold=one.qty)
        elif to is HoldState.RELEASED:
            self.apply(levels.release(one.qty, to_sale=to_sale))
            if one.in_sale:
                self.count(held=-one.qty)
        elif to is HoldState.RETURNED:
            self.apply(levels.give_back(one.qty, to_sale=to_sale))
            if one.in_sale:
                self.count(sold=-one.qty)

    @rule(delta=st.integers(-6, 6).filter(bool))
    def adjust(self, delta: int) -> None:
        try:
            self.apply(levels.adjust(self.level, delta))
        except Refused:
            assert self.level.available + delta < 0

    @invariant()
    def nothing_is_oversold(self) -> None:
        assert self.level.is_sound, self.level
        assert self.sale.is_sound, self.sale
        assert self.level.reserved == self.of(*holds.OPEN)
        assert self.level.allocated == self.of(HoldState.CONSUMED)

    @invariant()
    def the_sale_counts_its_units(self) -> None:
        assert self.sale.held == self.of(*holds.OPEN, in_sale=True)
        assert self.sale.sold == self.of(HoldState.CONSUMED, in_sale=True)
        aside = self.sale.available if self.sale.phase in flash_sales.STOCKED else 0
        assert self.level.set_aside == aside

    @invariant()
    def nobody_has_more_than_allowed(self) -> None:
        for buyer in BUYERS:
            mine = [one for one in self.taken if one.buyer == buyer and one.in_sale]
            assert sum(one.qty for one in mine if one.state not in _GONE) <= self.sale.per_buyer


_GONE = (HoldState.RELEASED, HoldState.RETURNED)

TestEvening = Evening.TestCase
TestEvening.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
