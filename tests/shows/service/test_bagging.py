"""The bag: offers with numbers, and the cards that show them."""

import asyncio

import pytest

from livecommerce.catalogue.service import Sellable
from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.bag import OFFERS_MAX, Bag, Entry
from livecommerce.shows.store.records import columns_of_bag
from livecommerce.shows.store.tables import bags
from livecommerce.shows.wire import (
    AddOffer,
    BagChanged,
    MoveOffer,
    OfferView,
    PinChanged,
    PinOffer,
    RemoveOffer,
)
from livecommerce.stock.wire import PlanSale, SaleView, StockChanged
from tests.shows.world import World, code_of, command
from tests.shows.writes import Change


async def add(world: World, product_id: str, **fields):
    return await world.shows.bag.add_offer(
        fields.pop("actor", world.host),
        world.room_id,
        command(AddOffer, product_id=product_id, **fields),
    )


async def numbers(world: World) -> list[tuple[int, str]]:
    view = await world.shows.bag.view(world.room_id)
    return [(offer.number, offer.title.en) for offer in view.offers]


async def test_products_get_the_next_number(world: World):
    lamp, oud = await world.offer("Lamp", on_hand=3, variants=2), await world.offer("Oud")
    assert (lamp.number, oud.number) == (1, 2)
    assert (lamp.price_minor, lamp.available, lamp.variant_count) == (10_000, 6, 2)
    assert [(e.count, e.version) for e in world.events(BagChanged)] == [(1, 2), (2, 3)]
    assert await world.shows.bag.version(world.room_id) == 3
    view = await world.shows.bag.view(world.room_id)
    assert view.offers == [lamp, oud]
    found = await world.shows.bag.offer(world.room_id, oud.id)
    assert (found.number, found.product_id) == (2, oud.product_id)


async def test_an_offer_is_put_between_and_moved(world: World):
    await world.offer("A")
    await world.offer("B")
    product = await world.product("C")
    added = await add(world, product.id, number=1)
    assert added.number == 1
    assert await numbers(world) == [(1, "C"), (2, "A"), (3, "B")]
    await world.shows.bag.move_offer(
        world.host, world.room_id, command(MoveOffer, offer_id=added.id, number=500)
    )
    assert await numbers(world) == [(1, "A"), (2, "B"), (3, "C")]
    told = len(world.events(BagChanged))
    await world.shows.bag.move_offer(
        world.host, world.room_id, command(MoveOffer, offer_id=added.id, number=3)
    )
    assert len(world.events(BagChanged)) == told


async def test_a_removed_offer_is_gone_and_its_product_may_come_back(world: World):
    lamp, oud = await world.offer("Lamp"), await world.offer("Oud")
    remove = command(RemoveOffer, offer_id=lamp.id)
    await world.shows.bag.remove_offer(world.host, world.room_id, remove)
    await world.shows.bag.remove_offer(world.host, world.room_id, remove)
    assert await numbers(world) == [(1, "Oud")]
    for call in (
        world.shows.bag.offer(world.room_id, lamp.id),
        world.shows.bag.remove_offer(
            world.host, world.room_id, command(RemoveOffer, offer_id=lamp.id)
        ),
        world.shows.bag.move_offer(
            world.host, world.room_id, command(MoveOffer, offer_id=lamp.id, number=1)
        ),
    ):
        with pytest.raises(Refused) as refused:
            await call
        assert code_of(refused) is Code.NOT_FOUND
    again = await add(world, lamp.product_id)
    assert (again.number, again.id == lamp.id) == (2, False)
    assert oud.number == 2


async def test_a_product_is_in_the_bag_once(world: World):
    lamp = await world.offer("Lamp")
    with pytest.raises(Refused) as refused:
        await add(world, lamp.product_id)
    assert code_of(refused) is Code.ALREADY_EXISTS
    assert refused.value.data == {"offer_id": lamp.id}


async def test_another_merchants_product_is_welcome_a_missing_one_not(world: World):
    lamp, oud = await world.offer("Lamp"), await world.offer("Oud")
    assert lamp.merchant.id != oud.merchant.id
    with pytest.raises(Refused) as refused:
        await add(world, "no-such-product")
    assert code_of(refused) is Code.NOT_FOUND


async def test_a_full_bag_takes_no_more(world: World):
    product = await world.product("One more")
    full = Bag(tuple(Entry(f"o{n}", f"p{n}") for n in range(OFFERS_MAX)))
    version = await world.database.writer.submit(Change(bags, world.room_id, columns_of_bag(full)))
    with pytest.raises(Refused) as refused:
        await add(world, product.id)
    assert code_of(refused) is Code.BAG_FULL
    empty = columns_of_bag(Bag())
    assert await world.database.writer.submit(Change(bags, world.room_id, empty)) == version + 1


async def test_the_same_command_adds_once(world: World):
    product = await world.product("Lamp")
    sent = command(AddOffer, product_id=product.id)
    first, again = await asyncio.gather(
        *(world.shows.bag.add_offer(world.host, world.room_id, sent) for _ in range(2))
    )
    assert first == again
    assert len((await world.shows.bag.view(world.room_id)).offers) == 1


async def test_only_who_may_fills_the_bag(world: World):
    product = await world.product("Lamp")
    for actor in (await world.person("Sami"), await world.moderator()):
        with pytest.raises(Refused) as refused:
            await add(world, product.id, actor=actor)
        assert code_of(refused) is Code.FORBIDDEN
    cohost = await world.moderator("Co", role="co_host")
    assert (await add(world, product.id, actor=cohost)).number == 1


async def test_an_offer_of_another_room_is_not_here(world: World):
    lamp = await world.offer("Lamp")
    other = await world.make_room("other")
    for call in (
        world.shows.bag.offer(other.id, lamp.id),
        world.shows.bag.remove_offer(world.host, other.id, command(RemoveOffer, offer_id=lamp.id)),
    ):
        with pytest.raises(Refused) as refused:
            await call
        assert code_of(refused) is Code.NOT_FOUND
    assert await numbers(world) == [(1, "Lamp")]


async def test_a_pinned_card_follows_its_number(world: World):
    await world.offer("A")
    lamp = await world.offer("Lamp")
    await world.shows.pins.pin_offer(
        world.host, world.room_id, command(PinOffer, offer_id=lamp.id, slot=2)
    )
    await world.shows.bag.move_offer(
        world.host, world.room_id, command(MoveOffer, offer_id=lamp.id, number=1)
    )
    pins = [event.pin for event in world.events(PinChanged)]
    assert [pin.offer.number for pin in pins if pin and pin.offer] == [2, 1]


async def test_a_pinned_card_goes_with_its_offer(world: World):
    lamp = await world.offer("Lamp")
    await world.shows.pins.pin_offer(world.host, world.room_id, command(PinOffer, offer_id=lamp.id))
    assert world.showing.rooms(lamp.variant_id) == (world.room_id,)
    await world.shows.bag.remove_offer(
        world.host, world.room_id, command(RemoveOffer, offer_id=lamp.id)
    )
    assert world.events(PinChanged)[-1].gone
    assert world.events(StockChanged)[-1].dropped
    assert world.showing.rooms(lamp.variant_id) == ()


async def test_an_offer_on_sale_stays(world: World):
    lamp = await world.offer("Lamp")
    sale = await world.stock.plan_sale(
        world.host,
        world.room_id,
        command(PlanSale, offer_id=lamp.id, variant_id=lamp.variant_id, price_minor=5_000, quota=2),
    )
    with pytest.raises(Refused) as refused:
        await world.shows.bag.remove_offer(
            world.host, world.room_id, command(RemoveOffer, offer_id=lamp.id)
        )
    assert code_of(refused) is Code.CONFLICT
    assert refused.value.data == {"sale_id": sale.id}


async def plan(world: World, offer: OfferView) -> SaleView:
    terms = {"variant_id": offer.variant_id, "price_minor": 5_000, "quota": 2}
    return await world.stock.plan_sale(
        world.host, world.room_id, command(PlanSale, offer_id=offer.id, **terms)
    )


async def test_a_sale_that_is_planned_while_its_offer_is_being_removed_keeps_it(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    lamp = await world.offer("Lamp")
    look = world.stock.sales_of_room

    async def looked(room_id: str) -> list[SaleView]:
        sales = await look(room_id)
        # Between the look and the removal.
        assert (await plan(world, lamp)).offer_id == lamp.id
        return sales

    monkeypatch.setattr(world.stock, "sales_of_room", looked)
    remove = command(RemoveOffer, offer_id=lamp.id)
    with pytest.raises(Refused) as refused:
        await world.shows.bag.remove_offer(world.host, world.room_id, remove)
    assert code_of(refused) is Code.CONFLICT
    assert await numbers(world) == [(1, "Lamp")]


async def test_no_sale_is_planned_of_an_offer_that_leaves_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    lamp = await world.offer("Lamp")
    look = world.catalogue.sellable

    async def looked(variant_id: str, **how) -> Sellable:
        # The plan has found the offer in the bag by now.
        await world.shows.bag.remove_offer(
            world.host, world.room_id, command(RemoveOffer, offer_id=lamp.id)
        )
        return await look(variant_id, **how)

    monkeypatch.setattr(world.catalogue, "sellable", looked)
    with pytest.raises(Refused) as refused:
        await plan(world, lamp)
    assert code_of(refused) is Code.NOT_FOUND
    assert await world.stock.sales_of_room(world.room_id) == []


async def test_of_a_sale_and_a_removal_in_two_processes_one_happens(worlds: tuple[World, World]):
    one, other = worlds
    for number in range(12):
        lamp = await one.offer(f"P{number}")
        remove = command(RemoveOffer, offer_id=lamp.id)
        planned, removed = await asyncio.gather(
            plan(one, lamp),
            other.shows.bag.remove_offer(other.host, one.room_id, remove),
            return_exceptions=True,
        )
        refusals = {each.code for each in (planned, removed) if isinstance(each, Refused)}
        assert refusals in ({Code.CONFLICT}, {Code.NOT_FOUND}), (planned, removed)
        await one.shows.memory.reread(one.room_id)
        is_in_bag = lamp.id in {o.id for o in (await one.shows.bag.view(one.room_id)).offers}
        assert is_in_bag is isinstance(planned, SaleView)


async def test_two_processes_fill_one_bag(worlds: tuple[World, World]):
    one, other = worlds
    products = [await one.product(f"P{n}") for n in range(12)]
    added = await asyncio.gather(
        *(add(worlds[n % 2], product.id) for n, product in enumerate(products))
    )
    assert sorted(offer.number for offer in added) == list(range(1, 13))
    # What one process has just added is an offer in the other at once.
    for offer in added:
        assert (await other.shows.bag.offer(one.room_id, offer.id)).product_id == offer.product_id
