"""Bayt Al Bakhoor: oud, perfume, incense and skin care."""

from __future__ import annotations

from livecommerce.demo.shop.goods import (
    Merchant,
    Product,
    Text,
    amount_axis,
    colour_axis,
    variants,
)

MERCHANT = Merchant(
    key="bakhoor",
    name=Text("Bayt Al Bakhoor", "بيت البخور"),
    tagline=Text("Oud, rose and musk since our grandfather's stall", "عود وورد ومسك من دكّان الجد"),
    city=Text("Taif", "الطائف"),
)

_BOTTLE = amount_axis(
    "volume", Text("Volume", "الحجم"), {"50ml": ("50 ml", "٥٠ مل"), "100ml": ("100 ml", "١٠٠ مل")}
)
_BURNER = colour_axis(ivory=("Ivory", "عاجي"), ink=("Ink", "كحلي"))

PRODUCTS = (
    Product(
        key="oud-malaki",
        merchant_key="bakhoor",
        category_key="fragrance",
        title=Text("Oud Malaki eau de parfum", "عطر عود ملكي"),
        description=Text(
            "Cambodian oud, saffron and a thread of Taif rose. Stays on the clothes until evening.",
            "عود كمبودي وزعفران ولمسة من ورد الطائف، يبقى على الملابس حتى المساء.",
        ),
        axes=(_BOTTLE,),
        variants=variants(
            "BB-OUD",
            price=295,
            was=380,
            axes=(_BOTTLE,),
            on_hand=(600, 80),
            extra={"100ml": 130},
        ),
    ),
    Product(
        key="musk-oil",
        merchant_key="bakhoor",
        category_key="fragrance",
        title=Text("White musk oil, 12 ml", "زيت المسك الأبيض، ١٢ مل"),
        description=Text(
            "A clean, powdery musk without alcohol, in a rolling bottle for the handbag.",
            "مسك نقي برائحة بودرية خالٍ من الكحول، في عبوة دوّارة تناسب الحقيبة.",
        ),
        axes=(),
        variants=variants("BB-MUSK", price=45, on_hand=(120,)),
    ),
    Product(
        key="bakhoor-tin",
        merchant_key="bakhoor",
        category_key="fragrance",
        title=Text("House bakhoor, 80 g", "بخور البيت، ٨٠ غ"),
        description=Text(
            "Wood chips steeped in amber and rose for forty days, in an engraved tin.",
            "كِسَر عود منقوعة بالعنبر والورد أربعين يومًا، في علبة معدنية منقوشة.",
        ),
        axes=(),
        variants=variants("BB-BAKHOOR", price=75, was=90, on_hand=(85,)),
    ),
    Product(
        key="mabkhara",
        merchant_key="bakhoor",
        category_key="fragrance",
        title=Text("Ceramic mabkhara", "مبخرة سيراميك"),
        description=Text(
            "A hand-glazed burner with a brass bowl, for charcoal or an electric plate.",
            "مبخرة مزجّجة يدويًا بصحن نحاسي، تصلح للفحم أو للقرص الكهربائي.",
        ),
        axes=(_BURNER,),
        variants=variants("BB-MABKHARA", price=149, axes=(_BURNER,), on_hand=(26, 18)),
    ),
    Product(
        key="rose-serum",
        merchant_key="bakhoor",
        category_key="skincare",
        title=Text("Taif rose serum, 30 ml", "سيروم ورد الطائف، ٣٠ مل"),
        description=Text(
            "Rose water, niacinamide and hyaluronic acid: light enough for a Jeddah summer.",
            "ماء ورد ونياسيناميد وحمض الهيالورونيك، خفيف يناسب صيف جدة.",
        ),
        axes=(),
        variants=variants("BB-SERUM", price=119, was=145, on_hand=(64,)),
    ),
    Product(
        key="date-cream",
        merchant_key="bakhoor",
        category_key="skincare",
        title=Text("Date-seed night cream", "كريم ليلي بزيت نوى التمر"),
        description=Text(
            "Cold-pressed date-seed oil and shea butter for dry skin. Free of perfume.",
            "زيت نوى التمر المعصور على البارد مع زبدة الشيا للبشرة الجافة، خالٍ من العطور.",
        ),
        axes=(),
        variants=variants("BB-CREAM", price=95, on_hand=(52,)),
    ),
)
