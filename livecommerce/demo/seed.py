"""Fills an empty shop with the demo's people, merchants, products and room. Safe to run again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from livecommerce.app.services import Services
from livecommerce.catalogue.wire import MerchantDraft, ProductDraft, ProductView, Text, VariantDraft
from livecommerce.demo import shop as content
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.payments.wire import CardDraft
from livecommerce.people.accounts import Actor, Kind
from livecommerce.people.wire import AddressDraft, ContactDraft
from livecommerce.shows.wire import AddOffer, RoomDraft, RoomPatch, RoomView

ROOM_SLUG = "majlis"
HOST_ID = "demo-host"
MODERATOR_ID = "demo-moderator"
VIEWER_ID = "demo-viewer"
PHONE_ID = "demo-phone"
CARD_TOKEN = "tok_visa"


@dataclass(frozen=True, slots=True)
class Seeded:
    """What the scripted host and the crowd need to find."""

    room: RoomView
    host: Actor
    moderator: Actor
    viewer: Actor
    phone: Actor
    products: dict[str, ProductView]
    """By the key of the script."""
    offers: dict[str, str]
    """Product key to offer id."""


async def seed(
    services: Services, *, pictures: Path, playback_url: str, progress: Callable[[float], None]
) -> Seeded:
    """Makes what is not there yet.

    Args:
        pictures: folder of the drawn pictures.
        playback_url: address of the showcase video.
        progress: called with the share done, from 0 to 1.
    """
    people = services.people
    host = await people.make_account(name="نورة · Noura", market=content.MARKET, person_id=HOST_ID)
    moderator = await people.make_account(
        name="Salem", market=content.MARKET, person_id=MODERATOR_ID
    )
    viewer = await buyer(services, VIEWER_ID, "Layan")
    phone = await buyer(services, PHONE_ID, "Phone")
    products = await _products(services, host, pictures, progress)
    room = await _room(services, host, playback_url)
    await people.grant(host, room.id, person_id=moderator.person_id, role="moderator")
    offers = await _bag(services, host, room.id, products)
    return Seeded(room, host, moderator, viewer, phone, products, offers)


async def buyer(services: Services, person_id: str, name: str, kind: Kind = Kind.ACCOUNT) -> Actor:
    """Makes somebody who can buy in one tap: a phone, an address and a test card."""
    people = services.people
    actor = await people.make_account(
        name=name, market=content.MARKET, person_id=person_id, kind=kind
    )
    if (await people.buyer(person_id)).addresses:
        return actor
    await people.set_contact(actor, ContactDraft(phone="+966512345678"))
    await people.add_address(
        actor,
        AddressDraft(
            country="SA",
            recipient=name,
            phone="+966512345678",
            fields={
                "short_address": "RRRD2929",
                "building": "2929",
                "street": "Olaya",
                "district": "Al Olaya",
                "city": "Riyadh",
                "postcode": "12213",
            },
        ),
    )
    await services.payments.save_card(actor, CardDraft(token=CARD_TOKEN))
    return actor


async def _products(
    services: Services, host: Actor, pictures: Path, progress: Callable[[float], None]
) -> dict[str, ProductView]:
    shop = content.demo_shop()
    merchants = {}
    for merchant in shop.merchants:
        slug = merchant.key
        try:
            view = await services.catalogue.merchant(slug)
        except Refused as refused:
            if refused.code is not Code.NOT_FOUND:
                raise
            draft = MerchantDraft(name=_text(merchant.name), slug=slug)
            view = await services.catalogue.create_merchant(host, draft)
        merchants[merchant.key] = view
    known = await _known(services)
    made: dict[str, ProductView] = {}
    for index, product in enumerate(shop.products):
        progress(index / len(shop.products))
        first_sku = product.variants[0].sku
        if first_sku in known:
            made[product.key] = known[first_sku]
            continue
        merchant_id = merchants[product.merchant_key].id
        picture = await services.catalogue.upload_picture(
            host, merchant_id, (pictures / f"{product.key}.webp").read_bytes()
        )
        made[product.key] = await services.catalogue.create_product(
            host, merchant_id, _draft(product, picture.id)
        )
    progress(1.0)
    return made


async def _known(services: Services) -> dict[str, ProductView]:
    """What an earlier start has made, by the SKU of its first variant."""
    found: dict[str, ProductView] = {}
    after = None
    while True:
        page = await services.catalogue.search(after=after)
        found.update((product.variants[0].sku, product) for product in page.products)
        after = page.next
        if after is None:
            return found


def _draft(product: content.Product, picture_id: str) -> ProductDraft:
    labels = [{choice.key: choice.label for choice in axis.choices} for axis in product.axes]
    return ProductDraft(
        market=content.MARKET,
        title=_text(product.title),
        description=_text(product.description),
        category=product.category_key,
        axes=[_text(axis.name) for axis in product.axes],
        picture_ids=[picture_id],
        variants=[
            VariantDraft(
                sku=variant.sku,
                options=[_text(labels[axis][key]) for axis, key in enumerate(variant.choice_keys)],
                price_minor=variant.price_minor,
                compare_at_minor=variant.compare_at_minor,
                on_hand=variant.on_hand,
            )
            for variant in product.variants
        ],
    )


async def _room(services: Services, host: Actor, playback_url: str) -> RoomView:
    rooms = services.shows.rooms
    title = _text(content.demo_shop().name)
    try:
        room = await rooms.view(ROOM_SLUG, host)
    except Refused as refused:
        if refused.code is not Code.NOT_FOUND:
            raise
        draft = RoomDraft(slug=ROOM_SLUG, title=title, market=content.MARKET)
        room = await rooms.create(host, draft)
    patch = RoomPatch(playback_url=playback_url, poster_url="/media/poster.webp")
    return await rooms.edit(host, room.id, patch)


async def _bag(
    services: Services, host: Actor, room_id: str, products: dict[str, ProductView]
) -> dict[str, str]:
    bag = await services.shows.bag.view(room_id)
    offers = {offer.product_id: offer.id for offer in bag.offers}
    for product in products.values():
        if product.id not in offers:
            command = AddOffer(id=new_id(), product_id=product.id)
            offers[product.id] = (await services.shows.bag.add_offer(host, room_id, command)).id
    return {key: offers[product.id] for key, product in products.items()}


def _text(text: content.Text) -> Text:
    return Text(en=text.en, ar=text.ar)
