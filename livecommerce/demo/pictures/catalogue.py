"""Which drawing belongs to which product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from livecommerce.demo.pictures import fashion, hospitality, household, scent, tech
from livecommerce.demo.pictures.canvas import Canvas

DRAWINGS: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {
        "abaya-layl": fashion.abaya_layl,
        "abaya-linen": fashion.abaya_linen,
        "kaftan-velvet": fashion.kaftan_velvet,
        "sheila-modal": fashion.sheila_modal,
        "thobe-white": fashion.thobe_white,
        "girls-eid-dress": fashion.girls_eid_dress,
        "oud-malaki": scent.oud_malaki,
        "musk-oil": scent.musk_oil,
        "bakhoor-tin": scent.bakhoor_tin,
        "mabkhara": scent.mabkhara,
        "rose-serum": scent.rose_serum,
        "date-cream": scent.date_cream,
        "dallah-set": hospitality.dallah_set,
        "saudi-coffee": hospitality.saudi_coffee,
        "ajwa-box": hospitality.ajwa_box,
        "sukkari-bowl": hospitality.sukkari_bowl,
        "karak-flask": household.karak_flask,
        "kabsa-pot": household.kabsa_pot,
        "spice-set": household.spice_set,
        "sadu-cushions": household.sadu_cushions,
        "prayer-mat": household.prayer_mat,
        "headphones": tech.headphones,
        "power-bank": tech.power_bank,
        "ring-light": tech.ring_light,
        "charging-stand": tech.charging_stand,
        "camel-blocks": tech.camel_blocks,
    }
)
"""By product key; a test holds it equal to the keys of the shop."""
