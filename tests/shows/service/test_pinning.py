"""Pins: cards, sales and words in three slots; the counters that come and go with them."""

import asyncio

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.pins import COUNTERS_MAX
from livecommerce.shows.wire import (
    PinChanged,
    PinOffer,
    PinSale,
    PinText,
    RemoveOffer,
    UndoPin,
    Unpin,
)
from livecommerce.stock.wire import CancelSale, PlanSale, StockChanged
from tests.shows.world import World, code_of, command


async def pin(world: World, offer_id: str, slot: int = 1, **fields):
    return await world.shows.pins.pin_offer(
        fields.pop("actor", world.host),
        world.room_id,
        command(PinOffer, offer_id=offer_id, slot=slot),
    )


async def unpin(world: World, slot: int = 1):
    await world.shows.pins.unpin(world.host, world.room_id, command(Unpin, slot=slot))


async def undo(world: World, slot: int = 1):
    await world.shows.pins.undo_pin(world.host, world.room_id, command(UndoPin, slot=slot))


async def plan_sale(world: World, offer, **fields):
    return await world.stock.plan_sale(
        world.host,
        fields.pop("room_id", world.room_id),
        command(
            PlanSale, offer_id=offer.id, variant_id=offer.variant_id, price_minor=5_000, quota=2
        ),
    )


def counters(world: World) -> list[tuple[str, int, bool]]:
    return [(e.variant_id, e.available, e.dropped) for e in world.events(StockChanged)]


async def test_a_pinned_offer_is_a_card_with_its_counters(world: World):
    lamp = await world.offer("Lamp", variants=2, on_hand=7)
    view = await pin(world, lamp.id, 2)
    assert (view.slot, view.kind, view.offer, view.pinned_by) == (2, "product", lamp, "Huda")
    assert [e.pin for e in world.events(PinChanged)] == [view]
    assert world.events(PinChanged)[0].key == "pin:2"
    assert {(available, dropped) for _, available, dropped in counters(world)} == {(7, False)}
    assert len(counters(world)) == 2
    assert world.showing.rooms(lamp.variant_id) == (world.room_id,)


async def test_unpinning_takes_the_counters_back(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp.id)
    await unpin(world)
    assert [dropped for _, _, dropped in counters(world)] == [False, True]
    assert world.showing.rooms(lamp.variant_id) == ()
    told = len(world.publisher.published)
    await unpin(world)
    assert len(world.publisher.published) == told


async def test_a_card_pinned_again_brings_its_counter_again(world: World):
    lamp = await world.offer("Lamp")
    for _ in range(3):
        await pin(world, lamp.id)
        await unpin(world)
    assert [dropped for _, _, dropped in counters(world)] == [False, True] * 3
    assert len({e.version for e in world.events(StockChanged)}) == 1


async def test_a_variant_shown_twice_is_dropped_with_the_last(world: World):
    lamp = await world.offer("Lamp")
    sale = await plan_sale(world, lamp)
    await pin(world, lamp.id, 1)
    await world.shows.pins.pin_sale(
        world.host, world.room_id, command(PinSale, sale_id=sale.id, slot=2)
    )
    await unpin(world, 1)
    assert not any(dropped for _, _, dropped in counters(world))
    await unpin(world, 2)
    assert counters(world)[-1][2]


async def test_a_card_of_many_variants_shows_some_counters(world: World):
    lamp = await world.offer("Lamp", variants=30)
    await pin(world, lamp.id)
    assert len(counters(world)) == COUNTERS_MAX


async def test_replacing_a_card_changes_the_counters_and_undo_changes_them_back(world: World):
    lamp, oud = await world.offer("Lamp"), await world.offer("Oud")
    await pin(world, lamp.id)
    await pin(world, oud.id)
    await undo(world)
    assert [(v, dropped) for v, _, dropped in counters(world)] == [
        (lamp.variant_id, False),
        (oud.variant_id, False),
        (lamp.variant_id, True),
        (lamp.variant_id, False),
        (oud.variant_id, True),
    ]
    pins = [e.pin.offer.id for e in world.events(PinChanged) if e.pin and e.pin.offer]
    assert pins == [lamp.id, oud.id, lamp.id]
    assert world.events(PinChanged)[0].pin == world.events(PinChanged)[-1].pin
    assert world.showing.rooms(oud.variant_id) == ()


async def test_undo_is_for_five_seconds(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp.id)
    await unpin(world)
    world.clock.advance(5_001)
    with pytest.raises(Refused) as refused:
        await undo(world)
    assert code_of(refused) is Code.UNDO_EXPIRED


async def test_undo_brings_nothing_back_that_left_the_bag(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp.id)
    await unpin(world)
    await world.shows.bag.remove_offer(
        world.host, world.room_id, command(RemoveOffer, offer_id=lamp.id)
    )
    with pytest.raises(Refused) as refused:
        await undo(world)
    assert code_of(refused) is Code.UNDO_EXPIRED


async def test_an_undone_card_has_the_number_of_now(world: World):
    first, lamp = await world.offer("First"), await world.offer("Lamp")
    await pin(world, lamp.id)
    await unpin(world)
    await world.shows.bag.remove_offer(
        world.host, world.room_id, command(RemoveOffer, offer_id=first.id)
    )
    await undo(world)
    shown = world.events(PinChanged)[-1].pin
    assert shown is not None
    assert shown.offer is not None
    assert shown.offer.number == 1


async def test_an_offer_stands_in_one_slot(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp.id, 1)
    with pytest.raises(Refused) as refused:
        await pin(world, lamp.id, 2)
    assert code_of(refused) is Code.SLOT_TAKEN
    assert refused.value.data == {"slot": 1}


async def test_a_sale_is_pinned_with_its_offer(world: World):
    lamp = await world.offer("Lamp")
    sale = await plan_sale(world, lamp)
    view = await world.shows.pins.pin_sale(
        world.host, world.room_id, command(PinSale, sale_id=sale.id, slot=1)
    )
    assert (view.kind, view.sale_id, view.offer and view.offer.id) == (
        "flash_sale", sale.id, lamp.id,
    )  # fmt: skip


async def test_a_sale_of_another_room_or_one_that_is_over_is_not_pinned(world: World):
    lamp = await world.offer("Lamp")
    sale = await plan_sale(world, lamp)
    other = await world.make_room("other")
    with pytest.raises(Refused) as refused:
        await world.shows.pins.pin_sale(world.host, other.id, command(PinSale, sale_id=sale.id))
    assert code_of(refused) is Code.NOT_FOUND
    await world.stock.cancel_sale(world.host, world.room_id, command(CancelSale, sale_id=sale.id))
    with pytest.raises(Refused) as refused:
        await world.shows.pins.pin_sale(
            world.host, world.room_id, command(PinSale, sale_id=sale.id)
        )
    assert code_of(refused) is Code.NOT_LIVE


async def test_words_are_pinned_as_they_are_shown(world: World):
    text = command(PinText, text=" Free\u202e delivery  tonight ")
    view = await world.shows.pins.pin_text(world.host, world.room_id, text)
    assert (view.slot, view.kind, view.text) == (3, "announcement", "Free delivery tonight")
    with pytest.raises(Refused) as refused:
        await world.shows.pins.pin_text(world.host, world.room_id, command(PinText, text="\u200b"))
    assert code_of(refused) is Code.MESSAGE_EMPTY


async def test_a_moderator_may_pin_a_viewer_not(world: World):
    lamp = await world.offer("Lamp")
    moderator, stranger = await world.moderator(), await world.person("Sami")
    assert (await pin(world, lamp.id, actor=moderator)).pinned_by == "Mona"
    for call in (
        pin(world, lamp.id, actor=stranger),
        world.shows.pins.pin_text(stranger, world.room_id, command(PinText, text="x")),
        world.shows.pins.pin_sale(stranger, world.room_id, command(PinSale, sale_id="s")),
        world.shows.pins.unpin(stranger, world.room_id, command(Unpin, slot=1)),
        world.shows.pins.undo_pin(stranger, world.room_id, command(UndoPin, slot=1)),
    ):
        with pytest.raises(Refused) as refused:
            await call
        assert code_of(refused) is Code.FORBIDDEN


async def test_an_offer_of_another_room_is_not_pinned(world: World):
    lamp = await world.offer("Lamp")
    other = await world.make_room("other")
    with pytest.raises(Refused) as refused:
        await world.shows.pins.pin_offer(world.host, other.id, command(PinOffer, offer_id=lamp.id))
    assert code_of(refused) is Code.NOT_FOUND


async def test_the_same_command_pins_once(world: World):
    lamp, oud = await world.offer("Lamp"), await world.offer("Oud")
    sent = command(PinOffer, offer_id=lamp.id, slot=1)
    first = await world.shows.pins.pin_offer(world.host, world.room_id, sent)
    await pin(world, oud.id)
    again = await world.shows.pins.pin_offer(world.host, world.room_id, sent)
    assert again == first
    shown = world.events(PinChanged)[-1].pin
    assert shown is not None
    assert shown.offer == oud


async def test_many_pin_at_once_and_the_slots_hold_together(world: World):
    offers = [await world.offer(f"P{n}") for n in range(4)]
    answers = await asyncio.gather(
        *(pin(world, offers[n % 4].id, n % 3 + 1) for n in range(12)), return_exceptions=True
    )
    assert {a.code for a in answers if isinstance(a, Refused)} <= {Code.SLOT_TAKEN}
    assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, Refused)]


async def test_two_processes_pin_and_each_knows_what_the_other_shows(worlds: tuple[World, World]):
    one, other = worlds
    lamp, oud = await one.offer("Lamp"), await one.offer("Oud")
    await asyncio.gather(pin(one, lamp.id, 1), pin(other, oud.id, 2))
    await one.showing.refresh()
    await other.showing.refresh()
    for world in worlds:
        assert world.showing.rooms(lamp.variant_id) == (one.room_id,)
        assert world.showing.rooms(oud.variant_id) == (one.room_id,)
    # Each writes on the slots as they are, not as it last saw them.
    await pin(other, oud.id, 2)
    await unpin(one, 2)
    await undo(other, 2)
    await other.showing.refresh()
    await one.showing.refresh()
    assert one.showing.rooms(oud.variant_id) == (one.room_id,)
