"""Orders: totals, and the steps on each axis."""

import itertools

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from livecommerce.catalogue.markets import MARKETS
from livecommerce.kernel.errors import Refused
from livecommerce.orders import orders as rules
from livecommerce.orders.orders import FulfilState, OrderState, PaymentState, Totals, number_of

MACHINES = [
    (OrderState, rules.ORDER_NEXT, rules.move_order),
    (PaymentState, rules.PAYMENT_NEXT, rules.move_payment),
    (FulfilState, rules.FULFIL_NEXT, rules.move_fulfilment),
]


@pytest.mark.parametrize(("states", "allowed", "move"), MACHINES)
def test_only_the_drawn_steps(states, allowed, move):
    for current, to in itertools.product(states, states):
        if to in allowed[current]:
            assert move(current, to) is to
        else:
            with pytest.raises(Refused):
                move(current, to)


@given(st.sampled_from(sorted(MARKETS)), st.integers(0, 10**9), st.integers(1, 99))
def test_totals_add_up_in_every_market(market_id: str, unit_minor: int, qty: int):
    market = MARKETS[market_id]
    totals = Totals(unit_minor, qty, market.delivery_minor, market.vat_bps)
    assert totals.total_minor == unit_minor * qty + market.delivery_minor
    assert 0 <= totals.line_vat_minor <= totals.vat_minor <= totals.total_minor
    # VAT is inside: what is left without it, taxed again, is the total, to a unit a line.
    net = totals.total_minor - totals.vat_minor
    assert abs(net * (10_000 + market.vat_bps) - totals.total_minor * 10_000) <= 2 * 12_000
    assert market.vat_bps or totals.vat_minor == 0


def test_kuwait_has_three_decimals_and_japan_none():
    assert Totals(1_250, 2, MARKETS["KW"].delivery_minor, 0).total_minor == 4_000
    assert MARKETS["KW"].exponent == 3
    assert Totals(980, 1, 600, 1000).vat_minor == 89 + 55


def test_numbers_are_short():
    assert number_of("01ARZ3NDEKTSV4RRFFQ69G5FAV") == "Q69G-5FAV"


class Life(RuleBasedStateMachine):
    """An order moved at random on all axes never leaves what the wire says it can be."""

    def __init__(self) -> None:
        super().__init__()
        self.order = OrderState.PENDING_PAYMENT
        self.payment = PaymentState.NOT_PAID
        self.path: list[tuple[str, str]] = []

    @rule(to=st.sampled_from(OrderState))
    def move_order(self, to: OrderState) -> None:
        try:
            self.order = rules.move_order(self.order, to)
        except Refused:
            return
        self.path.append(("order", to))

    @rule(to=st.sampled_from(PaymentState))
    def move_payment(self, to: PaymentState) -> None:
        try:
            self.payment = rules.move_payment(self.payment, to)
        except Refused:
            return
        self.path.append(("payment", to))

    @invariant()
    def what_is_over_stays_over(self) -> None:
        seen = [to for machine, to in self.path if machine == "order"]
        for over in (OrderState.CANCELLED, OrderState.COMPLETED):
            if over in seen:
                assert self.order is over
        paid = [to for machine, to in self.path if machine == "payment"]
        if PaymentState.REFUNDED in paid:
            assert self.payment is PaymentState.REFUNDED
            assert PaymentState.CAPTURED in paid


TestLife = Life.TestCase
TestLife.settings = profile(max_examples=60, stateful_step_count=25, deadline=None)
