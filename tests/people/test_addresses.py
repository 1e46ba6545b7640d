import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.addresses import FORMS, Address, check_address, form_for, summary

GOOD = {
    "SA": {"short_address": "rrrd ٢٩٢٩", "city": "الرياض"},
    "KW": {"governorate": "hawalli", "area": "السالمية", "block": "١٠", "street": "Salem",
           "house": "12A"},
    "QA": {"zone": "٥٥", "street": "310", "building": "17"},
    "AE": {"emirate": "dubai", "area": "Al Barsha 1", "street": "12b", "building": "Al Noor",
           "landmark": "خلف المول"},
    "BH": {"area": "Juffair", "block": "341", "road": "4012", "building": "۱۲"},
    "OM": {"governorate": "muscat", "wilayat": "Bawshar", "area": "Al Khuwair", "building": "7",
           "postcode": "133"},
    "EG": {"governorate": "giza", "area": "الدقي", "street": "شارع التحرير", "building": "5"},
    "JO": {"governorate": "amman", "area": "عبدون", "street": "الأميرة بسمة", "building": "22"},
    "US": {"line1": "1 Main St", "city": "Dover", "state": "DE", "postcode": "19901-1234"},
    "GB": {"line1": "1 High St", "city": "Leeds", "postcode": "ls1 4ap"},
    "DE": {"line1": "Hauptstr. 1", "city": "Köln", "postcode": "50667"},
}  # fmt: skip


def check(
    country: str,
    fields: dict[str, str],
    *,
    recipient: str = "سارة",
    phone: str = "+966501234567",
) -> Address:
    return check_address(country=country, recipient=recipient, phone=phone, fields=fields)


@pytest.mark.parametrize("country", sorted(GOOD))
def test_each_country_takes_its_own_address(country: str):
    address = check(country, GOOD[country])
    assert address.phone == "+966501234567"
    assert list(address.fields) == [
        field.name for field in form_for(country).fields if field.name in GOOD[country]
    ]
    assert summary(address)
    again = check(country, dict(address.fields))
    assert again == address


def test_codes_are_written_one_way():
    assert check("SA", GOOD["SA"]).fields["short_address"] == "RRRD2929"
    assert check("GB", GOOD["GB"]).fields["postcode"] == "LS14AP"
    assert check("KW", GOOD["KW"]).fields["block"] == "10"
    assert summary(check("AE", GOOD["AE"])) == "Dubai, Al Barsha 1, 12b, Al Noor, خلف المول"
    assert summary(check("US", GOOD["US"])) == "1 Main St, Dover, DE, 19901-1234"


def test_nobody_is_asked_for_a_postcode_they_do_not_have():
    for country in ("KW", "QA", "AE", "BH"):
        assert "postcode" not in {field.name for field in form_for(country).fields}


def test_a_saudi_address_is_the_short_one_or_the_long_one():
    long = {"city": "Riyadh", "district": "Olaya", "street": "King Fahd", "building": "8228"}
    assert "short_address" not in check("SA", long).fields
    with pytest.raises(Refused) as refused:
        check("SA", {"city": "Riyadh"})
    assert refused.value.code is Code.MISSING_FIELD
    assert refused.value.data["any_of"][0] == ["short_address"]
    del long["street"]
    with pytest.raises(Refused) as refused:
        check("SA", long)
    assert refused.value.field == "fields.street"


@pytest.mark.parametrize(
    ("country", "change", "code", "field"),
    [
        ("SA", {"short_address": "RRR2929"}, Code.BAD_FIELD, "fields.short_address"),
        ("SA", {"city": " "}, Code.MISSING_FIELD, "fields.city"),
        ("SA", {"postcode": "1234"}, Code.BAD_FIELD, "fields.postcode"),
        ("KW", {"governorate": "riyadh"}, Code.BAD_FIELD, "fields.governorate"),
        ("KW", {"postcode": "12345"}, Code.UNKNOWN_FIELD, "fields"),
        ("QA", {"zone": "abc"}, Code.BAD_FIELD, "fields.zone"),
        ("AE", {"emirate": ""}, Code.MISSING_FIELD, "fields.emirate"),
        ("AE", {"landmark": "x" * 121}, Code.BAD_FIELD, "fields.landmark"),
        ("US", {"state": "XX"}, Code.BAD_FIELD, "fields.state"),
        ("US", {"line1": "a\0b"}, Code.BAD_FIELD, "fields.line1"),
        ("DE", {"__class__": "x"}, Code.UNKNOWN_FIELD, "fields"),
    ],
)
def test_a_fault_is_told_with_its_field(
    country: str, change: dict[str, str], code: Code, field: str
):
    with pytest.raises(Refused) as refused:
        check(country, GOOD[country] | change)
    assert (refused.value.code, refused.value.field) == (code, field)


@pytest.mark.parametrize(
    ("others", "field"), [({"recipient": "\u202e"}, "recipient"), ({"phone": "12"}, "phone")]
)
def test_a_fault_outside_of_the_form(others: dict[str, str], field: str):
    with pytest.raises(Refused) as refused:
        check("SA", GOOD["SA"], **others)
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, field)


def test_a_country_that_is_none():
    with pytest.raises(Refused) as refused:
        check("XX", GOOD["DE"])
    assert (refused.value.code, refused.value.field) == (Code.BAD_FIELD, "country")


def test_a_local_phone_is_one_of_the_country():
    assert check("KW", GOOD["KW"], phone="٥٠٠١٢٣٤٥").phone == "+96550012345"


def test_the_forms_hold_together():
    for form in FORMS.values():
        names = [field.name for field in form.fields]
        assert len(names) == len(set(names))
        assert all(name in names for group in form.any_of for name in group)
        for field in form.fields:
            assert not (field.options and field.pattern)
            if field.pattern:
                re.compile(field.pattern)


@given(
    st.sampled_from(sorted(GOOD)),
    st.dictionaries(
        st.sampled_from(sorted({n for g in GOOD.values() for n in g})), st.text(max_size=90)
    ),
)
def test_anything_filled_in_is_refused_or_stays_as_it_was_cleaned(
    country: str, fields: dict[str, str]
):
    try:
        address = check(country, GOOD[country] | fields)
    except Refused:
        return
    assert check(country, dict(address.fields)) == address
    assert "\n" not in summary(address)
