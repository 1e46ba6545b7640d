"""Signing in, staying and going, through the service, on both databases."""

import asyncio
import json
from pathlib import Path

import argon2
import pytest
import sqlalchemy as sa
from joserfc import jws
from joserfc.jwk import OctKey, OKPKey, RSAKey

from livecommerce.database import verify
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people import invariants  # noqa: F401 - registers them
from livecommerce.people.accounts import Actor, platform_person_id
from livecommerce.people.service import PeopleSettings, SignedIn
from livecommerce.people.store.tables import logins, people, sign_in_links, sign_ins
from livecommerce.people.tokens import REUSE_GRACE_MS, PlatformTrust
from livecommerce.people.wire import GuestDraft, PersonPatch, SignIn, SignUp
from tests.people.house import IP, PLATFORM_SECRET, House, open_house

PASSWORD = "correct horse"
SARA = SignUp(name="Sara", login="Sara@Example.com", password=PASSWORD, market="KW")
ISSUER = "https://platform.example"


async def refused(call) -> Refused:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value


async def code(call) -> Code:
    return (await refused(call)).code


async def count(house: House, table: sa.Table) -> int:
    row = await house.database.fetch_one(sa.select(sa.func.count().label("n")).select_from(table))
    assert row is not None
    return int(row["n"])


def platform_token(house: House, subject: str, key=None, **claims: object) -> str:
    now_s = house.clock.now_ms() // 1000
    body = {"iss": ISSUER, "aud": "shop", "sub": subject, "name": "Omar", "exp": now_s + 600}
    header = {"alg": "HS256"} if key is None else {"alg": "RS256", "kid": key.kid}
    key = key or OctKey.import_key(PLATFORM_SECRET)
    return jws.serialize_compact(
        header, json.dumps(body | claims), key, algorithms=["HS256", "RS256"]
    )


# ---- guests and accounts ------------------------------------------------------------------------


async def test_a_guest_needs_a_name_alone(house: House):
    entered = await house.people.guest_in(GuestDraft(name="  نورة "), ip=IP)
    actor = await house.who(entered)
    assert (actor.name, actor.kind) == ("نورة", "guest")
    assert entered.tokens.person.capabilities == []
    assert entered.tokens.refresh_token is None
    assert (await house.people.me(actor)).name == "نورة"


@pytest.mark.parametrize("name", ["a\0b", " ", "ADMlN", "مشرف"])
async def test_a_guest_of_no_name_or_a_false_one_leaves_nothing(house: House, name: str):
    problem = await refused(house.people.guest_in(GuestDraft(name=name), ip=IP))
    assert (problem.code, problem.field) == (Code.BAD_FIELD, "name")
    assert await count(house, people) == 0
    assert await count(house, sign_ins) == 0


async def test_thirty_guests_a_minute_come_from_one_address(house: House):
    for _ in range(30):
        await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    problem = await refused(house.people.guest_in(GuestDraft(name="G"), ip=IP))
    assert problem.code is Code.RATE_LIMITED
    assert problem.retry_after_ms is not None
    await house.people.guest_in(GuestDraft(name="G"), ip="198.51.100.1")
    house.clock.advance(problem.retry_after_ms)
    await house.people.guest_in(GuestDraft(name="G"), ip=IP)


async def test_an_account_signs_up_and_in(house: House):
    made = await house.people.sign_up(SARA, ip=IP)
    assert (made.tokens.person.kind, made.tokens.person.market) == ("account", "KW")
    assert made.tokens.person.capabilities == ["merchant.create", "room.create"]
    again = await house.people.sign_in(SignIn(login=" sara@example.COM", password=PASSWORD), ip=IP)
    assert again.tokens.person.id == made.tokens.person.id
    assert (await house.who(again)).sign_in_id != (await house.who(made)).sign_in_id


async def test_a_phone_is_a_login_in_any_digits(house: House):
    draft = SignUp(name="S", login="٥٠٠١٢٣٤٥", password=PASSWORD, market="KW")
    made = await house.people.sign_up(draft, ip=IP)
    for login, market in (("+96550012345", "SA"), ("50012345", "KW"), ("00965 5001 2345", "SA")):
        signed = SignIn(login=login, password=PASSWORD, market=market)
        assert (await house.people.sign_in(signed, ip=IP)).tokens.person.id == (
            made.tokens.person.id
        )
    assert await house.people.find("+96550012345") == made.tokens.person.id


async def test_nothing_personal_is_in_the_shop(house: House):
    made = await house.people.sign_up(SARA, ip=IP)
    rows = await house.database.fetch(sa.select(logins))
    assert "example" not in str(rows).lower()
    contact = await house.people.contact(made.tokens.person.id, reader="test", purpose="test")
    assert (contact.email, contact.phone) == ("sara@example.com", None)


async def test_a_login_has_one_account(house: House):
    await house.people.sign_up(SARA, ip=IP)
    problem = await refused(house.people.sign_up(SARA, ip=IP))
    assert (problem.code, problem.field) == (Code.ALREADY_EXISTS, "login")
    assert await count(house, people) == 1


async def test_of_many_who_want_one_login_one_gets_it(url: str, vault_url: str):
    async with open_house(url, vault_url) as house:
        made = await asyncio.gather(
            *(house.people.sign_up(SARA, ip=str(n)) for n in range(8)), return_exceptions=True
        )
    assert sum(isinstance(one, SignedIn) for one in made) == 1
    assert {one.code for one in made if isinstance(one, Refused)} == {Code.ALREADY_EXISTS}


async def test_a_guest_becomes_an_account_and_stays_the_same_person(house: House):
    entered = await house.people.guest_in(GuestDraft(name="Guest"), ip=IP)
    guest = await house.who(entered)
    made = await house.people.sign_up(SARA, ip=IP, guest=guest)
    actor = await house.who(made)
    assert (actor.person_id, actor.sign_in_id) == (guest.person_id, guest.sign_in_id)
    assert (actor.kind, actor.name) == ("account", "Sara")
    assert await house.people.names([guest.person_id]) == {guest.person_id: "Sara"}
    # The guest's socket lives on: same sign-in, and its old token is still good.
    await house.people.authenticate(entered.tokens.access_token)
    house.clock.advance(REUSE_GRACE_MS + 1)
    assert await code(house.people.refresh_tokens(entered.refresh_token)) is Code.UNAUTHENTICATED


async def test_an_account_is_not_made_twice_of_one_guest(house: House):
    guest = await house.guest()
    await house.people.sign_up(SARA, ip=IP, guest=guest)
    other = SignUp(name="S", login="other@example.com", password=PASSWORD)
    assert await code(house.people.sign_up(other, ip=IP, guest=guest)) is Code.ALREADY_EXISTS
    assert await count(house, logins) == 1


async def test_a_guest_who_left_does_not_become_an_account(house: House):
    guest = await house.guest()
    await house.people.sign_out(None, guest)
    assert await code(house.people.sign_up(SARA, ip=IP, guest=guest)) is Code.UNAUTHENTICATED


# ---- wrong passwords ----------------------------------------------------------------------------


async def test_a_wrong_password_and_an_unknown_login_look_alike(house: House):
    await house.people.sign_up(SARA, ip=IP)
    told = [
        str(await refused(house.people.sign_in(SignIn(login=login, password=wrong), ip="x")))
        for login, wrong in (
            ("sara@example.com", "wrong"),
            ("nobody@example.com", PASSWORD),
            ("no login", PASSWORD),
            ("0501", PASSWORD),
        )
    ]
    assert set(told) == {"wrong_credentials()"}


async def test_five_tries_a_minute_for_one_account(house: House):
    await house.people.sign_up(SARA, ip=IP)
    wrong = SignIn(login="sara@example.com", password="wrong")
    for n in range(5):
        assert await code(house.people.sign_in(wrong, ip=str(n))) is Code.WRONG_CREDENTIALS
    right = SignIn(login="sara@example.com", password=PASSWORD)
    problem = await refused(house.people.sign_in(right, ip="fresh"))
    assert problem.code is Code.RATE_LIMITED
    assert problem.retry_after_ms == 12_001
    house.clock.advance(12_001)
    await house.people.sign_in(right, ip="fresh")


async def test_twenty_tries_a_minute_from_one_address(url: str, vault_url: str):
    async with open_house(url, vault_url) as house:
        no_login = SignIn(login="no login", password="x")
        for _ in range(20):
            assert await code(house.people.sign_in(no_login, ip=IP)) is Code.WRONG_CREDENTIALS
        assert await code(house.people.sign_in(no_login, ip=IP)) is Code.RATE_LIMITED
        assert await code(house.people.link("x" * 32, ip=IP)) is Code.RATE_LIMITED


async def test_a_hash_of_another_cost_is_made_anew_at_sign_in(house: House):
    await house.people.sign_up(SARA, ip=IP)
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    await change_hash(house, cheap)
    right = SignIn(login="sara@example.com", password=PASSWORD)
    await house.people.sign_in(right, ip=IP)
    row = await house.database.fetch_one(sa.select(logins.c.password_hash))
    assert row is not None
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await house.people.sign_in(right, ip=IP)


async def change_hash(house: House, value: str) -> None:
    from dataclasses import dataclass

    from livecommerce.database.group_commit import Need, Rows, Write

    row = await house.database.fetch_one(sa.select(logins.c.id))
    assert row is not None

    @dataclass(frozen=True)
    class SetHash(Write[None]):
        id: str

        def needs(self):
            yield Need(logins, self.id)

        def decide(self, rows: Rows, now: int) -> None:
            rows.change(logins, self.id, password_hash=value)

    await house.database.writer.submit(SetHash(row["id"]))


# ---- staying ------------------------------------------------------------------------------------


async def test_a_refresh_token_is_exchanged_for_the_next(house: House):
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    first = made.refresh_token
    house.clock.advance(600_000)
    second = await house.people.refresh_tokens(first)
    assert second.refresh_token != first
    assert second.refresh_max_age_s == 30 * 86_400
    house.clock.advance(660_000)
    assert await code(house.people.authenticate(made.tokens.access_token)) is Code.UNAUTHENTICATED
    await house.people.refresh_tokens(second.refresh_token)


async def test_two_tabs_that_refresh_at_once_get_the_same(house: House):
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    got = await asyncio.gather(*(house.people.refresh_tokens(made.refresh_token) for _ in range(5)))
    assert len({one.refresh_token for one in got}) == 1
    house.clock.advance(REUSE_GRACE_MS)
    late = await house.people.refresh_tokens(made.refresh_token)
    assert late.refresh_token == got[0].refresh_token


async def test_a_token_used_again_ends_the_sign_in(house: House):
    ended: list[str] = []
    house.people.on_signed_out(ended.append)
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    actor = await house.who(made)
    thief = await house.people.refresh_tokens(made.refresh_token)
    house.clock.advance(REUSE_GRACE_MS + 1)
    assert await code(house.people.refresh_tokens(made.refresh_token)) is Code.UNAUTHENTICATED
    assert ended == [actor.sign_in_id]
    assert await code(house.people.refresh_tokens(thief.refresh_token)) is Code.UNAUTHENTICATED
    assert await code(house.people.authenticate(thief.tokens.access_token)) is Code.UNAUTHENTICATED


async def test_an_old_token_ends_the_sign_in_even_at_once(house: House):
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    second = await house.people.refresh_tokens(made.refresh_token)
    third = await house.people.refresh_tokens(second.refresh_token)
    assert await code(house.people.refresh_tokens(made.refresh_token)) is Code.UNAUTHENTICATED
    assert await code(house.people.refresh_tokens(third.refresh_token)) is Code.UNAUTHENTICATED


async def test_a_made_up_token_ends_nothing(house: House):
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    actor = await house.who(made)
    for token in ("", "x", f"{actor.sign_in_id}.{actor.person_id}.1.AAAA", "a.b.0.c"):
        assert await code(house.people.refresh_tokens(token)) is Code.UNAUTHENTICATED
    await house.people.refresh_tokens(made.refresh_token)


async def test_a_month_away_is_too_long(house: House):
    made = await house.people.guest_in(GuestDraft(name="G"), ip=IP)
    house.clock.advance(30 * 86_400_000)
    assert await code(house.people.refresh_tokens(made.refresh_token)) is Code.UNAUTHENTICATED


# ---- going --------------------------------------------------------------------------------------


async def test_signing_out_ends_tokens_and_sockets(house: House):
    ended: list[str] = []
    house.people.on_signed_out(ended.append)
    made = await house.people.sign_up(SARA, ip=IP)
    actor = await house.who(made)
    await house.people.sign_out(made.refresh_token, actor)
    await house.people.sign_out(made.refresh_token, actor)
    await house.people.sign_out(None, None)
    assert ended == [actor.sign_in_id]
    assert await code(house.people.authenticate(made.tokens.access_token)) is Code.UNAUTHENTICATED
    assert await code(house.people.refresh_tokens(made.refresh_token)) is Code.UNAUTHENTICATED


async def test_another_process_hears_of_it(postgres_url: str, vault_url: str):
    clock = FakeClock()
    async with (
        open_house(postgres_url, vault_url, clock=clock) as here,
        open_house(postgres_url, vault_url, clock=clock) as there,
    ):
        ended: list[str] = []
        there.people.on_signed_out(ended.append)
        made = await here.people.guest_in(GuestDraft(name="G"), ip=IP)
        actor, _ = await there.people.authenticate(made.tokens.access_token)
        clock.advance(5_000)
        await here.people.sign_out(None, actor)
        clock.advance(1_000)
        await there.people.refresh()
        await there.people.refresh()
        assert ended == [actor.sign_in_id]
        assert (
            await code(there.people.authenticate(made.tokens.access_token)) is Code.UNAUTHENTICATED
        )


async def test_a_process_that_starts_knows_who_has_left(url: str, vault_url: str):
    clock = FakeClock()
    async with open_house(url, vault_url, clock=clock) as before:
        made = await before.people.guest_in(GuestDraft(name="G"), ip=IP)
        await before.people.sign_out(made.refresh_token, None)
    async with open_house(url, vault_url, clock=clock) as after:
        assert (
            await code(after.people.authenticate(made.tokens.access_token)) is Code.UNAUTHENTICATED
        )
        # When no token can be alive any more, nobody has to remember.
        clock.advance(13 * 60_000)
        await after.people.refresh()
        assert not after.people._sign_ins._ended


# ---- links --------------------------------------------------------------------------------------


async def test_a_link_signs_in_once(house: House):
    host = await house.account("Host")
    token = await house.people.make_link(host.person_id)
    entered = await house.people.link(token, ip=IP)
    assert (await house.who(entered)).person_id == host.person_id
    assert await code(house.people.link(token, ip=IP)) is Code.UNAUTHENTICATED
    rows = await house.database.fetch(sa.select(sign_in_links.c.id))
    assert token not in str(rows)


async def test_a_link_for_many_uses_and_for_a_while(house: House):
    host = await house.account("Host")
    token = await house.people.make_link(host.person_id, uses=3, valid_s=60)
    got = await asyncio.gather(
        *(house.people.link(token, ip=IP) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(one, SignedIn) for one in got) == 3
    late = await house.people.make_link(host.person_id, valid_s=60)
    house.clock.advance(60_000)
    assert await code(house.people.link(late, ip=IP)) is Code.UNAUTHENTICATED
    assert await code(house.people.link("made up, of some length", ip=IP)) is Code.UNAUTHENTICATED
    assert await code(house.people.make_link("nobody")) is Code.NOT_FOUND


async def test_an_account_of_the_demo_is_made_once(house: House):
    first = await house.people.make_account(name="Host", person_id="demo-host")
    again = await house.people.make_account(name="Host", person_id="demo-host")
    assert first == again == Actor("demo-host", "Host", "account")
    assert await count(house, people) == 1


# ---- people of a platform -----------------------------------------------------------------------


async def test_a_platform_person_needs_no_sign_up(house: House):
    actor, until = await house.people.authenticate(platform_token(house, "42", market="KW"))
    assert actor == Actor(platform_person_id(ISSUER, "42"), "Omar", "platform", None)
    assert until == house.clock.now_ms() + 660_000
    # Known at once, stored a moment later.
    assert await house.people.names([actor.person_id]) == {actor.person_id: "Omar"}
    assert (await house.people.me(actor)).market == "KW"
    assert await count(house, people) == 1


async def test_what_the_platform_changes_is_changed_here(house: House):
    actor, _ = await house.people.authenticate(platform_token(house, "42", market="KW"))
    await house.people.me(actor)
    await house.people.authenticate(platform_token(house, "42", name="Omar B"))
    me = await house.people.me(actor)
    assert (me.name, me.market) == ("Omar B", "KW")
    mine = PersonPatch(name="Mine")
    assert await code(house.people.change_me(actor, mine)) is Code.FORBIDDEN
    assert (await house.people.change_me(actor, PersonPatch(market="QA"))).market == "QA"


async def test_a_crowd_of_first_sights_is_stored_together(house: House):
    ids = [
        (await house.people.authenticate(platform_token(house, str(n))))[0].person_id
        for n in range(600)
    ]
    await house.people.close()
    assert await count(house, people) == 600
    assert len(await house.people.names(ids)) == 600


async def test_first_sights_are_stored_beside(house: House):
    running = asyncio.create_task(house.people.run())
    await house.people.authenticate(platform_token(house, "1"))
    async with asyncio.timeout(10):
        while await count(house, people) == 0:
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "other"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"nbf": 9_000_000_000},
        {"sub": ""},
    ],
)
async def test_a_platform_token_that_does_not_hold_leaves_nothing(
    house: House, change: dict[str, object]
):
    token = platform_token(house, "42", **change)
    assert await code(house.people.authenticate(token)) is Code.UNAUTHENTICATED
    await house.people.close()
    assert await count(house, people) == 0


async def test_keys_of_a_set_come_and_go(url: str, vault_url: str, tmp_path: Path):
    old, new = RSAKey.generate_key(2048, auto_kid=True), RSAKey.generate_key(2048, auto_kid=True)
    other = OKPKey.generate_key("Ed25519", auto_kid=True)
    place = tmp_path / "jwks.json"

    def publish(*keys) -> None:
        place.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))

    publish(old, other)
    trust = PlatformTrust(issuer=ISSUER, audience="shop", jwks=str(place))
    async with open_house(url, vault_url, platform=trust) as house:
        await house.people.authenticate(platform_token(house, "1", old))
        publish(new)
        unknown = platform_token(house, "1", new)
        assert await code(house.people.authenticate(unknown)) is Code.UNAUTHENTICATED
        # An unknown key has the set read again, once a minute at most.
        house.clock.advance(60_000)
        await house.people.authenticate(unknown)
        gone = platform_token(house, "1", old)
        assert await code(house.people.authenticate(gone)) is Code.UNAUTHENTICATED
        # A set that cannot be read leaves the keys we have.
        place.write_text("<html>")
        house.clock.advance(600_000)
        await house.people.refresh()
        await house.people.authenticate(platform_token(house, "1", new))
        publish(old)
        house.clock.advance(60_000)
        await house.people.refresh()
        await house.people.authenticate(platform_token(house, "1", old))


# ---- and nothing is left behind -----------------------------------------------------------------


async def test_what_is_spent_is_swept_out(house: House):
    host = await house.account("Host")
    for _ in range(3):
        await house.people.link(await house.people.make_link(host.person_id), ip=IP)
    entered = await house.people.link(await house.people.make_link(host.person_id), ip=IP)
    await house.people.sign_out(entered.refresh_token, None)
    house.clock.advance(3_700_000)
    assert await house.people._sign_ins.sweep() == 1
    house.clock.advance(86_400_000)
    assert await house.people._sign_ins.sweep() == 4
    house.clock.advance(30 * 86_400_000)
    assert await house.people._sign_ins.sweep() == 3
    assert await house.people._sign_ins.sweep() == 0
    assert await count(house, sign_ins) == await count(house, sign_in_links) == 0


async def test_the_invariants_hold_after_all_this(house: House):
    guest = await house.guest()
    await house.people.sign_up(SARA, ip=IP, guest=guest)
    await house.people.authenticate(platform_token(house, "1"))
    await house.people.close()
    assert await verify.run(house.database) == []
    assert await verify.run(house.vault_database) == []


async def test_a_shop_where_not_everybody_sells(url: str, vault_url: str):
    settings = PeopleSettings(everybody_may_sell=False)
    async with open_house(url, vault_url, settings=settings) as house:
        seller = await house.signed_up()
        assert (await house.people.me(seller)).capabilities == []
        await house.people.make_seller(seller.person_id)
        assert (await house.people.me(seller)).capabilities == ["merchant.create", "room.create"]
