"""What the demo shop sells: four merchants, eight categories, both languages.

Pure content. Mapping it on the catalogue is the business of whoever seeds a database with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from livecommerce.demo.shop import bakhoor, layan, nakheel, wameedh
from livecommerce.demo.shop.goods import (
    Axis,
    Category,
    Choice,
    Language,
    Merchant,
    Product,
    Text,
    Variant,
)

__all__ = [
    "CURRENCY",
    "MARKET",
    "VAT_PERCENT",
    "Axis",
    "Category",
    "Choice",
    "Language",
    "Merchant",
    "Product",
    "Shop",
    "Text",
    "Variant",
    "demo_shop",
    "format_price",
]

CURRENCY = "SAR"
MARKET = "SA"
VAT_PERCENT = 15
"""Included in every price. Saudi Arabia has charged 15 % since July 2020."""

_CATEGORIES = (
    Category("fashion", Text("Fashion", "أزياء")),
    Category("fragrance", Text("Oud & perfume", "عود وعطور")),
    Category("skincare", Text("Skin care", "العناية بالبشرة")),
    Category("hospitality", Text("Coffee & dates", "قهوة وتمور")),
    Category("kitchen", Text("Kitchen", "المطبخ")),
    Category("tech", Text("Electronics", "إلكترونيات")),
    Category("home", Text("Home textiles", "مفروشات المنزل")),
    Category("kids", Text("Kids", "الأطفال")),
)

_ARABIC_INDIC = str.maketrans("0123456789,", "٠١٢٣٤٥٦٧٨٩٬")


@dataclass(frozen=True, slots=True)
class Shop:
    """Everything a demo database is seeded with, in the order it is shown."""

    name: Text
    merchants: tuple[Merchant, ...]
    categories: tuple[Category, ...]
    products: tuple[Product, ...]

    def product(self, key: str) -> Product:
        """Find a product by its key.

        Raises:
            KeyError: The shop has no such product.
        """
        for product in self.products:
            if product.key == key:
                return product
        raise KeyError(key)

    def merchant_of(self, product: Product) -> Merchant:
        """Name the merchant who sells a product of this shop."""
        return next(m for m in self.merchants if m.key == product.merchant_key)


@cache
def demo_shop() -> Shop:
    """Give the demo shop; every call gives the same one."""
    houses = (layan, bakhoor, nakheel, wameedh)
    return Shop(
        name=Text("Majlis Live", "مجلس لايف"),
        merchants=tuple(house.MERCHANT for house in houses),
        categories=_CATEGORIES,
        products=tuple(product for house in houses for product in house.PRODUCTS),
    )


def format_price(amount_minor: int, language: Language) -> str:
    """Write a price the way a shop sign in the Gulf does.

    Whole riyals go without halalas; Arabic takes Arabic-Indic digits, as in `٣٩٥ ر.س`.
    """
    assert amount_minor >= 0
    riyals, halalas = divmod(amount_minor, 100)
    if language == "ar":
        decimals = f"٫{halalas:02d}" if halalas else ""
        return f"{riyals:,}{decimals} ر.س".translate(_ARABIC_INDIC)
    decimals = f".{halalas:02d}" if halalas else ""
    return f"SAR {riyals:,}{decimals}"
