"""Random evenings through the services, on both databases, beside a model that only counts.

The model keeps a list of orders. From their states alone follow all counters of the level and of
the sale, and whether the next purchase must be taken or refused.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from livecommerce.kernel.errors import Code, Refused
from livecommerce.orders import store
from livecommerce.orders.wire import OrderView
from livecommerce.stock.wire import CancelSale, EndSale, SaleView, StartSale, StockView
from tests.orders.market import Buyer, Market, open_market
from tests.shows.world import command

ON_HAND, QUOTA, PER_BUYER = 6, 4, 2
CARDS = ("tok_visa", "tok_declined", "tok_challenge", "tok_timeout_paid", "tok_paid_after_cancel")
LIVE = ("live", "sold_out")
STOCKED = ("armed", "warm_up", *LIVE)


class Evening(RuleBasedStateMachine):
    runner: ClassVar[asyncio.Runner]
    market: ClassVar[Market]
    buyers: ClassVar[dict[str, Buyer]]

    @initialize()
    def opens(self) -> None:
        self.on_hand = ON_HAND
        self.orders: list[tuple[Buyer, OrderView]] = []
        self.offer = self.do(self.market.goods("Lamp", on_hand=ON_HAND))
        self.sale = self.do(
            self.market.sale(
                self.offer, quota=QUOTA, per_buyer=PER_BUYER, duration_s=600, live=False
            )
        )

    def do(self, work: Any) -> Any:
        return self.runner.run(work)

    def attempt(self, work: Any) -> Any:
        """The answer, or the refusal."""

        async def told() -> Any:
            try:
                return await work
            except Refused as refused:
                return refused

        return self.do(told())

    def qty(self, *states: str, in_sale: bool | None = None, buyer: Buyer | None = None) -> int:
        return sum(
            order.lines[0].qty
            for of, order in self.orders
            if order.state in states
            and in_sale in (None, order.lines[0].sale_id is not None)
            and buyer in (None, of)
        )

    @property
    def late(self) -> int:
        """Units of late money come from everybody's units, not from the sale's."""
        return sum(order.lines[0].qty for _, order in self.orders if order.id in self.re_held)

    @rule(
        card=st.sampled_from(CARDS),
        qty=st.integers(1, 3),
        in_sale=st.booleans(),
        method=st.sampled_from([None, "card", "pay_on_delivery"]),
    )
    def buy(self, card: str, qty: int, in_sale: bool, method: str | None) -> None:
        buyer = self.buyers[card]
        sale = self.sale if in_sale else None
        level, counters = self.counted()
        had = self.qty("pending_payment", "confirmed", in_sale=True, buyer=buyer)
        free = QUOTA - sum(counters) if in_sale else self.on_hand - sum(level)
        answer = self.attempt(self.market.buy(buyer, self.offer, sale=sale, method=method, qty=qty))
        if in_sale and self.sale.phase not in LIVE:
            assert answer.code is Code.NOT_LIVE
        elif in_sale and had + qty > PER_BUYER:
            assert answer.code is Code.LIMIT_REACHED
        elif qty > free:
            assert answer.code is Code.SOLD_OUT
        else:
            assert isinstance(answer, OrderView), answer
            self.orders.append((buyer, answer))

    @rule(data=st.data())
    @precondition(lambda self: self.orders)
    def pay(self, data: st.DataObject) -> None:
        buyer, order = data.draw(st.sampled_from(self.orders))
        answer = self.attempt(self.market.pay(buyer, order))
        assert isinstance(answer, OrderView) or answer.code in (
            Code.BAD_TRANSITION,
            Code.HOLD_EXPIRED,
            Code.IN_FLIGHT,
            Code.PAYMENT_DECLINED,
        )

    @rule(data=st.data())
    @precondition(lambda self: self.orders)
    def cancel(self, data: st.DataObject) -> None:
        buyer, order = data.draw(st.sampled_from(self.orders))
        answer = self.attempt(self.market.cancel(buyer, order))
        if order.state in ("cancelled", "expired"):
            assert answer.code is Code.BAD_TRANSITION
        else:
            assert isinstance(answer, OrderView), answer

    @rule(data=st.data(), approve=st.booleans())
    def answer_the_bank(self, data: st.DataObject, approve: bool) -> None:
        asked = [order for _, order in self.orders if order.next_action is not None]
        if asked:
            order = data.draw(st.sampled_from(asked))
            assert order.next_action is not None
            ref = order.next_action.url.rsplit("/", 1)[1]
            self.do(self.market.sandbox.answer_challenge(ref, approve=approve))

    @rule(s=st.sampled_from([0, 1, 5, 31, 130, 320]))
    def time_passes(self, s: int) -> None:
        self.do(self.market.settle(s * 1000))

    @rule()
    def start(self) -> None:
        self.staff(StartSale, "start_sale", ("armed",))

    @rule()
    def end(self) -> None:
        self.staff(EndSale, "end_sale", LIVE)

    @rule()
    def withdraw(self) -> None:
        self.staff(CancelSale, "cancel_sale", ("armed", "warm_up"))

    def staff(self, kind: Any, verb: str, phases: tuple[str, ...]) -> None:
        stock, host = self.market.world.stock, self.market.world.host
        said = command(kind, sale_id=self.sale.id)
        answer = self.attempt(getattr(stock, verb)(host, self.market.room_id, said))
        if self.sale.phase in phases:
            assert isinstance(answer, SaleView), answer
        else:
            assert answer.code is Code.BAD_TRANSITION

    @rule(delta=st.integers(-4, 3).filter(bool))
    def adjust(self, delta: int) -> None:
        level, _ = self.counted()
        stock, host = self.market.world.stock, self.market.world.host
        answer = self.attempt(stock.adjust(host, self.offer.variant_id, delta=delta))
        if self.on_hand + delta < sum(level):
            assert answer.code is Code.STOCK_COMMITTED
        else:
            assert isinstance(answer, StockView), answer
            self.on_hand += delta

    def counted(self) -> tuple[tuple[int, int, int], tuple[int, int]]:
        """(allocated, reserved, set aside) and (held, sold), as the orders say."""
        held = self.qty("pending_payment", in_sale=True)
        sold = self.qty("confirmed", in_sale=True) - self.late
        aside = QUOTA - held - sold if self.sale.phase in STOCKED else 0
        return (self.qty("confirmed"), self.qty("pending_payment"), aside), (held, sold)

    @invariant()
    def the_counters_are_those_of_the_orders(self) -> None:
        if not hasattr(self, "orders"):
            return
        self.do(self.market.world.stock.clock.tick())
        # What is under way is done first: the model knows no half-made payments.
        self.do(self.market.orders.checkout.idle())
        self.sale = self.do(self.market.world.stock.sale(self.sale.id))
        self.orders = [
            (buyer, self.do(self.market.see(buyer, order))) for buyer, order in self.orders
        ]
        self.re_held = self.do(self._re_held())
        level = self.do(self.market.level(self.offer))
        expected, counters = self.counted()
        assert (level["allocated"], level["reserved"], level["set_aside"]) == expected
        assert level["on_hand"] == self.on_hand
        assert self.do(self.market.counters(self.sale)) == counters

    async def _re_held(self) -> set[str]:
        """Orders that were confirmed by money that came late."""
        ids = [order.id for _, order in self.orders]
        if not ids:
            return set()
        rows = await self.market.world.database.fetch(
            sa.select(store.order_transitions).where(
                store.order_transitions.c.entity_id.in_(ids),
                store.order_transitions.c.from_state == "expired",
            )
        )
        return {row["entity_id"] for row in rows}

    def teardown(self) -> None:
        assert self.do(self.market.breaches()) == []


def test_services_do_what_the_rules_say(url: str, tmp_path: Path):
    with asyncio.Runner() as runner:
        Evening.runner = runner
        Evening.market = runner.run(open_market(url, tmp_path))
        try:
            Evening.buyers = {card: runner.run(Evening.market.buyer(card)) for card in CARDS}
            run_state_machine_as_test(
                Evening,
                settings=settings(
                    max_examples=12,
                    stateful_step_count=30,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(Evening.market.close())
