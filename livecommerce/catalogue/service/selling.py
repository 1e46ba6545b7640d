"""Within a purchase: is what the buyer was quoted still what the shop asks?"""

from __future__ import annotations

from collections.abc import Iterable

from livecommerce.catalogue import store
from livecommerce.catalogue.service.reading import Sellable
from livecommerce.database.group_commit import Need, Rows


def sellable_needs(sellable: Sellable) -> Iterable[Need]:
    """The rows a quotation was made from."""
    yield Need(store.variants, sellable.variant_id)
    yield Need(store.products, sellable.product_id)


def is_current(rows: Rows, sellable: Sellable) -> bool:
    """Whether nothing about the product has changed since."""
    variant = rows.get(store.variants, sellable.variant_id)
    product = rows.get(store.products, sellable.product_id)
    return (
        variant is not None
        and product is not None
        and variant["version"] == sellable.variant_version
        and product["version"] == sellable.product_version
    )
