"""Dar Layan: abayas, festive dress and children's clothes."""

from __future__ import annotations

from livecommerce.demo.shop.goods import (
    Merchant,
    Product,
    Text,
    colour_axis,
    size_axis,
    variants,
)

MERCHANT = Merchant(
    key="layan",
    name=Text("Dar Layan", "دار ليان"),
    tagline=Text("Abayas cut and sewn in Riyadh", "عبايات تُفصَّل وتُخاط في الرياض"),
    city=Text("Riyadh", "الرياض"),
)

_ABAYA_SIZES = size_axis("52", "54", "56", "58")
_DRESS_SIZES = size_axis("S", "M", "L", "XL")
_THOBE_SIZES = size_axis("54", "56", "58", "60")
_GIRL_SIZES = size_axis("4Y", "6Y", "8Y", "10Y")
_LINEN = colour_axis(rose=("Dusty rose", "وردي هادئ"), sage=("Sage", "أخضر مريمي"))
_MODAL = colour_axis(
    mocha=("Mocha", "موكا"),
    blush=("Blush", "وردي فاتح"),
    olive=("Olive", "زيتي"),
    black=("Black", "أسود"),
)

PRODUCTS = (
    Product(
        key="abaya-layl",
        merchant_key="layan",
        category_key="fashion",
        title=Text("Layl embroidered abaya", "عباية ليل المطرّزة"),
        description=Text(
            "Black crepe with gold thread down the front and on the cuffs. Falls well, does not "
            "crease, and comes with a matching sheila.",
            "كريب أسود انسيابي بتطريز ذهبي على الواجهة والأكمام، لا يتجعّد بسهولة، "
            "وتأتي معه طرحة من القماش نفسه.",
        ),
        axes=(_ABAYA_SIZES,),
        variants=variants(
            "DL-LAYL", price=349, was=429, axes=(_ABAYA_SIZES,), on_hand=(14, 22, 18, 9)
        ),
    ),
    Product(
        key="abaya-linen",
        merchant_key="layan",
        category_key="fashion",
        title=Text("Washed linen abaya", "عباية كتّان مغسول"),
        description=Text(
            "An open everyday abaya in soft washed linen, with deep pockets and a loose belt.",
            "عباية يومية مفتوحة من الكتّان المغسول الناعم، بجيوب عميقة وحزام مرن.",
        ),
        axes=(_LINEN, _ABAYA_SIZES),
        variants=variants(
            "DL-LINEN", price=289, axes=(_LINEN, _ABAYA_SIZES), on_hand=(8, 12, 10, 6)
        ),
    ),
    Product(
        key="kaftan-velvet",
        merchant_key="layan",
        category_key="fashion",
        title=Text("Emerald velvet kaftan", "قفطان مخمل زمرّدي"),
        description=Text(
            "An evening kaftan in heavy velvet, its neckline and belt worked in antique gold.",
            "قفطان سهرة من المخمل الثقيل، مشغول عند الياقة والحزام بخيوط الذهب العتيق.",
        ),
        axes=(_DRESS_SIZES,),
        variants=variants(
            "DL-KAFTAN", price=459, was=560, axes=(_DRESS_SIZES,), on_hand=(5, 9, 7, 4)
        ),
    ),
    Product(
        key="sheila-modal",
        merchant_key="layan",
        category_key="fashion",
        title=Text("Modal sheila", "طرحة مودال"),
        description=Text(
            "Light, opaque and non-slip. 180 by 75 cm, with a hand-rolled hem.",
            "خفيفة وساترة ولا تنزلق، بمقاس ١٨٠ × ٧٥ سم وحاشية ملفوفة يدويًا.",
        ),
        axes=(_MODAL,),
        variants=variants("DL-SHEILA", price=59, axes=(_MODAL,), on_hand=(40, 36, 28, 60)),
    ),
    Product(
        key="thobe-white",
        merchant_key="layan",
        category_key="fashion",
        title=Text("Men's Saudi thobe", "ثوب رجالي سعودي"),
        description=Text(
            "Crisp white poly-cotton with a stand collar and concealed buttons. Easy to iron.",
            "قماش أبيض ناصع بياقة قائمة وأزرار مخفية، سهل الكيّ ويحتفظ ببياضه.",
        ),
        axes=(_THOBE_SIZES,),
        variants=variants("DL-THOBE", price=219, axes=(_THOBE_SIZES,), on_hand=(20, 24, 24, 12)),
    ),
    Product(
        key="girls-eid-dress",
        merchant_key="layan",
        category_key="kids",
        title=Text("Girls' Eid dress", "فستان العيد للبنات"),
        description=Text(
            "Layered tulle over a cotton lining that does not scratch, with a satin bow.",
            "تول بطبقات خفيفة وبطانة قطنية مريحة لا تحكّ، مع فيونكة من الساتان.",
        ),
        axes=(_GIRL_SIZES,),
        variants=variants(
            "DL-EID", price=165, was=199, axes=(_GIRL_SIZES,), on_hand=(10, 14, 12, 8)
        ),
    ),
)
