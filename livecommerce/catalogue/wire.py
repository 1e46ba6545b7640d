"""What clients are told about merchants and products, and what merchants send."""

from __future__ import annotations

from typing import Annotated

import msgspec

from livecommerce.protocol.commands import EntityId
from livecommerce.protocol.patterns import CountryCode, whole

Title = Annotated[str, msgspec.Meta(max_length=120)]
Prose = Annotated[str, msgspec.Meta(max_length=4000)]
Label = Annotated[str, msgspec.Meta(max_length=40)]
Minor = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
"""An amount in minor units."""
PictureIds = Annotated[
    list[Annotated[str, msgspec.Meta(pattern=whole("[0-9a-f]{32}"))]], msgspec.Meta(max_length=12)
]
ProductState = Annotated[str, msgspec.Meta(pattern=whole("draft|active|archived"))]
Category = Annotated[str, msgspec.Meta(pattern=whole("[a-z0-9][a-z0-9_-]{0,39}"))]
"""A slug; clients have their own words for it."""


class Text(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A text in the two languages of the house; at least one is filled. Clients fall back."""

    en: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    ar: Annotated[str, msgspec.Meta(max_length=4000)] = ""


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """A country the shop sells in, and how prices and numbers are made there."""

    id: str
    """ISO 3166 alpha-2, e.g. SA."""
    currency: str
    exponent: int
    vat_bps: int
    """VAT is included in every price of this market."""
    delivery_minor: int
    locales: dict[str, str]
    """Language to the BCP 47 tag to format with: calendar and digits are pinned in it."""


class MerchantView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    name: Text
    slug: str
    picture_url: str | None = None


class MarketList(msgspec.Struct, frozen=True, kw_only=True):
    markets: list[MarketView]


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    url: str
    thumb_url: str
    width: int
    height: int


class VariantView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    sku: str
    options: list[Text]
    """One label for each axis of the product, in the order of `axes`."""
    price_minor: int
    compare_at_minor: int | None = None
    available: int
    """Units that could be bought when this was read; live counts come by `stock_changed`."""
    stock_version: int


class ProductView(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    merchant: MerchantView
    market: str
    currency: str
    vat_bps: int
    title: Text
    description: Text
    category: str
    axes: list[Text]
    variants: list[VariantView]
    pictures: list[PictureView]
    state: str
    """draft · active · archived"""
    version: int


class ProductList(msgspec.Struct, frozen=True, kw_only=True):
    products: list[ProductView]
    next: str | None = None


class VariantDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku: Annotated[str, msgspec.Meta(pattern=whole("[!-~]([ -~]{0,62}[!-~])?"))]
    """The merchant's own number of it: printable ASCII."""
    options: Annotated[list[Text], msgspec.Meta(max_length=3)] = []
    price_minor: Minor
    compare_at_minor: Minor | None = None
    on_hand: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0


class ProductDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    market: CountryCode
    title: Text
    description: Text = Text()
    category: Category = "other"
    axes: Annotated[list[Text], msgspec.Meta(max_length=3)] = []
    variants: Annotated[list[VariantDraft], msgspec.Meta(min_length=1, max_length=250)]
    picture_ids: PictureIds = []
    state: Annotated[str, msgspec.Meta(pattern=whole("draft|active"))] = "active"


class VariantPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new price. `compare_at_minor` left out (UNSET) stays, null removes it."""

    id: EntityId
    price_minor: Minor | msgspec.UnsetType = msgspec.UNSET
    compare_at_minor: Minor | None | msgspec.UnsetType = msgspec.UNSET


class ProductPatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields left out (UNSET) stay as they are. `version` is what was edited: a product that has
    changed since is refused with `conflict`."""

    version: Annotated[int, msgspec.Meta(ge=1)]
    title: Text | msgspec.UnsetType = msgspec.UNSET
    description: Text | msgspec.UnsetType = msgspec.UNSET
    category: Category | msgspec.UnsetType = msgspec.UNSET
    picture_ids: PictureIds | msgspec.UnsetType = msgspec.UNSET
    variants: Annotated[list[VariantPatch], msgspec.Meta(max_length=250)] = []
    state: (
        Annotated[str, msgspec.Meta(pattern=whole("draft|active|archived"))] | msgspec.UnsetType
    ) = msgspec.UNSET


class MerchantDraft(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Text
    slug: Annotated[str, msgspec.Meta(pattern=whole("[a-z0-9][a-z0-9-]{1,38}"))]


class StockAdjustment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Units that arrived (positive) or left other than by a sale (negative)."""

    delta: Annotated[int, msgspec.Meta(ge=-10_000_000, le=10_000_000)]
    reason: Annotated[str, msgspec.Meta(max_length=120, pattern=whole(r"[^\x00-\x1f\x7f]*"))] = ""
