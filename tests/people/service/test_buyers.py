"""Contact, addresses and erasure: what is personal is sealed, counted, logged and forgotten."""

import asyncio
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from livecommerce.database import verify
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people import invariants  # noqa: F401 - registers them
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Role
from livecommerce.people.service import AddressRef, Buyer
from livecommerce.people.service.vault import Vault
from livecommerce.people.store.vault import vault_access, vault_keys, vault_records
from livecommerce.people.vault import SealBroken
from livecommerce.people.wire import AddressDraft, ContactDraft, PersonPatch, SignIn
from tests.people.house import IP, REGION_KEY, House, open_house

PHONE = "+96550012345"
STREET = "شارع سالم المبارك"
KUWAIT = AddressDraft(
    country="KW",
    recipient="نورة",
    phone="٥٠٠١٢٣٤٥",
    fields={
        "governorate": "hawalli",
        "area": "السالمية",
        "block": "١٠",
        "street": STREET,
        "house": "12",
    },
)
SHORT = AddressDraft(
    country="SA",
    recipient="Sara",
    phone="0501234567",
    fields={"short_address": "RRRD2929", "city": "Riyadh"},
)


async def refused(call) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


async def test_a_contact_is_kept_and_read_back(house: House):
    sara = await house.account()
    nothing = await house.people.contact(sara.person_id, reader=sara.person_id, purpose="own")
    assert (nothing.phone, nothing.email) == (None, None)
    draft = ContactDraft(phone="0501234567", email="Sara@Example.com")
    stored = await house.people.set_contact(sara, draft)
    assert (stored.phone, stored.email) == ("+966501234567", "sara@example.com")
    assert await house.people.contact(sara.person_id, reader="x", purpose="order") == stored
    await house.people.set_contact(sara, ContactDraft(phone=PHONE))
    changed = await house.people.contact(sara.person_id, reader="x", purpose="order")
    assert (changed.phone, changed.email) == (PHONE, None)


@pytest.mark.parametrize(
    ("draft", "field"),
    [(ContactDraft(phone="12345"), "phone"), (ContactDraft(phone=PHONE, email="nothing"), "email")],
)
async def test_a_contact_that_cannot_be(house: House, draft: ContactDraft, field: str):
    sara = await house.account()
    problem = await refused(house.people.set_contact(sara, draft))
    assert (problem.code, problem.field) == (Code.BAD_FIELD, field)
    assert not (await house.people.buyer(sara.person_id)).has_phone


async def test_a_login_by_phone_is_the_first_contact(house: House):
    actor = await house.signed_up(login=PHONE)
    assert (await house.people.buyer(actor.person_id)).has_phone


async def test_the_couriers_number_becomes_the_buyers_own_when_there_is_none(house: House):
    sara = await house.account()
    assert not (await house.people.buyer(sara.person_id)).has_phone
    await house.people.add_address(sara, KUWAIT)
    assert (await house.people.buyer(sara.person_id)).has_phone
    own = await house.people.contact(sara.person_id, reader=sara.person_id, purpose="owner")
    assert own.phone == PHONE


async def test_an_address_that_is_sent_again_is_kept_once(house: House):
    sara, key = await house.account(), "0123456789abcdef"
    first = await house.people.add_address(sara, KUWAIT, key=key)
    assert await house.people.add_address(sara, KUWAIT, key=key) == first
    other = msgspec.structs.replace(KUWAIT, recipient="Sara")
    for draft in (other, SHORT):
        problem = await refused(house.people.add_address(sara, draft, key=key))
        assert problem.code is Code.IDEMPOTENCY_MISMATCH
    assert (await house.people.addresses(sara)).addresses == [first]
    records = await house.vault_database.fetch(
        sa.select(vault_records.c.id).where(vault_records.c.kind == "address")
    )
    assert [row["id"] for row in records] == [first.id]
    # of another person it is another key
    omar = await house.signed_up("omar@example.com", "Omar")
    assert (await house.people.add_address(omar, KUWAIT, key=key)).id != first.id


async def test_addresses_are_kept_newest_first(house: House):
    sara = await house.account()
    first = await house.people.add_address(sara, KUWAIT)
    house.clock.advance(1)
    second = await house.people.add_address(sara, SHORT)
    assert first.phone == PHONE
    assert first.fields["block"] == "10"
    assert (await house.people.addresses(sara)).addresses == [second, first]
    buyer = await house.people.buyer(sara.person_id)
    assert buyer == Buyer(
        sara.person_id, "SA", True, (AddressRef(second.id, "SA"), AddressRef(first.id, "KW"))
    )
    opened = await house.people.address(sara.person_id, first.id, reader="host", purpose="order")
    assert opened == first


async def test_a_removed_address_leaves_the_list_and_not_the_order(house: House):
    sara = await house.account()
    kept = await house.people.add_address(sara, KUWAIT)
    await house.people.remove_address(sara, kept.id)
    assert (await house.people.addresses(sara)).addresses == []
    assert (await house.people.buyer(sara.person_id)).addresses == ()
    assert (await refused(house.people.remove_address(sara, kept.id))).code is Code.NOT_FOUND
    opened = await house.people.address(sara.person_id, kept.id, reader="host", purpose="order")
    assert opened == kept


async def test_nobody_reaches_anothers_address(house: House):
    sara, omar = await house.account("Sara"), await house.account("Omar")
    hers = await house.people.add_address(sara, KUWAIT)
    for call in (
        house.people.remove_address(omar, hers.id),
        house.people.remove_address(omar, "no such id"),
        house.people.address(omar.person_id, hers.id, reader=omar.person_id, purpose="own"),
        house.people.address(omar.person_id, "no such id", reader=omar.person_id, purpose="own"),
        house.people.address(
            sara.person_id, f"{sara.person_id}.contact", reader="x", purpose="own"
        ),
    ):
        assert str(await refused(call)) == "not_found()"
    assert len((await house.people.addresses(sara)).addresses) == 1


async def test_twenty_addresses_are_enough_even_at_once(house: House):
    sara = await house.account()
    done = await asyncio.gather(
        *(house.people.add_address(sara, SHORT) for _ in range(23)), return_exceptions=True
    )
    problems = [one for one in done if isinstance(one, Refused)]
    assert [problem.code for problem in problems] == [Code.LIMIT_REACHED] * 3
    assert len((await house.people.addresses(sara)).addresses) == 20
    assert await verify.run(house.database) == []
    assert await verify.run(house.vault_database) == []


async def test_a_person_changes_name_and_market(house: House):
    sara = await house.account()
    changed = await house.people.change_me(sara, PersonPatch(name=" سارة  علي ", market="QA"))
    assert (changed.name, changed.market) == ("سارة علي", "QA")
    assert await house.people.names([sara.person_id, "nobody"]) == {sara.person_id: "سارة علي"}
    assert (await refused(house.people.change_me(sara, PersonPatch(name="Admin")))).field == "name"
    assert (await house.people.change_me(sara, PersonPatch())).name == "سارة علي"


async def test_who_is_nobody(house: House):
    nobody = Actor("nobody", "Nobody", "account", "x")
    for call in (
        house.people.me(nobody),
        house.people.person("nobody"),
        house.people.buyer("nobody"),
        house.people.add_address(nobody, SHORT),
        house.people.change_me(nobody, PersonPatch(name="N")),
        house.people.set_contact(nobody, ContactDraft(phone=PHONE)),
    ):
        assert (await refused(call)).code is Code.NOT_FOUND


async def test_a_buyer_added_through_another_process_is_seen_soon(
    postgres_url: str, vault_url: str
):
    clock = FakeClock()
    async with (
        open_house(postgres_url, vault_url, clock=clock) as here,
        open_house(postgres_url, vault_url, clock=clock) as there,
    ):
        sara = await here.account()
        assert (await there.people.buyer(sara.person_id)).addresses == ()
        kept = await here.people.add_address(sara, SHORT)
        await here.people.set_contact(sara, ContactDraft(phone=PHONE))
        clock.advance(2_001)
        complete = await there.people.buyer(sara.person_id)
        assert complete.is_complete
        assert complete.addresses == (AddressRef(kept.id, "SA"),)


# ---- the vault ----------------------------------------------------------------------------------


async def test_no_word_of_it_is_on_disk_but_sealed(
    tmp_path: Path, url: str, vault_url: str, request: pytest.FixtureRequest
):
    async with open_house(url, vault_url) as house:
        sara = await house.signed_up(login=PHONE)
        await house.people.set_contact(sara, ContactDraft(phone=PHONE, email="sara@example.com"))
        await house.people.add_address(sara, KUWAIT)
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("*.db*"))
    for word in (PHONE, PHONE.removeprefix("+965"), "sara@example", STREET, "السالمية", "نورة"):
        assert word.encode() not in stored


async def test_every_reading_is_logged_first(house: House):
    sara = await house.account()
    kept = await house.people.add_address(sara, KUWAIT)
    await house.people.address(sara.person_id, kept.id, reader="host-1", purpose="order 7")
    await house.people.addresses(sara)
    rows = await house.vault_database.fetch(
        sa.select(vault_access).order_by(vault_access.c.read_at, vault_access.c.id)
    )
    assert [(row["reader_id"], row["purpose"], row["record_id"]) for row in rows] == [
        ("host-1", "order 7", kept.id),
        (sara.person_id, "own details", kept.id),
    ]


async def test_a_record_does_not_open_with_another_region_key(house: House):
    sara = await house.account()
    await house.people.set_contact(sara, ContactDraft(phone=PHONE))
    for region, key in (("home", b"x" * 32), ("away", REGION_KEY)):
        other = Vault(database=house.vault_database, region=region, region_key=key)
        with pytest.raises(SealBroken):
            await other.read(
                sara.person_id, [f"{sara.person_id}.contact"], reader_id="x", purpose="test"
            )


async def test_an_erased_person_is_forgotten(house: House):
    sara = await house.signed_up(login=PHONE)
    token = (
        await house.people.sign_in(SignIn(login=PHONE, password="correct horse"), ip=IP)
    ).tokens.access_token
    kept = await house.people.add_address(sara, KUWAIT)
    await house.people._roles.give(
        "room", person_id=sara.person_id, role=Role.MODERATOR, expires_at=None, by="host"
    )
    await house.people.erase(sara.person_id)
    await house.people.erase(sara.person_id)
    for call in (
        house.people.person(sara.person_id),
        house.people.buyer(sara.person_id),
        house.people.address(sara.person_id, kept.id, reader="x", purpose="order"),
        house.people.find(PHONE),
        house.people.add_address(sara, SHORT),
        house.people.make_link(sara.person_id),
    ):
        assert (await refused(call)).code is Code.NOT_FOUND
    assert (await refused(house.people.authenticate(token))).code is Code.UNAUTHENTICATED
    assert await house.people.role("room", sara.person_id) is None
    assert await house.people.names([sara.person_id]) == {}
    assert await house.vault_database.fetch(sa.select(vault_keys)) == []
    assert await house.vault_database.fetch(sa.select(vault_records)) == []
    assert await verify.run(house.database) == []


async def test_a_login_is_free_again_after_erasure(house: House):
    first = await house.signed_up(login=PHONE)
    await house.people.erase(first.person_id)
    second = await house.signed_up(login=PHONE)
    assert second.person_id != first.person_id


async def test_records_sealed_while_a_person_is_erased_stay_openable(house: House):
    sara = await house.account()
    for _ in range(5):
        await asyncio.gather(
            *(
                house.vault.keep(sara.person_id, f"r{n}", kind="contact", plain=b"x")
                for n in range(4)
            ),
            house.vault.erase(sara.person_id),
            return_exceptions=True,
        )
        rows = await house.vault_database.fetch(sa.select(vault_records.c.id))
        ids = [row["id"] for row in rows]
        opened = await house.vault.read(sara.person_id, ids, reader_id="x", purpose="test")
        assert opened.keys() == set(ids)
    assert await verify.run(house.vault_database) == []
