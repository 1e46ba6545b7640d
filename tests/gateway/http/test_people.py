"""The routes of people, through aiohttp with its middlewares, on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from pytest_aiohttp import AiohttpClient

from livecommerce.gateway.http import people as routes_of_people
from livecommerce.gateway.http.errors import answer_errors
from livecommerce.gateway.http.middleware import identify, number
from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Throttle
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Role
from tests.people.house import House, open_house, sqlite_url

ROOM = "01ROOM"
PASSWORD = "correct horse"
ACCOUNT = {"name": "Sara", "login": "sara@example.com", "password": PASSWORD, "market": "KW"}
ADDRESS = {
    "country": "SA",
    "recipient": "سارة",
    "phone": "٠٥٠١٢٣٤٥٦٧",
    "fields": {"short_address": "rrrd2929", "city": "الرياض"},
}
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    shop, vault = sqlite_url(tmp_path, "shop"), sqlite_url(tmp_path, "vault")
    async with open_house(shop, vault) as house:
        yield house


@pytest.fixture
async def client(house: House, aiohttp_client: AiohttpClient) -> Client:
    async def authenticate(token: str) -> Actor:
        return (await house.people.authenticate(token))[0]

    async def room_id(name: str) -> str:
        if name not in (ROOM, "the-room"):
            raise Refused(Code.NOT_FOUND)
        return ROOM

    identified = identify(
        authenticate,
        trusted_proxies=["127.0.0.1"],
        allowed_origins=["https://shop.example"],
        pace=Throttle(rate_per_s=1_000, burst=1_000, clock=SystemClock()),
    )
    app = web.Application(middlewares=[number, answer_errors, identified], client_max_size=65_536)
    app.router.add_routes(routes_of_people.routes(house.people, room_id))
    return await aiohttp_client(app)


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def sign_up(client: Client, **change: Any) -> dict[str, Any]:
    answer = await client.post("/v1/auth/sign-up", json=ACCOUNT | change)
    assert answer.status == 201, await answer.text()
    tokens: dict[str, Any] = await answer.json()
    return tokens


# ---- coming in ----------------------------------------------------------------------------------


async def test_a_guest_gets_tokens_and_a_cookie_no_script_reads(client: Client):
    answer = await client.post("/v1/auth/guest", json={"name": "نورة"})
    assert answer.status == 201
    tokens = await answer.json()
    assert tokens["person"]["name"] == "نورة"
    assert tokens["refresh_token"] is None
    assert answer.headers["Cache-Control"] == "no-store"
    cookie = answer.cookies["lc_refresh"]
    assert (cookie["path"], cookie["samesite"]) == ("/v1/auth", "Strict")
    assert cookie["httponly"]
    assert not cookie["secure"]
    assert int(cookie["max-age"]) == 30 * 86_400
    me = await client.get("/v1/me", headers=bearer(tokens))
    assert await me.json() == tokens["person"]


async def test_a_page_on_https_gets_a_secure_cookie(client: Client):
    answer = await client.post(
        "/v1/auth/guest", json={"name": "N"}, headers={"Origin": "https://shop.example"}
    )
    assert answer.cookies["lc_refresh"]["secure"]


async def test_an_app_keeps_its_refresh_token_itself(client: Client):
    native = {"X-Client": "native"}
    answer = await client.post("/v1/auth/guest", json={"name": "N"}, headers=native)
    token = (await answer.json())["refresh_token"]
    assert "lc_refresh" not in answer.cookies
    again = await client.post("/v1/auth/refresh", json={"refresh_token": token}, headers=native)
    assert again.status == 200
    assert (await again.json())["refresh_token"] != token


async def test_a_guest_becomes_an_account(client: Client):
    guest = await (await client.post("/v1/auth/guest", json={"name": "G"})).json()
    answer = await client.post("/v1/auth/sign-up", json=ACCOUNT, headers=bearer(guest))
    tokens = await answer.json()
    assert tokens["person"]["id"] == guest["person"]["id"]
    assert tokens["person"]["kind"] == "account"


async def test_the_cookie_carries_on_and_signing_out_ends_it(client: Client):
    await sign_up(client)
    answer = await client.post("/v1/auth/refresh")
    assert answer.status == 200
    tokens = await answer.json()
    gone = await client.post("/v1/auth/sign-out", headers=bearer(tokens))
    assert (gone.status, await gone.json()) == (200, {})
    assert gone.cookies["lc_refresh"].value == ""
    assert (await client.post("/v1/auth/refresh")).status == 401
    assert (await client.get("/v1/me", headers=bearer(tokens))).status == 401
    assert (await client.post("/v1/auth/sign-out")).status == 200


async def test_a_link_is_taken_up_once(client: Client, house: House):
    host = await house.account("Host")
    token = await house.people.make_link(host.person_id)
    answer = await client.post("/v1/auth/link", json={"token": token})
    assert (await answer.json())["person"]["id"] == host.person_id
    assert (await client.post("/v1/auth/link", json={"token": token})).status == 401


async def test_limits_count_the_caller_not_the_proxy(client: Client):
    for n in range(31):
        headers = {"X-Forwarded-For": f"198.51.100.{n}"}
        answer = await client.post("/v1/auth/guest", json={"name": "G"}, headers=headers)
        assert answer.status == 201
    one = {"X-Forwarded-For": "198.51.100.1"}
    for _ in range(29):
        await client.post("/v1/auth/guest", json={"name": "G"}, headers=one)
    answer = await client.post("/v1/auth/guest", json={"name": "G"}, headers=one)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1


# ---- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "code", "field"),
    [
        ("guest", {}, 400, "missing_field", "name"),
        ("guest", {"name": ""}, 400, "bad_field", "name"),
        ("guest", {"name": "a\0b"}, 400, "bad_field", "name"),
        ("guest", {"name": "x" * 41}, 400, "bad_field", "name"),
        ("guest", {"name": "Аdmin"}, 400, "bad_field", "name"),
        ("guest", {"name": 7}, 400, "bad_field", "name"),
        ("guest", {"name": "G", "is_admin": True}, 400, "unknown_field", "is_admin"),
        ("guest", [], 400, "bad_json", None),
        ("sign-up", ACCOUNT | {"login": "nothing"}, 400, "bad_field", "login"),
        ("sign-up", ACCOUNT | {"login": "+999"}, 400, "bad_field", "login"),
        ("sign-up", ACCOUNT | {"password": "short"}, 400, "bad_field", "password"),
        ("sign-up", ACCOUNT | {"password": "x" * 201}, 400, "bad_field", "password"),
        ("sign-up", ACCOUNT | {"market": "saudi"}, 400, "bad_field", "market"),
        ("sign-up", ACCOUNT | {"kind": "platform"}, 400, "unknown_field", "kind"),
        ("sign-in", {"login": "a@b.de", "password": "x"}, 401, "wrong_credentials", None),
        ("sign-in", {"login": "a' OR 1=1 --", "password": "x"}, 401, "wrong_credentials", None),
        ("sign-in", {"login": "a@b.de"}, 400, "missing_field", "password"),
        ("link", {"token": "made up, of some length"}, 401, "unauthenticated", None),
        ("link", {"token": "short"}, 400, "bad_field", "token"),
        ("refresh", {"refresh_token": "made up"}, 401, "unauthenticated", None),
        ("refresh", {"refresh_token": "x" * 201}, 400, "bad_field", "refresh_token"),
        ("refresh", {}, 401, "unauthenticated", None),
    ],
)
async def test_what_is_wrong_is_told_by_code_and_field(
    client: Client, path: str, body: Any, status: int, code: str, field: str | None
):
    answer = await client.post(f"/v1/auth/{path}", json=body)
    problem = await answer.json()
    assert answer.content_type == "application/problem+json"
    assert (answer.status, problem["code"], problem.get("field")) == (status, code, field)
    assert "lc_refresh" not in answer.cookies


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/me"),
        ("PATCH", "/v1/me"),
        ("GET", "/v1/me/contact"),
        ("PUT", "/v1/me/contact"),
        ("GET", "/v1/me/addresses"),
        ("POST", "/v1/me/addresses"),
        ("DELETE", "/v1/me/addresses/x"),
        ("GET", f"/v1/rooms/{ROOM}/grants"),
        ("POST", f"/v1/rooms/{ROOM}/grants"),
        ("DELETE", f"/v1/rooms/{ROOM}/grants/x"),
    ],
)
async def test_a_visitor_has_nothing_of_their_own(client: Client, method: str, path: str):
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}):
        answer = await client.request(method, path, headers=headers)
        assert (answer.status, (await answer.json())["code"]) == (401, "unauthenticated")


async def test_another_site_cannot_use_the_cookie(client: Client):
    await sign_up(client)
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example"):
        answer = await client.post("/v1/auth/refresh", headers={"Origin": origin})
        assert (answer.status, (await answer.json())["code"]) == (403, "origin_not_allowed")


async def test_no_body_but_json(client: Client):
    answer = await client.post("/v1/auth/guest", data=b"name=G")
    assert (answer.status, (await answer.json())["code"]) == (415, "unsupported_media_type")
    answer = await client.post(
        "/v1/auth/guest", data=b'{"name":', headers={"Content-Type": "application/json"}
    )
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_json")


# ---- what is theirs -----------------------------------------------------------------------------


async def test_name_contact_and_addresses(client: Client):
    tokens = await sign_up(client)
    headers = bearer(tokens)
    me = await client.patch("/v1/me", json={"name": " سارة "}, headers=headers)
    assert ((await me.json())["name"], (await me.json())["market"]) == ("سارة", "KW")
    contact = await client.get("/v1/me/contact", headers=headers)
    assert await contact.json() == {"phone": None, "email": "sara@example.com"}
    changed = await client.put("/v1/me/contact", json={"phone": "٥٠٠١٢٣٤٥"}, headers=headers)
    assert await changed.json() == {"phone": "+96550012345", "email": None}
    added = await client.post("/v1/me/addresses", json=ADDRESS, headers=headers)
    assert added.status == 201
    address = await added.json()
    assert address["fields"] == {"short_address": "RRRD2929", "city": "الرياض"}
    assert address["summary"] == "RRRD2929, الرياض"
    listed = await client.get("/v1/me/addresses", headers=headers)
    assert await listed.json() == {"addresses": [address]}
    path = f"/v1/me/addresses/{address['id']}"
    assert (await client.delete(path, headers=headers)).status == 200
    assert (await client.delete(path, headers=headers)).status == 404


async def test_an_address_is_added_once_for_a_key(client: Client):
    headers = {**bearer(await sign_up(client)), "Idempotency-Key": "0123456789abcdef"}
    told = []
    for _ in range(2):
        answer = await client.post("/v1/me/addresses", json=ADDRESS, headers=headers)
        assert answer.status == 201
        told.append(await answer.json())
    listed = await client.get("/v1/me/addresses", headers=headers)
    assert told == (await listed.json())["addresses"] * 2


async def test_anothers_address_is_as_good_as_none(client: Client):
    hers = bearer(await sign_up(client))
    his = bearer(await sign_up(client, login="omar@example.com"))
    address = await (await client.post("/v1/me/addresses", json=ADDRESS, headers=hers)).json()
    told = []
    for id in (address["id"], "no-such-id"):
        answer = await client.delete(f"/v1/me/addresses/{id}", headers=his)
        told.append({**await answer.json(), "request_id": ""})
    assert told[0] == told[1]
    assert told[0]["code"] == "not_found"


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"fields": {"city": "x"}}, "missing_field", "fields.short_address"),
        ({"fields": {"city": "x", "short_address": "1"}}, "bad_field", "fields.short_address"),
        ({"fields": {"city": "x", "zip": "1"}}, "unknown_field", "fields"),
        ({"country": "XX"}, "bad_field", "country"),
        ({"country": "sa"}, "bad_field", "country"),
        ({"phone": "12345"}, "bad_field", "phone"),
        ({"recipient": "\u202e"}, "bad_field", "recipient"),
        ({"person_id": "another"}, "unknown_field", "person_id"),
    ],
)
async def test_an_address_that_cannot_be(
    client: Client, change: dict[str, Any], code: str, field: str
):
    headers = bearer(await sign_up(client))
    answer = await client.post("/v1/me/addresses", json=ADDRESS | change, headers=headers)
    problem = await answer.json()
    assert (answer.status, problem["code"], problem["field"]) == (400, code, field)


async def test_the_forms_of_all_countries(client: Client):
    answer = await client.get("/v1/address-forms")
    forms = {form["country"]: form for form in (await answer.json())["forms"]}
    assert {"SA", "KW", "QA", "AE", "BH", "OM", "EG", "JO", "US", "GB", "ZZ"} == forms.keys()
    assert forms["SA"]["dial_code"] == "+966"
    assert forms["SA"]["any_of"][0] == ["short_address"]
    emirate = forms["AE"]["fields"][0]
    assert (emirate["name"], len(emirate["options"])) == ("emirate", 7)
    assert "max-age" in answer.headers["Cache-Control"]


# ---- roles --------------------------------------------------------------------------------------


async def test_a_host_gives_and_takes_a_role(client: Client, house: House):
    host = await sign_up(client)
    sara = await sign_up(client, login="s@example.com", name="Sara")
    await house.people._roles.give(
        ROOM, person_id=host["person"]["id"], role=Role.HOST, expires_at=None, by="test"
    )
    draft = {"person_id": sara["person"]["id"], "role": "moderator"}
    path = "/v1/rooms/the-room/grants"
    denied = await client.post(path, json=draft, headers=bearer(sara))
    assert (denied.status, (await denied.json())["code"]) == (403, "forbidden")
    given = await client.post(path, json=draft, headers=bearer(host))
    grant = await given.json()
    assert (given.status, grant["name"], grant["role"]) == (201, "Sara", "moderator")
    listed = await (await client.get(path, headers=bearer(sara))).json()
    assert [one["role"] for one in listed["grants"]] == ["host", "moderator"]
    taken = await client.delete(f"{path}/{grant['id']}", headers=bearer(host))
    assert (taken.status, await taken.json()) == (200, {})
    assert (await client.get(path, headers=bearer(sara))).status == 403
    for body, status, field in (
        (draft | {"role": "host"}, 400, "role"),
        (draft | {"person_id": "nobody"}, 404, "person_id"),
        (draft | {"expires_at": 1}, 400, "expires_at"),
        (draft | {"expires_at": 2**70}, 400, "expires_at"),
    ):
        answer = await client.post(path, json=body, headers=bearer(host))
        assert (answer.status, (await answer.json())["field"]) == (status, field)
    nowhere = await client.post("/v1/rooms/nowhere/grants", json=draft, headers=bearer(host))
    assert nowhere.status == 404
