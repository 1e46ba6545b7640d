"""Looking into the shop: products as people see them, a few queries however many are asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import sqlalchemy as sa

from livecommerce.catalogue import store
from livecommerce.catalogue.markets import MARKETS, Market
from livecommerce.catalogue.products import ProductState
from livecommerce.catalogue.search import patterns
from livecommerce.catalogue.service.snapshots import Snapshots
from livecommerce.catalogue.store_pictures import thumb_url, url
from livecommerce.catalogue.wire import (
    MarketList,
    MarketView,
    MerchantView,
    PictureView,
    ProductList,
    ProductView,
    Text,
    VariantView,
)
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Rows
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor

PAGE = 24
PAGE_MAX = 100
_IN_MAX = 1_000


class Units(Protocol):
    """What the catalogue shows of a stock level."""

    @property
    def available(self) -> int: ...
    @property
    def version(self) -> int: ...


class Shelf(Protocol):
    """Where the units of variants are kept; the stock feature has one."""

    async def units(self, variant_ids: Collection[str]) -> Mapping[str, Units]:
        """The levels of these variants; unknown ones are missing."""
        ...

    def stock_up(
        self, rows: Rows, *, variant_id: str, on_hand: int, actor_id: str, now: int
    ) -> None:
        """Within a write: makes the level of a new variant."""
        ...


@dataclass(frozen=True, slots=True)
class Sellable:
    """A variant with all an order has to know of it, as it was at most a second ago.

    A decision compares the two versions with the rows, so that a price never survives its change.
    """

    variant_id: str
    variant_version: int
    product_id: str
    product_version: int
    is_active: bool
    merchant: MerchantView
    merchant_owner_id: str
    market: Market
    title: Text
    options: list[Text]
    sku: str
    price_minor: int
    thumb_url: str | None


def merchant_view(row: store.Row) -> MerchantView:
    picture_id = row["picture_id"]
    return MerchantView(
        id=row["id"],
        name=Text(en=row["name_en"], ar=row["name_ar"]),
        slug=row["slug"],
        picture_url=None if picture_id is None else thumb_url(picture_id),
    )


def market_view(market: Market) -> MarketView:
    return MarketView(
        id=market.id,
        currency=market.currency,
        exponent=market.exponent,
        vat_bps=market.vat_bps,
        delivery_minor=market.delivery_minor,
        locales=dict(market.locales),
    )


def picture_view(row: store.Row) -> PictureView:
    id = row["id"]
    return PictureView(
        id=id, url=url(id), thumb_url=thumb_url(id), width=row["width"], height=row["height"]
    )


class Window:
    """Reading verbs of the catalogue."""

    def __init__(self, *, database: Database, clock: Clock, shelf: Shelf) -> None:
        self._database = database
        self._shelf = shelf
        self._sellables: Snapshots[str, Sellable] = Snapshots(self._read_sellable, clock=clock)

    def markets(self) -> MarketList:
        """Every market of the house."""
        return MarketList(markets=[market_view(market) for market in MARKETS.values()])

    def market(self, market_id: str) -> MarketView:
        """One market, or `not_found`."""
        market = MARKETS.get(market_id)
        if market is None:
            raise Refused(Code.NOT_FOUND)
        return market_view(market)

    async def merchant(self, ref: str) -> MerchantView:
        """A merchant by id or slug, or `not_found`."""
        row = await self._database.fetch_one(store.merchant_by(ref))
        if row is None:
            raise Refused(Code.NOT_FOUND)
        return merchant_view(row)

    async def merchants(self, ids: Iterable[str]) -> dict[str, MerchantView]:
        """Merchants by id; unknown ones are missing."""
        rows = await self._by_ids(store.merchants, set(ids))
        return {row["id"]: merchant_view(row) for row in rows}

    async def product(self, product_id: str, actor: Actor | None = None) -> ProductView:
        """One product. A draft or an archived one is `not_found` for all but its owner."""
        rows = await self._by_ids(store.products, {product_id})
        if not rows:
            raise Refused(Code.NOT_FOUND)
        row = rows[0]
        if row["state"] != ProductState.ACTIVE:
            owner = await self._owner_of(row["merchant_id"])
            if actor is None or actor.person_id != owner:
                raise Refused(Code.NOT_FOUND)
        return (await self._views(rows))[0]

    async def products(self, ids: Iterable[str]) -> dict[str, ProductView]:
        """Products that are for sale, by id; others are missing. Four queries for up to 1,000."""
        rows = await self._by_ids(store.products, set(ids))
        active = [row for row in rows if row["state"] == ProductState.ACTIVE]
        return {view.id: view for view in await self._views(active)}

    async def versions(self, ids: Iterable[str]) -> dict[str, int]:
        """Versions of products, for sale or not, by id; every edit raises them, of a price too."""
        rows = await self._by_ids(store.versions, set(ids))
        return {row["id"]: row["version"] for row in rows}

    async def search(
        self,
        *,
        q: str = "",
        category: str | None = None,
        merchant: str | None = None,
        after: str | None = None,
        limit: int = PAGE,
        actor: Actor | None = None,
    ) -> ProductList:
        """A page of products, newest first. A merchant who lists their own sees drafts as well."""
        states: set[str] = {ProductState.ACTIVE}
        merchant_id = None
        if merchant is not None:
            row = await self._database.fetch_one(store.merchant_by(merchant))
            if row is None:
                raise Refused(Code.NOT_FOUND)
            merchant_id = row["id"]
            if actor is not None and actor.person_id == row["owner_id"]:
                states = set(ProductState)
        limit = max(1, min(limit, PAGE_MAX))
        rows = await self._database.fetch(
            store.product_page(
                patterns=patterns(q),
                category=category,
                merchant_id=merchant_id,
                states=states,
                after=after,
                limit=limit + 1,
            )
        )
        shown = rows[:limit]
        more = len(rows) > limit
        return ProductList(
            products=await self._views(shown), next=shown[-1]["id"] if more and shown else None
        )

    async def sellable(
        self, variant_id: str, *, fresh: bool = False, other_than: Sellable | None = None
    ) -> Sellable:
        """What an order of this variant is made of; at most a second old, or `fresh`.

        Args:
            other_than: a snapshot that has turned out to be outdated.
        """
        return await self._sellables.get(variant_id, fresh=fresh, other_than=other_than)

    async def _read_sellable(self, variant_id: str) -> Sellable:
        variant_rows = await self._by_ids(store.variants, {variant_id})
        if not variant_rows:
            raise Refused(Code.NOT_FOUND)
        variant = variant_rows[0]
        product = (await self._by_ids(store.products, {variant["product_id"]}))[0]
        merchant = (await self._by_ids(store.merchants, {product["merchant_id"]}))[0]
        pictures = store.unpack_ids(product["picture_ids"])
        return Sellable(
            variant_id=variant_id,
            variant_version=variant["version"],
            product_id=product["id"],
            product_version=product["version"],
            is_active=product["state"] == ProductState.ACTIVE,
            merchant=merchant_view(merchant),
            merchant_owner_id=merchant["owner_id"],
            market=MARKETS[product["market"]],
            title=Text(en=product["title_en"], ar=product["title_ar"]),
            options=store.unpack_texts(variant["options"]),
            sku=variant["sku"],
            price_minor=variant["price_minor"],
            thumb_url=thumb_url(pictures[0]) if pictures else None,
        )

    async def _owner_of(self, merchant_id: str) -> str | None:
        rows = await self._by_ids(store.merchants, {merchant_id})
        return rows[0]["owner_id"] if rows else None

    async def _by_ids(self, table: sa.FromClause, ids: Collection[str]) -> list[store.Row]:
        rows: list[store.Row] = []
        ordered = sorted(ids)
        for start in range(0, len(ordered), _IN_MAX):
            part = ordered[start : start + _IN_MAX]
            rows.extend(await self._database.fetch(store.by_ids(table, part)))
        return rows

    async def _views(self, rows: Sequence[store.Row]) -> list[ProductView]:
        """Views of product rows, in their order; one query each for what hangs on them."""
        if not rows:
            return []
        of_product: dict[str, list[store.Row]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(store.variants_of(of_product)):
            of_product[row["product_id"]].append(row)
        units = await self._shelf.units(
            [row["id"] for variants in of_product.values() for row in variants]
        )
        merchants = await self.merchants(row["merchant_id"] for row in rows)
        picture_ids = {row["id"]: store.unpack_ids(row["picture_ids"]) for row in rows}
        wanted = {id for ids in picture_ids.values() for id in ids}
        found = {row["id"]: picture_view(row) for row in await self._by_ids(store.pictures, wanted)}
        return [
            _product_view(
                row,
                merchant=merchants[row["merchant_id"]],
                variants=[_variant_view(v, units.get(v["id"])) for v in of_product[row["id"]]],
                pictures=[found[id] for id in picture_ids[row["id"]] if id in found],
            )
            for row in rows
        ]


def _variant_view(row: store.Row, units: Units | None) -> VariantView:
    return VariantView(
        id=row["id"],
        sku=row["sku"],
        options=store.unpack_texts(row["options"]),
        price_minor=row["price_minor"],
        compare_at_minor=row["compare_at_minor"],
        available=0 if units is None else units.available,
        stock_version=0 if units is None else units.version,
    )


def _product_view(
    row: store.Row,
    *,
    merchant: MerchantView,
    variants: list[VariantView],
    pictures: list[PictureView],
) -> ProductView:
    market = MARKETS[row["market"]]
    return ProductView(
        id=row["id"],
        merchant=merchant,
        market=market.id,
        currency=market.currency,
        vat_bps=market.vat_bps,
        title=Text(en=row["title_en"], ar=row["title_ar"]),
        description=Text(en=row["description_en"], ar=row["description_ar"]),
        category=row["category"],
        axes=store.unpack_texts(row["axes"]),
        variants=variants,
        pictures=pictures,
        state=row["state"],
        version=row["version"],
    )
