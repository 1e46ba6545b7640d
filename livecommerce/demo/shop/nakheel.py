"""Nakheel: coffee, dates, the kitchen and the majlis."""

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
    key="nakheel",
    name=Text("Nakheel", "نخيل"),
    tagline=Text("Everything a guest is offered", "كل ما يُقدَّم للضيف"),
    city=Text("Al-Ahsa", "الأحساء"),
)

_METAL = colour_axis(brass=("Brass", "نحاسي"), silver=("Silver", "فضي"))
_DATES = amount_axis(
    "weight", Text("Weight", "الوزن"), {"500g": ("500 g", "٥٠٠ غ"), "1kg": ("1 kg", "١ كغ")}
)
_COFFEE = amount_axis(
    "weight", Text("Weight", "الوزن"), {"250g": ("250 g", "٢٥٠ غ"), "500g": ("500 g", "٥٠٠ غ")}
)
_FLASK = colour_axis(palm=("Palm green", "أخضر نخيلي"), cream=("Cream", "كريمي"))
_POT = amount_axis(
    "width", Text("Width", "القطر"), {"28cm": ("28 cm", "٢٨ سم"), "32cm": ("32 cm", "٣٢ سم")}
)
_SADU = colour_axis(red=("Desert red", "أحمر صحراوي"), indigo=("Indigo", "نيلي"))
_MAT = colour_axis(green=("Green", "أخضر"), plum=("Plum", "برقوقي"))

PRODUCTS = (
    Product(
        key="dallah-set",
        merchant_key="nakheel",
        category_key="hospitality",
        title=Text("Dallah and six cups", "دلّة مع ستة فناجين"),
        description=Text(
            "A polished dallah of 0.8 litre with six porcelain finjans and a round tray.",
            "دلّة مصقولة سعة ٠٫٨ لتر مع ستة فناجين من البورسلان وصينية دائرية.",
        ),
        axes=(_METAL,),
        variants=variants("NK-DALLAH", price=279, was=340, axes=(_METAL,), on_hand=(24, 16)),
    ),
    Product(
        key="saudi-coffee",
        merchant_key="nakheel",
        category_key="hospitality",
        title=Text("Saudi coffee with cardamom", "قهوة سعودية بالهيل"),
        description=Text(
            "Khawlani beans, lightly roasted and ground with cardamom and a pinch of saffron.",
            "بن خولاني محمّص تحميصًا فاتحًا، مطحون مع الهيل ورشّة زعفران.",
        ),
        axes=(_COFFEE,),
        variants=variants(
            "NK-COFFEE", price=48, axes=(_COFFEE,), on_hand=(90, 70), extra={"500g": 40}
        ),
    ),
    Product(
        key="ajwa-box",
        merchant_key="nakheel",
        category_key="hospitality",
        title=Text("Ajwa dates of Madinah", "تمر عجوة المدينة"),
        description=Text(
            "This season's soft dark Ajwa in a gift box with a window.",
            "عجوة طرية داكنة من محصول هذا الموسم، في علبة هدايا بنافذة شفافة.",
        ),
        axes=(_DATES,),
        variants=variants(
            "NK-AJWA", price=62, axes=(_DATES,), on_hand=(110, 75), extra={"1kg": 53}
        ),
    ),
    Product(
        key="sukkari-bowl",
        merchant_key="nakheel",
        category_key="hospitality",
        title=Text("Stuffed Sukkari dates", "تمر سكري محشو"),
        description=Text(
            "Golden Sukkari dates filled with almond and pistachio, 600 g in a wooden bowl.",
            "تمر سكري ذهبي محشو باللوز والفستق، ٦٠٠ غ في وعاء خشبي.",
        ),
        axes=(),
        variants=variants("NK-SUKKARI", price=89, was=110, on_hand=(48,)),
    ),
    Product(
        key="karak-flask",
        merchant_key="nakheel",
        category_key="kitchen",
        title=Text("Karak flask, 1 litre", "ترمس كرك، ١ لتر"),
        description=Text(
            "Keeps karak hot for twelve hours; one press pours, and it never drips.",
            "يحفظ الكرك ساخنًا اثنتي عشرة ساعة، يصبّ بضغطة واحدة ولا يقطر.",
        ),
        axes=(_FLASK,),
        variants=variants("NK-FLASK", price=139, axes=(_FLASK,), on_hand=(34, 28)),
    ),
    Product(
        key="kabsa-pot",
        merchant_key="nakheel",
        category_key="kitchen",
        title=Text("Granite kabsa pot", "قدر كبسة جرانيت"),
        description=Text(
            "A wide non-stick pot with a glass lid, good on gas and induction alike.",
            "قدر واسع غير لاصق بغطاء زجاجي، يصلح للغاز والطبخ الحثّي معًا.",
        ),
        axes=(_POT,),
        variants=variants(
            "NK-POT", price=199, was=245, axes=(_POT,), on_hand=(22, 15), extra={"32cm": 50}
        ),
    ),
    Product(
        key="spice-set",
        merchant_key="nakheel",
        category_key="kitchen",
        title=Text("Six spices in glass jars", "طقم ستة بهارات"),
        description=Text(
            "Cardamom, saffron, black lime, turmeric, cinnamon and kabsa mix, with a wooden rack.",
            "هيل وزعفران ولومي وكركم وقرفة وبهارات كبسة، مع حامل خشبي.",
        ),
        axes=(),
        variants=variants("NK-SPICE", price=99, on_hand=(44,)),
    ),
    Product(
        key="sadu-cushions",
        merchant_key="nakheel",
        category_key="home",
        title=Text("Two Sadu cushions", "خداديتان بنقش السدو"),
        description=Text(
            "Woven covers in the Sadu patterns of the Bedouin, 45 by 45 cm, filling included.",
            "غطاءان منسوجان بنقوش السدو البدوية، مقاس ٤٥ × ٤٥ سم مع الحشوة.",
        ),
        axes=(_SADU,),
        variants=variants("NK-SADU", price=119, axes=(_SADU,), on_hand=(30, 26)),
    ),
    Product(
        key="prayer-mat",
        merchant_key="nakheel",
        category_key="home",
        title=Text("Padded prayer mat", "سجادة صلاة مبطّنة"),
        description=Text(
            "Soft velvet over memory foam that spares the knees; rolls up into its own bag.",
            "مخمل ناعم فوق طبقة إسفنج مريحة للركبتين، تُطوى في حقيبتها الخاصة.",
        ),
        axes=(_MAT,),
        variants=variants("NK-MAT", price=89, was=115, axes=(_MAT,), on_hand=(50, 42)),
    ),
)
