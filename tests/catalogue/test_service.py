"""The shop on both databases: merchants, products, search, pictures."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.catalogue.service import Snapshots
from livecommerce.catalogue.wire import (
    MerchantDraft,
    ProductDraft,
    ProductPatch,
    Text,
    VariantDraft,
    VariantPatch,
)
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from tests.catalogue.test_pictures import image
from tests.orders.market import Market
from tests.shows.world import code_of


def draft(name: str = "Lamp", **fields: Any) -> ProductDraft:
    given: dict[str, Any] = {
        "market": "SA",
        "title": Text(en=name, ar="فانوس"),
        "variants": [VariantDraft(sku="lamp", price_minor=5_000, on_hand=3)],
        **fields,
    }
    return ProductDraft(**given)


async def shop(market: Market, slug: str = "souq-lamps"):
    owner = await market.world.person("Huda")
    merchant = await market.world.catalogue.create_merchant(
        owner, MerchantDraft(name=Text(en="Souq"), slug=slug)
    )
    return owner, merchant


async def test_a_product_with_its_units(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    made = await catalogue.create_product(owner, merchant.id, draft())
    assert (made.market, made.currency, made.vat_bps, made.state) == ("SA", "SAR", 1500, "active")
    assert made.variants[0].available == 3
    assert await catalogue.product(made.id) == made
    assert (
        await catalogue.merchant("souq-lamps") == merchant == await catalogue.merchant(merchant.id)
    )


async def test_a_creation_that_is_repeated_makes_nothing_twice(market: Market):
    owner, merchant = await shop(market)
    catalogue, key = market.world.catalogue, "k" * 16
    first = await catalogue.create_product(owner, merchant.id, draft(), key=key)
    again = await catalogue.create_product(owner, merchant.id, draft(), key=key)
    assert again.id == first.id
    assert again.variants[0].available == first.variants[0].available
    assert len((await catalogue.search(merchant=merchant.slug)).products) == 1
    with pytest.raises(Refused) as caught:
        await catalogue.create_product(owner, merchant.id, draft("Chair"), key=key)
    assert caught.value.code is Code.IDEMPOTENCY_MISMATCH
    wish = MerchantDraft(name=Text(en="Lamps"), slug="second-shop")
    shops = [await catalogue.create_merchant(owner, wish, key="m" * 16) for _ in range(2)]
    assert shops[0] == shops[1]


async def test_a_slug_belongs_to_one(market: Market):
    await shop(market)
    with pytest.raises(Refused) as refused:
        await shop(market)
    assert (refused.value.code, refused.value.field) == (Code.ALREADY_EXISTS, "slug")


async def test_other_peoples_shops_do_not_exist(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    made = await catalogue.create_product(owner, merchant.id, draft())
    other = await market.world.person("Omar")
    for call in (
        catalogue.create_product(other, merchant.id, draft()),
        catalogue.update_product(other, made.id, ProductPatch(version=1)),
        catalogue.upload_picture(other, merchant.id, image()),
        market.world.stock.adjust(other, made.variants[0].id, delta=1),
        catalogue.create_product(owner, new_id(), draft()),
        catalogue.update_product(owner, new_id(), ProductPatch(version=1)),
        catalogue.product(new_id()),
        catalogue.sellable(new_id()),
    ):
        with pytest.raises(Refused) as refused:
            await call
        assert code_of(refused) is Code.NOT_FOUND


async def test_drafts_are_seen_by_their_owner(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    made = await catalogue.create_product(owner, merchant.id, draft(state="draft"))
    with pytest.raises(Refused):
        await catalogue.product(made.id, await market.world.person("Omar"))
    assert (await catalogue.product(made.id, owner)).state == "draft"
    assert (await catalogue.search()).products == []
    mine = await catalogue.search(merchant=merchant.slug, actor=owner)
    assert [product.id for product in mine.products] == [made.id]
    assert await catalogue.products([made.id]) == {}


async def test_an_edit_is_made_on_what_was_seen(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    made = await catalogue.create_product(owner, merchant.id, draft())
    patch = ProductPatch(
        version=made.version,
        title=Text(en="Lantern"),
        variants=[VariantPatch(id=made.variants[0].id, price_minor=4_000, compare_at_minor=5_000)],
    )
    edited = await catalogue.update_product(owner, made.id, patch)
    assert edited.title == Text(en="Lantern")
    assert edited.variants[0].price_minor == 4_000
    assert edited.version == made.version + 1
    with pytest.raises(Refused) as refused:
        await catalogue.update_product(owner, made.id, patch)
    assert code_of(refused) is Code.CONFLICT
    assert [found.id for found in (await catalogue.search(q="lantern")).products] == [made.id]
    assert (await catalogue.search(q="lamp")).products == [edited]  # by its article number


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"market": "XX"}, Code.BAD_FIELD, "market"),
        ({"title": Text()}, Code.BAD_FIELD, "title"),
        ({"title": Text(en="a\0")}, Code.BAD_FIELD, "title"),
        ({"picture_ids": ["nothing"]}, Code.NOT_FOUND, "picture_ids"),
        ({"axes": [Text(en="Size")]}, Code.BAD_FIELD, "variants.options"),
    ],
)
async def test_bad_drafts_leave_nothing(market: Market, fields, code, field):
    owner, merchant = await shop(market)
    with pytest.raises(Refused) as refused:
        await market.world.catalogue.create_product(owner, merchant.id, draft(**fields))
    assert (refused.value.code, refused.value.field) == (code, field)
    assert (await market.world.catalogue.search()).products == []


async def test_search_in_both_scripts_page_by_page(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    for number in range(5):
        await catalogue.create_product(
            owner,
            merchant.id,
            draft(f"Coffee {number}", title=Text(en=f"Coffee {number}", ar="قَهْوَة عربية")),
        )
    await catalogue.create_product(owner, merchant.id, draft("100% wool", category="home"))
    page = await catalogue.search(q="قهوه", limit=3)
    rest = await catalogue.search(q="قهوه", limit=3, after=page.next)
    titles = [product.title.en for product in [*page.products, *rest.products]]
    assert titles == [f"Coffee {number}" for number in (4, 3, 2, 1, 0)]
    assert rest.next is None
    assert len((await catalogue.search(q="100%")).products) == 1
    assert len((await catalogue.search(q="%")).products) == 1
    assert len((await catalogue.search(category="home")).products) == 1
    assert (await catalogue.search(q="'; DROP TABLE products; --")).products == []
    with pytest.raises(Refused):
        await catalogue.search(merchant="nobody")


async def test_a_bag_of_hundreds_is_a_few_queries(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    picture = await catalogue.upload_picture(owner, merchant.id, image())
    ids = [
        (await catalogue.create_product(owner, merchant.id, draft(picture_ids=[picture.id]))).id
        for _ in range(30)
    ]
    queries: list[str] = []
    engine = market.world.database._readers.sync_engine

    def count(_c, _cur, statement, *_rest) -> None:
        queries.append(statement)

    sa.event.listen(engine, "before_cursor_execute", count)
    try:
        found = await catalogue.products([*ids, new_id()])
    finally:
        sa.event.remove(engine, "before_cursor_execute", count)
    assert set(found) == set(ids)
    selects = [query for query in queries if query.startswith("SELECT") and "FROM" in query]
    assert len(selects) == 5


async def test_pictures_are_stored_once_and_served(market: Market):
    owner, merchant = await shop(market)
    catalogue = market.world.catalogue
    first = await catalogue.upload_picture(owner, merchant.id, image())
    again = await asyncio.gather(
        *(catalogue.upload_picture(owner, merchant.id, image()) for _ in range(3))
    )
    assert again == [first] * 3
    path = await catalogue.picture_file(first.url.rsplit("/", 1)[1])
    assert path.read_bytes()[8:12] == b"WEBP"
    made = await catalogue.create_product(owner, merchant.id, draft(picture_ids=[first.id]))
    assert made.pictures == [first]
    with pytest.raises(Refused):
        await catalogue.picture_file("../../shop.db")


async def test_snapshots_are_read_once_by_a_crowd():
    clock, read = FakeClock(), []

    async def slowly(key: str) -> list[str]:
        read.append(key)
        await asyncio.sleep(0)
        if key == "bad":
            raise Refused(Code.NOT_FOUND)
        return [key]

    snapshots: Snapshots[str, list[str]] = Snapshots(slowly, clock=clock)
    first, *others = await asyncio.gather(*(snapshots.get("lamp") for _ in range(100)))
    assert read == ["lamp"]
    assert all(other is first for other in others)
    assert await snapshots.get("lamp") is first
    # One who found it outdated makes it be read again, once for all who did.
    newer, *same = await asyncio.gather(
        *(snapshots.get("lamp", other_than=first) for _ in range(10))
    )
    assert newer is not first
    assert all(other is newer for other in same)
    assert len(read) == 2
    clock.advance(1_001)
    assert await snapshots.get("lamp") is not newer
    for _ in range(2):
        with pytest.raises(Refused):
            await snapshots.get("bad")
    assert read.count("bad") == 2
