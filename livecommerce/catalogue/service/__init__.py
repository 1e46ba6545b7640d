"""The shop: merchants, products and pictures. What a visitor sees and a merchant changes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from livecommerce.catalogue import store
from livecommerce.catalogue.pictures import render
from livecommerce.catalogue.service.editing import (
    CreateMerchant,
    CreateProduct,
    RecordPicture,
    UpdateProduct,
)
from livecommerce.catalogue.service.reading import Sellable, Shelf, Units, Window, picture_view
from livecommerce.catalogue.service.selling import is_current, sellable_needs
from livecommerce.catalogue.service.snapshots import Snapshots
from livecommerce.catalogue.store_pictures import PictureFiles
from livecommerce.catalogue.wire import (
    MerchantDraft,
    MerchantView,
    PictureView,
    ProductDraft,
    ProductPatch,
    ProductView,
)
from livecommerce.database.engine import Database
from livecommerce.database.group_commit import Idempotency, Made
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People

__all__ = ["Catalogue", "Sellable", "Shelf", "Snapshots", "Units", "is_current", "sellable_needs"]

# Decoding a picture takes a core: more at once would only make everybody wait.
_RENDERING_AT_ONCE = 2


class Catalogue(Window):
    """Merchants, products and pictures."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        people: People,
        shelf: Shelf,
        pictures: PictureFiles,
    ) -> None:
        super().__init__(database=database, clock=clock, shelf=shelf)
        self._people = people
        self._pictures = pictures
        self._rendering = asyncio.Semaphore(_RENDERING_AT_ONCE)

    async def create_merchant(
        self, actor: Actor, draft: MerchantDraft, *, key: str | None = None
    ) -> MerchantView:
        """Opens a shop owned by the actor. `already_exists` when the slug is taken.

        Args:
            key: made by the client; a repetition answers with what the first one made.
        """
        once = Idempotency.of(actor.person_id, "create_merchant", key, draft, MerchantView)
        await self._people.require_shop(actor, Capability.MERCHANT_CREATE)
        return await self._database.writer.submit(
            CreateMerchant(id=new_id(), owner_id=actor.person_id, draft=draft, idempotency=once)
        )

    async def create_product(
        self, actor: Actor, merchant_id: str, draft: ProductDraft, *, key: str | None = None
    ) -> ProductView:
        """Puts a product with its variants and first units into a merchant's shop.

        Args:
            key: made by the client; a repetition answers with what the first one made.
        """
        await self._require_merchant(actor, merchant_id)
        asked = (merchant_id, draft)
        made = await self._database.writer.submit(
            CreateProduct(
                id=new_id(),
                idempotency=Idempotency.of(actor.person_id, "create_product", key, asked, Made),
                merchant_id=merchant_id,
                actor_id=actor.person_id,
                draft=draft,
                variant_ids=tuple(new_id() for _ in draft.variants),
                shelf=self._shelf,
            )
        )
        return await self._own_product(made.id)

    async def update_product(
        self, actor: Actor, product_id: str, patch: ProductPatch
    ) -> ProductView:
        """Changes a product; `conflict` when it is not the version that was edited any more."""
        rows = await self._by_ids(store.products, {product_id})
        if not rows:
            raise Refused(Code.NOT_FOUND)
        await self._require_merchant(actor, rows[0]["merchant_id"])
        variants = await self._database.fetch(store.variants_of({product_id}))
        await self._database.writer.submit(
            UpdateProduct(
                id=product_id, patch=patch, skus=tuple(variant["sku"] for variant in variants)
            )
        )
        for variant in variants:
            self._sellables.forget(variant["id"])
        return await self._own_product(product_id)

    async def upload_picture(self, actor: Actor, merchant_id: str, upload: bytes) -> PictureView:
        """Stores a picture for later use in products. The same pixels are the same picture."""
        await self._require_merchant(actor, merchant_id)
        async with self._rendering:
            picture = await asyncio.to_thread(render, upload)
            await asyncio.to_thread(self._pictures.put, picture)
        record = RecordPicture(id=picture.id, width=picture.width, height=picture.height)
        with suppress(Refused):
            await self._database.writer.submit(record)
        rows = await self._by_ids(store.pictures, {picture.id})
        if not rows:
            raise Refused(Code.UNAVAILABLE, retry_after_ms=1_000)
        return picture_view(rows[0])

    async def picture_file(self, name: str) -> Path:
        """The file to serve under a picture's name, or `not_found`."""
        path = await asyncio.to_thread(self._pictures.find, name)
        if path is None:
            raise Refused(Code.NOT_FOUND)
        return path

    async def require_variant(
        self, actor: Actor, variant_id: str, capability: Capability
    ) -> Sellable:
        """A variant of a merchant for whom the actor may do this; `not_found` for anyone else's."""
        sellable = await self.sellable(variant_id, fresh=True)
        await self._require_merchant(actor, sellable.merchant.id, capability)
        return sellable

    async def _require_merchant(
        self, actor: Actor, merchant_id: str, capability: Capability = Capability.CATALOGUE_EDIT
    ) -> None:
        # Another merchant's things do not exist for one who may not touch them.
        if capability not in await self._people.capabilities(merchant_id, actor.person_id):
            raise Refused(Code.NOT_FOUND)

    async def _own_product(self, product_id: str) -> ProductView:
        return (await self._views(await self._by_ids(store.products, {product_id})))[0]
