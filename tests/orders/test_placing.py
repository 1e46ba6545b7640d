"""What a purchase is refused for, and what its repetition answers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from livecommerce.catalogue.wire import ProductPatch, VariantPatch
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.wire import OrderView, PlaceOrder, QuoteRequest
from livecommerce.people.wire import AddressDraft
from livecommerce.shows.wire import Ban
from livecommerce.stock.wire import CancelSale, EndSale, StartSale
from tests.orders.market import Market, together
from tests.shows.world import code_of, command


def codes(answers: list[object]) -> Counter[str]:
    """How many of each answer there were."""
    told: Counter[str] = Counter()
    for answer in answers:
        if isinstance(answer, Refused):
            told[answer.code.value] += 1
        else:
            assert isinstance(answer, OrderView), repr(answer)
            told["ok"] += 1
    return told


async def refuse(market: Market, buyer, wish: PlaceOrder, room_id: str | None = None) -> Refused:
    before = await market.count_orders()
    with pytest.raises(Refused) as refused:
        await market.orders.place_order(buyer.actor, room_id or market.room_id, wish)
    assert await market.count_orders() == before
    assert isinstance(refused.value, Refused)
    return refused.value


async def test_repetition_answers_what_the_first_one_answered(market: Market):
    offer, buyer = await market.goods(on_hand=1), await market.buyer()
    wish = market.wish(offer)
    first, is_replay = await market.orders.place_order_once(buyer.actor, market.room_id, wish)
    assert not is_replay
    # Whatever has happened since: the unit is gone, the price is another, the order has moved on.
    await market.cancel(buyer, first)
    product = await market.world.catalogue.product(offer.product_id)
    patch = ProductPatch(
        version=product.version, variants=[VariantPatch(id=offer.variant_id, price_minor=5)]
    )
    await market.world.catalogue.update_product(market.world.host, product.id, patch)
    again, is_replay = await market.orders.place_order_once(buyer.actor, market.room_id, wish)
    assert is_replay
    assert again == first


async def test_repetition_is_answered_when_sold_out_from_memory(market: Market):
    offer, winner = await market.goods(on_hand=1), await market.buyer()
    loser = await market.buyer()
    wish = market.wish(offer)
    order = await market.orders.place_order(winner.actor, market.room_id, wish)
    for _ in range(2):
        assert (await refuse(market, loser, market.wish(offer))).code is Code.SOLD_OUT
    again, is_replay = await market.orders.place_order_once(winner.actor, market.room_id, wish)
    assert is_replay
    assert again.id == order.id


async def test_same_key_for_another_wish(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    wish = market.wish(offer)
    await market.orders.place_order(buyer.actor, market.room_id, wish)
    other = msgspec.structs.replace(wish, qty=2, expected_total_minor=1)
    assert (await refuse(market, buyer, other)).code is Code.IDEMPOTENCY_MISMATCH
    # The same key of another person is another key.
    stranger = await market.buyer()
    order = await market.orders.place_order(stranger.actor, market.room_id, wish)
    assert order.state == "pending_payment"


async def test_many_at_once_with_one_key_make_one_order(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    wish = market.wish(offer)
    answers = await together(
        *(market.orders.place_order(buyer.actor, market.room_id, wish) for _ in range(50))
    )
    assert len({answer.id for answer in answers}) == 1
    assert (await market.level(offer))["reserved"] == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"expected_total_minor": 1}, Code.PRICE_CHANGED),
        ({"expected_total_minor": 10**15}, Code.PRICE_CHANGED),
        ({"currency": "USD"}, Code.CURRENCY),
        ({"qty": 11}, Code.SOLD_OUT),
        ({"sale_id": new_id()}, Code.NOT_FOUND),
        ({"variant_id": new_id()}, Code.NOT_FOUND),
        ({"offer_id": new_id()}, Code.NOT_FOUND),
    ],
)
async def test_tampered_wishes_hold_nothing(market: Market, fields: dict, code: Code):
    offer, buyer = await market.goods(), await market.buyer()
    if "qty" in fields:
        fields["expected_total_minor"] = market.total(offer.price_minor, fields["qty"])
    wish = msgspec.structs.replace(market.wish(offer), **fields)
    assert (await refuse(market, buyer, wish)).code is code
    assert (await market.level(offer))["reserved"] == 0


async def test_price_refusal_tells_the_price(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    refused = await refuse(market, buyer, market.wish(offer, expected_total_minor=7))
    assert refused.data["total_minor"] == market.total(offer.price_minor)
    quote = await market.orders.quote(
        buyer.actor, market.room_id, QuoteRequest(variant_id=offer.variant_id, offer_id=offer.id)
    )
    assert quote.total_minor == refused.data["total_minor"]
    assert quote.vat_minor * 115 // 15 in range(quote.total_minor - 16, quote.total_minor + 17)


async def test_a_new_price_is_noticed_within_the_snapshots_life(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    await market.buy(buyer, offer, method=None)  # the snapshot is warm now
    product = await market.world.catalogue.product(offer.product_id)
    patch = ProductPatch(
        version=product.version, variants=[VariantPatch(id=offer.variant_id, price_minor=9_000)]
    )
    await market.world.catalogue.update_product(market.world.host, product.id, patch)
    old = await refuse(market, buyer, market.wish(offer))
    assert (old.code, old.data["unit_minor"]) == (Code.PRICE_CHANGED, 9_000)
    wish = market.wish(offer, expected_total_minor=market.total(9_000))
    order = await market.orders.place_order(buyer.actor, market.room_id, wish)
    assert order.lines[0].unit_minor == 9_000


async def test_a_new_price_of_another_process_meets_the_rows(markets: tuple[Market, Market]):
    here, there = markets
    offer, buyer = await here.goods(), await here.buyer()
    await there.buy(buyer, offer, method=None)  # there, the snapshot is warm
    product = await here.world.catalogue.product(offer.product_id)
    patch = ProductPatch(
        version=product.version, variants=[VariantPatch(id=offer.variant_id, price_minor=9_000)]
    )
    await here.world.catalogue.update_product(here.world.host, product.id, patch)
    assert (await refuse(there, buyer, there.wish(offer))).code is Code.PRICE_CHANGED


async def test_archived_products_are_not_sold(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    await market.buy(buyer, offer, method=None)
    product = await market.world.catalogue.product(offer.product_id)
    patch = ProductPatch(version=product.version, state="archived")
    await market.world.catalogue.update_product(market.world.host, product.id, patch)
    assert (await refuse(market, buyer, market.wish(offer))).code is Code.NOT_FOUND


async def test_before_and_after_the_sale(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    sale = await market.sale(offer, quota=5, live=False)

    def wish() -> PlaceOrder:
        total = market.total(sale.price_minor)
        return market.wish(offer, sale_id=sale.id, expected_total_minor=total)

    refused = await refuse(market, buyer, wish())
    assert (refused.code, refused.data["phase"]) == (Code.NOT_LIVE, "armed")
    live = await market.sale(offer, quota=2, warm_up_s=30)
    assert live.ends_at is not None
    order = await market.buy(buyer, offer, sale=live)
    assert order.lines[0].unit_minor == live.price_minor
    market.pass_time(live.ends_at - market.clock.now_ms())
    # No clock has ticked yet; the time alone says so.
    assert (await refuse_sale(market, offer, live)).code is Code.NOT_LIVE


async def refuse_sale(market: Market, offer, sale) -> Refused:
    wish = market.wish(offer, sale_id=sale.id, expected_total_minor=market.total(sale.price_minor))
    return await refuse(market, await market.buyer(), wish)


async def test_warm_up_tells_when_buying_opens(market: Market):
    offer = await market.goods()
    sale = await market.sale(offer, quota=5, live=False)
    started = await market.world.stock.start_sale(
        market.world.host, market.room_id, command(StartSale, sale_id=sale.id)
    )
    refused = await refuse_sale(market, offer, started)
    assert (refused.code, refused.data["starts_at"]) == (Code.NOT_LIVE, started.starts_at)
    assert started.starts_at is not None
    market.pass_time(started.starts_at - market.clock.now_ms())
    # The first buyer is quicker than the clock; the sale opens by its own time.
    order = await market.buy(await market.buyer(), offer, sale=started)
    assert order.state == "pending_payment"
    assert (await market.world.stock.sale(sale.id)).phase == "live"


@pytest.mark.parametrize("how", ["end", "cancel"])
async def test_ended_and_cancelled_sales_sell_nothing(market: Market, how: str):
    offer = await market.goods()
    sale = await market.sale(offer, quota=5, live=how == "end")
    stock, host = market.world.stock, market.world.host
    if how == "end":
        await stock.end_sale(host, market.room_id, command(EndSale, sale_id=sale.id))
    else:
        await stock.cancel_sale(host, market.room_id, command(CancelSale, sale_id=sale.id))
    assert (await refuse_sale(market, offer, sale)).code is Code.NOT_LIVE
    assert (await market.level(offer))["set_aside"] == 0


async def test_sale_of_another_room_does_not_exist_here(market: Market):
    offer = await market.goods()
    sale = await market.sale(offer, quota=5)
    elsewhere = await market.world.make_room("elsewhere")
    wish = market.wish(
        offer,
        sale_id=sale.id,
        offer_id=None,
        expected_total_minor=market.total(sale.price_minor),
    )
    buyer = await market.buyer()
    assert (await refuse(market, buyer, wish, elsewhere.id)).code is Code.NOT_FOUND
    assert (await refuse(market, buyer, market.wish(offer), elsewhere.id)).code is Code.NOT_FOUND


async def test_limits_of_one_buyer(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    sale = await market.sale(offer, quota=5, per_buyer=2)
    with pytest.raises(Refused) as refused:
        await market.buy(buyer, offer, sale=sale, qty=3)
    assert code_of(refused) is Code.LIMIT_REACHED
    answers = await together(*(market.buy(buyer, offer, sale=sale) for _ in range(40)))
    assert codes(answers) == {"ok": 2, "limit_reached": 38}
    assert await market.counters(sale) in [(2, 0), (1, 1), (0, 2)]
    await market.settle()


async def test_exactly_as_many_as_there_are(market: Market):
    offer = await market.goods(on_hand=30)
    sale = await market.sale(offer, quota=25)
    buyers = [await market.buyer() for _ in range(60)]
    answers = await together(
        *(market.buy(buyer, offer, sale=sale, method=None) for buyer in buyers)
    )
    assert codes(answers) == {"ok": 25, "sold_out": 35}
    assert await market.counters(sale) == (25, 0)
    assert (await market.world.stock.sale(sale.id)).phase == "sold_out"
    # One who lets go makes room for one who comes later, at once.
    winner = next(
        buyer for buyer, a in zip(buyers, answers, strict=True) if not isinstance(a, Refused)
    )
    loser = next(buyer for buyer, a in zip(buyers, answers, strict=True) if isinstance(a, Refused))
    order = answers[buyers.index(winner)]
    await market.cancel(winner, order)
    assert (await market.buy(loser, offer, sale=sale)).state == "pending_payment"


async def test_banned_buyers_are_told_so(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    await market.world.shows.moderating.ban(
        market.world.host, market.room_id, command(Ban, person_id=buyer.actor.person_id)
    )
    assert (await refuse(market, buyer, market.wish(offer))).code is Code.BANNED
    # What they have already, they keep.
    await market.pay(buyer, order)
    await market.settle()
    assert (await market.see(buyer, order)).state == "confirmed"


async def test_address_and_payment_are_the_buyers_own(market: Market):
    offer, buyer, other = await market.goods(), await market.buyer(), await market.buyer()
    pays: dict[str, Any] = {"address_id": buyer.address_id, "payment": buyer.pays()}

    async def code(**fields: Any) -> Code:
        return (await refuse(market, buyer, market.wish(offer, **{**pays, **fields}))).code

    assert await code(address_id=None) is Code.ADDRESS_REQUIRED
    assert await code(address_id=other.address_id) is Code.NOT_FOUND
    assert await code(payment=other.pays()) is Code.NOT_FOUND
    assert (
        await code(payment=msgspec.structs.replace(buyer.pays(), card_id=None))
        is Code.PAYMENT_METHOD_REQUIRED
    )
    abroad = await market.world.people.add_address(
        buyer.actor,
        AddressDraft(
            country="AE",
            recipient="Badr",
            phone="+971501234567",
            fields={"emirate": "dubai", "area": "Marina", "street": "1", "building": "2"},
        ),
    )
    assert await code(address_id=abroad.id) is Code.NOT_DELIVERED_THERE
    newcomer = await market.world.person("Noor")
    wish = market.wish(offer, **pays)
    with pytest.raises(Refused) as refused:
        await market.orders.place_order(newcomer, market.room_id, wish)
    assert code_of(refused) is Code.NOT_FOUND


async def test_orders_of_others_do_not_exist(market: Market):
    offer, buyer, other = await market.goods(), await market.buyer(), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    for attempt in (
        market.see(other, order),
        market.pay(other, order),
        market.cancel(other, order),
        market.orders.order(other.actor, new_id()),
    ):
        with pytest.raises(Refused) as refused:
            await attempt
        assert code_of(refused) is Code.NOT_FOUND
    assert (await market.orders.my_orders(other.actor)).orders == []
    with pytest.raises(Refused) as refused:
        await market.orders.room_orders(other.actor, market.room_id)
    assert code_of(refused) is Code.FORBIDDEN


async def test_guest_keeps_the_unit_while_becoming_a_buyer(market: Market):
    offer = await market.goods(on_hand=1)
    guest = await market.world.people.make_account(name="Guest")
    wish = market.wish(offer)
    held = await market.orders.place_order(guest, market.room_id, wish)
    buyer = await market.buyer()
    with pytest.raises(Refused) as refused:
        await market.buy(buyer, offer)
    assert code_of(refused) is Code.SOLD_OUT
    assert (await market.orders.order(guest, held.id)).hold_expires_at == held.hold_expires_at


async def test_lists_of_orders(market: Market):
    nothing_yet = await market.orders.room_orders(market.world.host, market.room_id)
    assert (nothing_yet.orders, nothing_yet.revenue_minor, nothing_yet.currency) == ([], 0, "SAR")
    offer, buyer = await market.goods(on_hand=20), await market.buyer()
    made = [await market.buy(buyer, offer, method=None) for _ in range(5)]
    await market.pay(buyer, made[0])
    await market.cancel(buyer, made[1])
    await market.settle()
    page = await market.orders.my_orders(buyer.actor, limit=3)
    rest = await market.orders.my_orders(buyer.actor, after=page.next, limit=3)
    assert [order.id for order in [*page.orders, *rest.orders]] == [o.id for o in made][::-1]
    assert rest.next is None
    feed = await market.orders.room_orders(market.world.host, market.room_id, limit=2)
    assert (feed.confirmed, feed.held) == (1, 3)
    assert feed.revenue_minor == made[0].total_minor
    assert len(feed.orders) == 2
    assert feed.next == feed.orders[-1].order_id


async def test_paying_twice_at_once_charges_once(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    order = await market.buy(buyer, offer, method=None)
    answers = await together(*(market.pay(buyer, order) for _ in range(10)))
    told = codes(answers)
    # The others are told it is under way, or that it is done already.
    assert told["ok"] == 1
    assert told["in_flight"] + told["bad_transition"] == 9
    await market.settle()
    assert len(await market.sandbox.paid()) == 1
    with pytest.raises(Refused) as refused:
        await market.pay(buyer, order)
    assert code_of(refused) is Code.BAD_TRANSITION


async def test_what_is_not_offered_in_the_room_is_not_bought_from_its_host(market: Market):
    offer, buyer = await market.goods(), await market.buyer()
    wish = market.wish(offer, offer_id=None)
    order = await market.orders.place_order(buyer.actor, market.room_id, wish)
    assert order.room_id is None
    assert [line.host_id for line in order.lines] == [None]
    shown = await market.orders.room_orders(market.world.host, market.room_id)
    assert shown.orders == []
