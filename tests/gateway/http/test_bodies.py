"""The helpers of every route, on a real server."""

from collections.abc import AsyncIterator

import msgspec
import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from livecommerce.gateway.http import bodies, middleware
from livecommerce.gateway.http.errors import answer_errors


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str


@pytest.fixture
async def client() -> AsyncIterator[TestClient]:
    async def wish(request: web.Request) -> web.Response:
        return bodies.reply(await bodies.read(request, Wish), 201, {"X-Mine": "1"})

    async def key(request: web.Request) -> web.Response:
        return bodies.reply_raw({"key": bodies.idempotency_key(request)})

    async def page(request: web.Request) -> web.Response:
        return bodies.reply_raw({"limit": bodies.page_limit(request, default=20, most=100)})

    async def who(request: web.Request) -> web.Response:
        return bodies.reply_raw({"id": bodies.actor(request).person_id})

    app = web.Application(middlewares=[middleware.number, answer_errors])
    app.router.add_routes(
        [
            web.post("/wish", wish),
            web.get("/key", key),
            web.get("/page", page),
            web.get("/who", who),
        ]
    )
    async with TestClient(TestServer(app)) as client:
        yield client


async def code(answer) -> tuple[int, str | None, str | None]:
    document = orjson.loads(await answer.read())
    return answer.status, document.get("code"), document.get("field")


async def test_a_body_is_read_strictly_and_answered(client: TestClient):
    answer = await client.post("/wish", json={"name": "عود"})
    assert answer.status == 201
    assert answer.headers["X-Mine"] == "1"
    assert await answer.json() == {"name": "عود"}
    assert await code(await client.post("/wish", data=b"name=oud")) == (
        415,
        "unsupported_media_type",
        None,
    )
    assert await code(await client.post("/wish", json={"name": "x", "more": 1})) == (
        400,
        "unknown_field",
        "more",
    )


async def test_a_body_that_grows_is_cut_off_without_being_kept(client: TestClient):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 16_384
            yield b"x" * 16_384

    answer = await client.post(
        "/wish", data=endless(), headers={"Content-Type": "application/json"}
    )
    assert await code(answer) == (413, "too_large", None)
    assert sent < 16_384_000


@pytest.mark.parametrize("value", ["a" * 16, '"' + "b" * 20 + '"'])
async def test_an_idempotency_key_may_be_quoted(client: TestClient, value: str):
    answer = await client.get("/key", headers={"Idempotency-Key": value})
    assert (await answer.json())["key"] == value.strip('"')


async def test_a_key_that_is_none(client: TestClient):
    assert (await code(await client.get("/key")))[1] == "idempotency_key_required"
    for wrong in ("short", "a" * 65, "with space in the key"):
        answer = await client.get("/key", headers={"Idempotency-Key": wrong})
        assert await code(answer) == (400, "bad_id", "Idempotency-Key")
    twice = [("Idempotency-Key", "a" * 20), ("Idempotency-Key", "b" * 20)]
    assert (await code(await client.get("/key", headers=twice)))[1] == "bad_id"


@pytest.mark.parametrize(
    ("query", "limit"), [("", 20), ("?limit=1", 1), ("?limit=100", 100), ("?limit=007", 7)]
)
async def test_page_limits(client: TestClient, query: str, limit: int):
    assert await (await client.get(f"/page{query}")).json() == {"limit": limit}


@pytest.mark.parametrize(
    "value", ["0", "101", "-1", "1.5", "", "ten", "٥", "9" * 50, "0" * 6 + "5000", "1e1"]
)
async def test_page_limits_that_are_none(client: TestClient, value: str):
    answer = await client.get("/page", params={"limit": value})
    assert await code(answer) == (400, "bad_field", "limit")


async def test_nobody_is_nobody(client: TestClient):
    assert (await code(await client.get("/who")))[:2] == (401, "unauthenticated")
