"""Wameedh: electronics for the phone and the studio, and toys."""

from __future__ import annotations

from livecommerce.demo.shop.goods import Merchant, Product, Text, colour_axis, variants

MERCHANT = Merchant(
    key="wameedh",
    name=Text("Wameedh", "وميض"),
    tagline=Text("Small electronics with a long warranty", "إلكترونيات صغيرة بضمان طويل"),
    city=Text("Dammam", "الدمام"),
)

_HEADPHONES = colour_axis(
    midnight=("Midnight", "أزرق ليلي"), pearl=("Pearl", "لؤلؤي"), coral=("Coral", "مرجاني")
)
_POWER = colour_axis(white=("White", "أبيض"), navy=("Navy", "كحلي"))

PRODUCTS = (
    Product(
        key="headphones",
        merchant_key="wameedh",
        category_key="tech",
        title=Text("Quiet wireless headphones", "سماعة لاسلكية عازلة"),
        description=Text(
            "Active noise cancelling, soft cushions and forty hours on one charge.",
            "عزل نشط للضوضاء ووسائد ناعمة، وأربعون ساعة بشحنة واحدة.",
        ),
        axes=(_HEADPHONES,),
        variants=variants(
            "WM-PHONES", price=249, was=329, axes=(_HEADPHONES,), on_hand=(32, 20, 16)
        ),
    ),
    Product(
        key="power-bank",
        merchant_key="wameedh",
        category_key="tech",
        title=Text("20,000 mAh power bank", "شاحن متنقل ٢٠٬٠٠٠ مللي أمبير"),
        description=Text(
            "Charges a phone five times and a laptop once; 65 W, and it may fly in the cabin.",
            "يشحن الجوال خمس مرات والحاسوب مرة بقدرة ٦٥ واط، ومسموح به داخل الطائرة.",
        ),
        axes=(_POWER,),
        variants=variants("WM-POWER", price=159, axes=(_POWER,), on_hand=(55, 48)),
    ),
    Product(
        key="ring-light",
        merchant_key="wameedh",
        category_key="tech",
        title=Text("Ring light with tripod", "إضاءة دائرية مع حامل"),
        description=Text(
            "26 cm, three tones of white and a phone clip: the light this show is lit with.",
            "قطر ٢٦ سم بثلاث درجات من الأبيض ومشبك للجوال، وهي إضاءة هذا البث نفسها.",
        ),
        axes=(),
        variants=variants("WM-RING", price=129, on_hand=(38,)),
    ),
    Product(
        key="charging-stand",
        merchant_key="wameedh",
        category_key="tech",
        title=Text("Three-in-one charging stand", "حامل شحن ثلاثي لاسلكي"),
        description=Text(
            "Phone, watch and earbuds on one aluminium stand by the bed, and a single cable.",
            "الجوال والساعة والسماعات على حامل ألمنيوم واحد بجانب السرير وبسلك واحد.",
        ),
        axes=(),
        variants=variants("WM-STAND", price=179, was=220, on_hand=(41,)),
    ),
    Product(
        key="camel-blocks",
        merchant_key="wameedh",
        category_key="kids",
        title=Text("Wooden camel stacker", "لعبة الجمل الخشبية"),
        description=Text(
            "Eleven smooth beech pieces to balance on a camel's back. Three years and up.",
            "إحدى عشرة قطعة ملساء من خشب الزان تُرصّ على ظهر الجمل، من عمر ثلاث سنوات.",
        ),
        axes=(),
        variants=variants("WM-CAMEL", price=75, on_hand=(46,)),
    ),
)
