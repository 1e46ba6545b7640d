"""The address form of each country, in the order its people give an address.

No country is asked for a postcode it does not use. Patterns are applied to what `check_address`
made of the input: digits as 0 to 9, codes in capitals and without spaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One line of a form.

    Args:
        pattern: the whole value must match it. Such a value is a code: written in capitals.
        options: the values there are; clients show them in words of their own.
        numeric: phones show the number keyboard.
    """

    name: str
    required: bool = True
    pattern: str | None = None
    length_max: int = 80
    options: tuple[str, ...] = ()
    numeric: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of one country.

    Args:
        any_of: besides the required fields, all fields of at least one of these groups.
    """

    country: str
    fields: tuple[Field, ...]
    any_of: tuple[tuple[str, ...], ...] = ()


def _needed(name: str, *, length_max: int = 80) -> Field:
    return Field(name=name, length_max=length_max)


def _optional(name: str, *, length_max: int = 80) -> Field:
    return Field(name=name, required=False, length_max=length_max)


def _code(name: str, pattern: str, *, required: bool = True, numeric: bool = False) -> Field:
    return Field(name=name, required=required, pattern=pattern, length_max=16, numeric=numeric)


def _choice(name: str, options: str) -> Field:
    return Field(name=name, options=tuple(options.split()))


_NUMBER: Final = r"[0-9]{1,5}[A-Z]?"

_DECLARED: Final = (
    # The national address: four letters and four digits stand for all the rest (splonline.com.sa).
    Form(
        country="SA",
        fields=(
            _code("short_address", r"[A-Z]{4}[0-9]{4}", required=False),
            _needed("city"),
            _optional("district"),
            _optional("street"),
            _code("building", r"[0-9]{1,5}", required=False, numeric=True),
            _code("postcode", r"[0-9]{5}", required=False, numeric=True),
            _optional("unit", length_max=20),
        ),
        any_of=(("short_address",), ("district", "street", "building")),
    ),
    # Kuwait finds a house by block and street; an avenue (jadda) where the street has them.
    Form(
        country="KW",
        fields=(
            _choice("governorate", "capital hawalli farwaniya mubarak_al_kabeer ahmadi jahra"),
            _needed("area"),
            _code("block", r"[0-9]{1,3}[A-Z]?", numeric=True),
            _needed("street"),
            _optional("avenue", length_max=20),
            _needed("house", length_max=20),
            _optional("floor", length_max=20),
            _optional("unit", length_max=20),
        ),
    ),
    # The blue plate on every building in Qatar: zone, street, building.
    Form(
        country="QA",
        fields=(
            _code("zone", r"[0-9]{1,3}", numeric=True),
            _code("street", r"[0-9]{1,5}", numeric=True),
            _code("building", r"[0-9]{1,5}[A-Z]?", numeric=True),
            _optional("unit", length_max=20),
        ),
    ),
    # Streets are known by their landmark as often as by their name.
    Form(
        country="AE",
        fields=(
            _choice(
                "emirate",
                "abu_dhabi dubai sharjah ajman umm_al_quwain ras_al_khaimah fujairah",
            ),
            _needed("area"),
            _needed("street"),
            _needed("building"),
            _optional("unit", length_max=20),
            _optional("landmark", length_max=120),
        ),
    ),
    # The block is the postcode.
    Form(
        country="BH",
        fields=(
            _needed("area"),
            _code("block", r"[0-9]{3,4}", numeric=True),
            _code("road", r"[0-9]{1,4}", numeric=True),
            _code("building", _NUMBER),
            _optional("unit", length_max=20),
        ),
    ),
    Form(
        country="OM",
        fields=(
            _choice(
                "governorate",
                "muscat dhofar musandam al_buraimi ad_dakhiliyah al_batinah_north "
                "al_batinah_south ash_sharqiyah_north ash_sharqiyah_south adh_dhahirah al_wusta",
            ),
            _needed("wilayat"),
            _needed("area"),
            _optional("way", length_max=40),
            _needed("building"),
            _optional("unit", length_max=20),
            _optional("landmark", length_max=120),
            _code("postcode", r"[0-9]{3}", required=False, numeric=True),
        ),
    ),
    Form(
        country="EG",
        fields=(
            _choice(
                "governorate",
                "cairo giza alexandria qalyubia dakahlia sharqia gharbia monufia beheira "
                "kafr_el_sheikh damietta port_said ismailia suez fayoum beni_suef minya asyut "
                "sohag qena luxor aswan red_sea new_valley matrouh north_sinai south_sinai",
            ),
            _needed("area"),
            _needed("street"),
            _needed("building", length_max=40),
            _optional("floor", length_max=20),
            _optional("unit", length_max=20),
            _optional("landmark", length_max=120),
            _code("postcode", r"[0-9]{5}", required=False, numeric=True),
        ),
    ),
    Form(
        country="JO",
        fields=(
            _choice(
                "governorate",
                "amman irbid zarqa balqa madaba karak tafilah maan aqaba mafraq jerash ajloun",
            ),
            _needed("area"),
            _needed("street"),
            _needed("building", length_max=40),
            _optional("unit", length_max=20),
            _optional("landmark", length_max=120),
        ),
    ),
    Form(
        country="US",
        fields=(
            _needed("line1"),
            _optional("line2"),
            _needed("city"),
            _choice(
                "state",
                "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT "
                "NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY "
                "AS GU MP PR VI",
            ),
            _code("postcode", r"[0-9]{5}(-[0-9]{4})?", numeric=True),
        ),
    ),
    Form(
        country="GB",
        fields=(
            _needed("line1"),
            _optional("line2"),
            _needed("city"),
            # Written without its space, which always stands before the last three.
            _code("postcode", r"[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}"),
        ),
    ),
)

FORMS: Final[Mapping[str, Form]] = {form.country: form for form in _DECLARED}

GENERIC: Final = (
    _needed("line1"),
    _optional("line2"),
    _needed("city"),
    _optional("region"),
    _optional("postcode", length_max=16),
)
"""For every other country. A postcode of any form, or none."""
