"""Tables of merchants, products, variants and pictures, and the reading of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from livecommerce.catalogue.wire import Text
from livecommerce.database.schema import id_column, metadata, time_column, version_column

merchants = sa.Table(
    "merchants",
    metadata,
    id_column(),
    sa.Column("owner_id", sa.Text, nullable=False),
    sa.Column("slug", sa.Text, nullable=False),
    sa.Column("name_en", sa.Text, nullable=False),
    sa.Column("name_ar", sa.Text, nullable=False),
    sa.Column("picture_id", sa.Text, nullable=True),
    time_column("created_at"),
    version_column(),
    sa.UniqueConstraint("slug"),
    sa.Index(None, "owner_id"),
)

products = sa.Table(
    "products",
    metadata,
    id_column(),
    sa.Column("merchant_id", sa.Text, sa.ForeignKey("merchants.id"), nullable=False),
    sa.Column("market", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("title_en", sa.Text, nullable=False),
    sa.Column("title_ar", sa.Text, nullable=False),
    sa.Column("description_en", sa.Text, nullable=False),
    sa.Column("description_ar", sa.Text, nullable=False),
    sa.Column("axes", sa.Text, nullable=False),
    sa.Column("picture_ids", sa.Text, nullable=False),
    sa.Column("search_text", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    time_column("created_at"),
    time_column("changed_at"),
    version_column(),
    sa.CheckConstraint("state IN ('draft', 'active', 'archived')", name="state"),
    sa.Index(None, "merchant_id"),
    sa.Index(None, "category"),
)

variants = sa.Table(
    "variants",
    metadata,
    id_column(),
    sa.Column("product_id", sa.Text, sa.ForeignKey("products.id"), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("sku", sa.Text, nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("price_minor", sa.BigInteger, nullable=False),
    sa.Column("compare_at_minor", sa.BigInteger, nullable=True),
    version_column(),
    sa.CheckConstraint("price_minor >= 0", name="price"),
    sa.CheckConstraint(
        "compare_at_minor IS NULL OR compare_at_minor > price_minor", name="compare_at"
    ),
    sa.UniqueConstraint("product_id", "sku"),
)

pictures = sa.Table(
    "pictures",
    metadata,
    id_column(),
    sa.Column("width", sa.BigInteger, nullable=False),
    sa.Column("height", sa.BigInteger, nullable=False),
    time_column("created_at"),
)

versions = sa.select(products.c.id, products.c.version).subquery()

Row = Mapping[Any, Any]

_TEXTS = msgspec.json.Decoder(list[Text])
_IDS = msgspec.json.Decoder(list[str])


def pack(values: Collection[Any]) -> str:
    """A list as it stands in a text column."""
    return msgspec.json.encode(list(values)).decode()


def unpack_texts(stored: str) -> list[Text]:
    return _TEXTS.decode(stored)


def unpack_ids(stored: str) -> list[str]:
    return _IDS.decode(stored)


def by_ids(table: sa.FromClause, ids: Collection[str]) -> sa.Select[Any]:
    return sa.select(table).where(table.c.id.in_(sorted(ids)))


def variants_of(product_ids: Collection[str]) -> sa.Select[Any]:
    return (
        sa.select(variants)
        .where(variants.c.product_id.in_(sorted(product_ids)))
        .order_by(variants.c.product_id, variants.c.position)
    )


def merchant_by(ref: str) -> sa.Select[Any]:
    return sa.select(merchants).where(sa.or_(merchants.c.id == ref, merchants.c.slug == ref))


def product_page(
    *,
    patterns: Collection[str],
    category: str | None,
    merchant_id: str | None,
    states: Collection[str],
    after: str | None,
    limit: int,
) -> sa.Select[Any]:
    """Products newest first; `after` is the last id of the page before."""
    page = sa.select(products).where(products.c.state.in_(sorted(states)))
    for pattern in patterns:
        page = page.where(products.c.search_text.like(pattern, escape="\\"))
    if category is not None:
        page = page.where(products.c.category == category)
    if merchant_id is not None:
        page = page.where(products.c.merchant_id == merchant_id)
    if after is not None:
        page = page.where(products.c.id < after)
    return page.order_by(products.c.id.desc()).limit(limit)
