import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from livecommerce.catalogue import store as catalogue
from livecommerce.demo.seed import HOST_ID, MODERATOR_ID, PHONE_ID, ROOM_SLUG, VIEWER_ID, seed
from livecommerce.people.roles import Role
from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_seeding_again_makes_nothing_again(house: OpenedHouse, pictures: Path):
    shares: list[float] = []

    async def rows() -> dict[str, int]:
        counts = {}
        for table in (catalogue.products, catalogue.variants, catalogue.merchants):
            statement = sa.select(sa.func.count().label("n")).select_from(table)
            found = await house.services.database.fetch_one(statement)
            assert found is not None
            counts[table.name] = found["n"]
        return counts

    async def once():
        return await seed(
            house.services,
            pictures=pictures,
            playback_url="/media/showcase.mp4#loop=1",
            progress=shares.append,
        )

    first = await once()
    made = await rows()
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert made["products"] >= 24
    again = await once()
    assert await rows() == made
    assert again.offers == first.offers
    assert again.room.id == first.room.id
    # A start in which somebody was too quick: two at once are one as well.
    await asyncio.gather(once(), once())
    assert await rows() == made


async def test_everybody_has_what_they_need(house: OpenedHouse, pictures: Path):
    seeded = await seed(
        house.services, pictures=pictures, playback_url="/media/x.mp4", progress=lambda _: None
    )
    services = house.services
    staff = await services.people.staff(seeded.room.id)
    assert staff == {HOST_ID: Role.HOST, MODERATOR_ID: Role.MODERATOR}
    for person_id, actor in ((VIEWER_ID, seeded.viewer), (PHONE_ID, seeded.phone)):
        buyer = await services.people.buyer(person_id)
        assert buyer.has_phone
        assert len(buyer.addresses) == 1
        methods = await services.payments.methods(actor, seeded.room.market)
        assert len(methods.cards) == 1
    assert set(seeded.offers) == set(seeded.products)
    room = await house.api.get(f"/v1/rooms/{ROOM_SLUG}")
    assert room["playback_url"] == "/media/x.mp4"
    assert all(product.title.en and product.title.ar for product in seeded.products.values())
    bag = await house.api.get(f"/v1/rooms/{ROOM_SLUG}/bag")
    assert len(bag["offers"]) == len(seeded.products)
    assert all(offer["picture_url"] for offer in bag["offers"])
