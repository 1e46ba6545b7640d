"""A pinned card says what its product says, whoever edits it and whenever."""

import asyncio
import io

import pytest
from PIL import Image

from livecommerce.catalogue.wire import ProductPatch, ProductView, Text, VariantPatch
from livecommerce.shows.pins import UNDO_MS
from livecommerce.shows.wire import OfferView, PinChanged, PinOffer, PinSale, PinView, UndoPin
from livecommerce.stock.wire import PlanSale, StockChanged
from tests.shows.world import World, command


async def edit(world: World, offer: OfferView, **changes) -> ProductView:
    version = (await world.catalogue.product(offer.product_id)).version
    patch = ProductPatch(version=version, **changes)
    return await world.catalogue.update_product(world.host, offer.product_id, patch)


async def renew(*worlds: World, viewers: int = 1) -> None:
    for world in worlds:
        await world.showing.refresh()
        world.viewers.update(dict.fromkeys(world.showing.cards(), viewers))
    await asyncio.gather(*(world.shows.cards.renew() for world in worlds))


async def pin(world: World, offer: OfferView, slot: int = 1) -> PinView:
    return await world.shows.pins.pin_offer(
        world.host, world.room_id, command(PinOffer, offer_id=offer.id, slot=slot)
    )


def shown(world: World) -> OfferView:
    """The offer of the last card that was told."""
    card = world.events(PinChanged)[-1].pin
    assert card is not None
    assert card.offer is not None
    return card.offer


async def test_an_edited_product_is_shown_anew_where_it_is_pinned(world: World):
    await world.offer("Oud")
    lamp = await world.offer("Lamp", variants=2)
    before = await pin(world, lamp, 2)
    upload = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(upload, "PNG")
    product = await world.catalogue.product(lamp.product_id)
    picture = await world.catalogue.upload_picture(
        world.host, product.merchant.id, upload.getvalue()
    )
    counters = len(world.events(StockChanged))
    await edit(
        world,
        lamp,
        title=Text(en="Lantern", ar="فانوس"),
        picture_ids=[picture.id],
        variants=[VariantPatch(id=lamp.variant_id, price_minor=900, compare_at_minor=1_000)],
    )
    await renew(world)
    told = world.events(PinChanged)[-1]
    assert told.key == "pin:2"
    assert told.version > world.events(PinChanged)[-2].version
    offer = shown(world)
    assert (offer.id, offer.number) == (lamp.id, 2)
    assert offer.title == Text(en="Lantern", ar="فانوس")
    assert (offer.price_minor, offer.compare_at_minor) == (900, 1_000)
    assert (offer.picture_url, offer.thumb_url) == (picture.url, picture.thumb_url)
    assert told.pin is not None
    assert (told.pin.pinned_at, told.pin.pinned_by) == (before.pinned_at, before.pinned_by)
    # Who comes later is shown the same, and no counter came or went.
    seed = await world.snapshots.load_room(world.room_id)
    (pinned,) = [event for event in seed.state if isinstance(event, PinChanged) and event.slot == 2]
    assert pinned.pin == told.pin
    assert len(world.events(StockChanged)) == counters
    told_so_far = len(world.publisher.published)
    await renew(world)
    assert len(world.publisher.published) == told_so_far


async def test_a_sale_that_is_pinned_keeps_its_terms(world: World):
    lamp = await world.offer("Lamp")
    sale = await world.stock.plan_sale(
        world.host,
        world.room_id,
        command(PlanSale, offer_id=lamp.id, variant_id=lamp.variant_id, price_minor=5_000, quota=2),
    )
    await world.shows.pins.pin_sale(
        world.host, world.room_id, command(PinSale, sale_id=sale.id, slot=1)
    )
    await edit(world, lamp, title=Text(en="Lantern"))
    await renew(world)
    card = world.events(PinChanged)[-1].pin
    assert card is not None
    assert (card.kind, card.sale_id, shown(world).title.en) == ("flash_sale", sale.id, "Lantern")
    assert await world.stock.sale(sale.id) == sale


async def test_what_comes_back_by_undo_is_brought_up_to_date(world: World):
    lamp, oud = await world.offer("Lamp"), await world.offer("Oud")
    await pin(world, lamp)
    await pin(world, oud)
    await edit(world, lamp, title=Text(en="Lantern"))
    await edit(world, oud, title=Text(en="Agarwood"))
    await renew(world)
    assert shown(world).title.en == "Agarwood"
    # An edit is no change of the slot: its undo stands, for as long as it did.
    world.clock.advance(UNDO_MS)
    await world.shows.pins.undo_pin(world.host, world.room_id, command(UndoPin, slot=1))
    await renew(world)
    assert shown(world).title.en == "Lantern"


async def test_an_edit_while_the_card_is_being_pinned_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    lamp = await world.offer("Lamp")
    seen = await world.catalogue.product(lamp.product_id)
    await edit(world, lamp, title=Text(en="Lantern"))

    async def product(product_id: str) -> ProductView:
        return seen

    with monkeypatch.context() as patched:
        patched.setattr(world.catalogue, "product", product)
        await pin(world, lamp)
    assert shown(world).title.en == "Lamp"
    await renew(world)
    assert shown(world).title.en == "Lantern"


async def test_a_card_of_what_is_no_longer_sold_says_so_until_it_is_sold_again(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp)
    assert shown(world).for_sale
    patch = ProductPatch(version=1, title=Text(en="Lantern"), state="archived")
    await world.catalogue.update_product(world.host, lamp.product_id, patch)
    await renew(world)
    assert (shown(world).title.en, shown(world).for_sale) == ("Lamp", False)
    told = len(world.events(PinChanged))
    await renew(world)
    assert len(world.events(PinChanged)) == told
    await world.catalogue.update_product(
        world.host, lamp.product_id, ProductPatch(version=2, state="active")
    )
    await renew(world)
    assert (shown(world).title.en, shown(world).for_sale) == ("Lantern", True)


async def test_an_edit_in_one_process_is_told_once_by_all(worlds: tuple[World, World]):
    one, other = worlds
    lamp = await one.offer("Lamp")
    await pin(one, lamp)
    await edit(other, lamp, title=Text(en="Lantern"))
    await renew(one, other)
    told = [*one.events(PinChanged)[1:], *other.events(PinChanged)]
    assert [event.pin.offer.title.en for event in told if event.pin and event.pin.offer] == [
        "Lantern"
    ]


async def test_moderators_do_not_wait_for_cards(world: World, monkeypatch: pytest.MonkeyPatch):
    lamp = await world.offer("Lamp")
    await pin(world, lamp)
    world.viewers[world.room_id] = 1
    looking, swept = asyncio.Event(), asyncio.Event()

    async def versions(ids: object) -> dict[str, int]:
        looking.set()
        await asyncio.Event().wait()
        raise AssertionError

    async def sweep() -> None:
        if looking.is_set():
            swept.set()

    monkeypatch.setattr(world.catalogue, "versions", versions)
    monkeypatch.setattr(world.shows.moderating, "sweep", sweep)
    running = asyncio.create_task(world.shows.run())
    async with asyncio.timeout(10):
        await swept.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_running_process_looks_by_itself(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp)
    world.viewers[world.room_id] = 1
    running = asyncio.create_task(world.shows.run())
    await edit(world, lamp, title=Text(en="Lantern"))
    async with asyncio.timeout(10):
        while shown(world).title.en != "Lantern":
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_room_is_put_right_once_somebody_watches_it(world: World):
    lamp = await world.offer("Lamp")
    await pin(world, lamp)
    await edit(world, lamp, title=Text(en="Lantern"))
    told = len(world.events(PinChanged))
    await renew(world, viewers=0)
    assert len(world.events(PinChanged)) == told
    await renew(world)
    assert shown(world).title == Text(en="Lantern")
