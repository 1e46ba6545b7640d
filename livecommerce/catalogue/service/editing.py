"""What a merchant changes, as writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from livecommerce.catalogue import products as rules
from livecommerce.catalogue import store
from livecommerce.catalogue.products import ProductState, VariantTerms, Words
from livecommerce.catalogue.search import fold
from livecommerce.catalogue.service.reading import Shelf, merchant_view
from livecommerce.catalogue.wire import (
    MerchantDraft,
    MerchantView,
    ProductDraft,
    ProductPatch,
    Text,
)
from livecommerce.database.group_commit import (
    ConstraintViolated,
    Idempotency,
    Made,
    Need,
    Rows,
    Write,
)
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.roles import Role
from livecommerce.people.service import record_founder

TITLE_MAX = 120
PROSE_MAX = 4000
NAME_MAX = 80
LABEL_MAX = 40


def words(text: Text) -> Words:
    return Words(text.en, text.ar)


def _texts(labels: Iterable[Words]) -> str:
    return store.pack([Text(en=label.en, ar=label.ar) for label in labels])


def _search_text(title: Words, description: Words, category: str, skus: Iterable[str]) -> str:
    parts = (title.en, title.ar, category, *skus, description.en, description.ar)
    return fold(" ".join(parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMerchant(Write[MerchantView]):
    id: str
    owner_id: str
    draft: MerchantDraft
    idempotency: Idempotency[MerchantView] | None

    def needs(self) -> Iterable[Need]:
        yield Need(store.merchants, self.id)

    def decide(self, rows: Rows, now: int) -> MerchantView:
        name = rules.clean(words(self.draft.name), field="name", length_max=NAME_MAX)
        row = {
            "id": self.id,
            "owner_id": self.owner_id,
            "slug": self.draft.slug,
            "name_en": name.en,
            "name_ar": name.ar,
            "picture_id": None,
            "created_at": now,
        }
        rows.insert(store.merchants, row)
        record_founder(rows, scope_id=self.id, person_id=self.owner_id, role=Role.MERCHANT, now=now)
        return merchant_view(row)

    def refusal(self, violated: ConstraintViolated) -> Refused | None:
        if violated.constraint == "uq_merchants_slug":
            return Refused(Code.ALREADY_EXISTS, field="slug")
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProduct(Write[Made]):
    id: str
    merchant_id: str
    actor_id: str
    draft: ProductDraft
    variant_ids: tuple[str, ...]
    idempotency: Idempotency[Made] | None
    shelf: Shelf = field(repr=False)

    def needs(self) -> Iterable[Need]:
        yield Need(store.merchants, self.merchant_id)
        for picture_id in self.draft.picture_ids:
            yield Need(store.pictures, picture_id)

    def decide(self, rows: Rows, now: int) -> Made:
        if rows.get(store.merchants, self.merchant_id) is None:
            raise Refused(Code.NOT_FOUND)
        values = self._checked(rows)
        rows.insert(store.products, {**values, "created_at": now, "changed_at": now})
        for position, (id, draft) in enumerate(
            zip(self.variant_ids, self.draft.variants, strict=True)
        ):
            rows.insert(
                store.variants,
                {
                    "id": id,
                    "product_id": self.id,
                    "position": position,
                    "sku": draft.sku,
                    "options": store.pack(draft.options),
                    "price_minor": draft.price_minor,
                    "compare_at_minor": draft.compare_at_minor,
                },
            )
            self.shelf.stock_up(
                rows, variant_id=id, on_hand=draft.on_hand, actor_id=self.actor_id, now=now
            )
        return Made(self.id)

    def _checked(self, rows: Rows) -> Mapping[str, Any]:
        draft = self.draft
        rules.market_of(draft.market)
        title = rules.clean(words(draft.title), field="title", length_max=TITLE_MAX)
        description = rules.clean(
            words(draft.description), field="description", length_max=PROSE_MAX, required=False
        )
        axes = [rules.clean(words(axis), field="axes", length_max=LABEL_MAX) for axis in draft.axes]
        rules.check_variants(
            axes,
            [
                VariantTerms(
                    sku=variant.sku,
                    options=tuple(
                        rules.clean(words(option), field="variants.options", length_max=LABEL_MAX)
                        for option in variant.options
                    ),
                    price_minor=variant.price_minor,
                    compare_at_minor=variant.compare_at_minor,
                )
                for variant in draft.variants
            ],
        )
        check_pictures(rows, draft.picture_ids)
        skus = [variant.sku for variant in draft.variants]
        return {
            "id": self.id,
            "merchant_id": self.merchant_id,
            "market": draft.market,
            "category": draft.category,
            "title_en": title.en,
            "title_ar": title.ar,
            "description_en": description.en,
            "description_ar": description.ar,
            "axes": _texts(axes),
            "picture_ids": store.pack(draft.picture_ids),
            "search_text": _search_text(title, description, draft.category, skus),
            "state": draft.state,
        }


def check_pictures(rows: Rows, picture_ids: Iterable[str]) -> None:
    if any(rows.get(store.pictures, id) is None for id in picture_ids):
        raise Refused(Code.NOT_FOUND, field="picture_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProduct(Write[None]):
    id: str
    patch: ProductPatch
    skus: tuple[str, ...]

    def needs(self) -> Iterable[Need]:
        yield Need(store.products, self.id)
        for variant in self.patch.variants:
            yield Need(store.variants, variant.id)
        if isinstance(self.patch.picture_ids, list):
            for picture_id in self.patch.picture_ids:
                yield Need(store.pictures, picture_id)

    def decide(self, rows: Rows, now: int) -> None:
        row = rows.get(store.products, self.id)
        if row is None:
            raise Refused(Code.NOT_FOUND)
        if row["version"] != self.patch.version:
            raise Refused(Code.CONFLICT, version=row["version"])
        rows.change(store.products, self.id, changed_at=now, **self._changes(rows, row))
        for patch in self.patch.variants:
            self._reprice(rows, patch.id, patch.price_minor, patch.compare_at_minor)

    def _changes(self, rows: Rows, row: Mapping[str, Any]) -> dict[str, Any]:
        patch = self.patch
        changes: dict[str, Any] = {}
        title = Words(row["title_en"], row["title_ar"])
        description = Words(row["description_en"], row["description_ar"])
        category = row["category"]
        if isinstance(patch.title, Text):
            title = rules.clean(words(patch.title), field="title", length_max=TITLE_MAX)
            changes |= {"title_en": title.en, "title_ar": title.ar}
        if isinstance(patch.description, Text):
            description = rules.clean(
                words(patch.description), field="description", length_max=PROSE_MAX, required=False
            )
            changes |= {"description_en": description.en, "description_ar": description.ar}
        if isinstance(patch.category, str):
            category = changes["category"] = patch.category
        if isinstance(patch.picture_ids, list):
            check_pictures(rows, patch.picture_ids)
            changes["picture_ids"] = store.pack(patch.picture_ids)
        if isinstance(patch.state, str):
            current = ProductState(row["state"])
            changes["state"] = rules.move(current, ProductState(patch.state)).value
        changes["search_text"] = _search_text(title, description, category, self.skus)
        return changes

    def _reprice(self, rows: Rows, variant_id: str, price: Any, compare_at: Any) -> None:
        row = rows.get(store.variants, variant_id)
        if row is None or row["product_id"] != self.id:
            raise Refused(Code.NOT_FOUND, field="variants.id")
        new_price = price if isinstance(price, int) else row["price_minor"]
        new_compare_at = (
            compare_at if compare_at is None or isinstance(compare_at, int)
            else row["compare_at_minor"]
        )  # fmt: skip
        rules.check_price(new_price, new_compare_at, field="variants")
        rows.change(
            store.variants, variant_id, price_minor=new_price, compare_at_minor=new_compare_at
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPicture(Write[None]):
    id: str
    width: int
    height: int

    def needs(self) -> Iterable[Need]:
        yield Need(store.pictures, self.id)

    def decide(self, rows: Rows, now: int) -> None:
        if rows.get(store.pictures, self.id) is None:
            rows.insert(
                store.pictures,
                {"id": self.id, "width": self.width, "height": self.height, "created_at": now},
            )

    def refusal(self, violated: ConstraintViolated) -> Refused | None:
        # Another process stored the very same picture in the same moment.
        return Refused(Code.ALREADY_EXISTS) if violated.table == "pictures" else None
