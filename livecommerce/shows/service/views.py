"""Nouns to what viewers are told."""

from __future__ import annotations

from livecommerce.catalogue.wire import ProductView, Text
from livecommerce.protocol.events import StateEvent
from livecommerce.shows.pins import COUNTERS_MAX, Slot
from livecommerce.shows.rooms import Room, Standing
from livecommerce.shows.shows import Show
from livecommerce.shows.store.records import PinRecord
from livecommerce.shows.wire import (
    BagChanged,
    ChatRules,
    OfferView,
    PinChanged,
    ShowChanged,
    ShowView,
)


def show_view(show: Show) -> ShowView:
    return ShowView(
        id=show.id,
        room_id=show.room_id,
        title=Text(en=show.title_en, ar=show.title_ar),
        state=show.state.value,
        starts_at=show.starts_at,
        started_at=show.started_at,
        ended_at=show.ended_at,
    )


def offer_view(product: ProductView, *, offer_id: str, number: int) -> OfferView:
    """A product as the bag shows it: its lowest price, and the variant that one tap buys."""
    variants = product.variants
    cheapest = min(variants, key=lambda variant: variant.price_minor)
    ready = next((variant for variant in variants if variant.available > 0), variants[0])
    picture = product.pictures[0] if product.pictures else None
    return OfferView(
        id=offer_id,
        number=number,
        product_id=product.id,
        title=product.title,
        merchant=product.merchant,
        picture_url=picture.url if picture is not None else None,
        thumb_url=picture.thumb_url if picture is not None else None,
        currency=product.currency,
        price_minor=cheapest.price_minor,
        compare_at_minor=cheapest.compare_at_minor,
        variant_count=len(variants),
        variant_id=ready.id,
        available=sum(variant.available for variant in variants),
    )


def counted_variants(product: ProductView, *, first: str | None = None) -> tuple[str, ...]:
    """The variants whose counters a pin of this product shows; `first` is among them always."""
    ids = [variant.id for variant in product.variants]
    if first is not None and first in ids:
        ids.remove(first)
        ids.insert(0, first)
    return tuple(ids[:COUNTERS_MAX])


# Events of the room's state. Their ids come from what they tell, so that telling it twice, by a
# relay or after a crash, is telling it once.


def show_changed(room_id: str, show: Show, *, version: int, now: int) -> ShowChanged:
    return ShowChanged(
        id=f"{room_id}.show.{version}", at=now, key="show", version=version, show=show_view(show)
    )


def bag_changed(room_id: str, *, count: int, version: int, now: int) -> BagChanged:
    return BagChanged(
        id=f"{room_id}.bag.{version}", at=now, key="bag", version=version, count=count
    )


def chat_rules_changed(room_id: str, *, slow_mode_s: int, version: int, now: int) -> ChatRules:
    return ChatRules(
        id=f"{room_id}.chat_rules.{version}",
        at=now,
        key="chat_rules",
        version=version,
        slow_mode_s=slow_mode_s,
    )


def pin_changed(
    room_id: str, number: int, slot: Slot[PinRecord], *, version: int, now: int
) -> PinChanged:
    return PinChanged(
        id=f"{room_id}.pin{number}.{version}",
        at=now,
        key=f"pin:{number}",
        version=version,
        slot=number,
        pin=slot.shown.view if slot.shown is not None else None,
    )


def state_of(standing: Standing, *, now: int) -> list[StateEvent]:
    """The keyed state of a room that does not stand in its slots."""
    room: Room = standing.room
    state: list[StateEvent] = [
        bag_changed(room.id, count=len(standing.bag), version=standing.bag_version, now=now),
        chat_rules_changed(
            room.id, slow_mode_s=standing.slow_mode_s, version=standing.rules_version, now=now
        ),
    ]
    if standing.show is not None:
        state.insert(0, show_changed(room.id, standing.show, version=room.show_version, now=now))
    return state
