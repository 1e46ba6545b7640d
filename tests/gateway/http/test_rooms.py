"""Rooms over HTTP: on a real aiohttp server, with real services on SQLite."""

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from livecommerce.gateway.http import middleware, rooms
from livecommerce.gateway.http.bodies import ACTOR
from livecommerce.gateway.http.errors import answer_errors
from livecommerce.people.accounts import Actor
from livecommerce.shows.wire import MoveShow, TimeOut
from livecommerce.stock.wire import PlanSale
from tests.shows.world import World, command, open_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = await open_world(f"sqlite+aiosqlite:///{tmp_path}/shop.db", tmp_path)
    yield world
    await world.close()


@pytest.fixture
async def client(world: World) -> AsyncIterator[TestClient]:
    actors: dict[str, Actor] = {"host": world.host, "sami": await world.person("Sami")}

    @web.middleware
    async def known(request: web.Request, handler) -> web.StreamResponse:
        name = request.headers.get("X-Test-Actor")
        if name is not None:
            request[ACTOR] = actors[name]
        answer: web.StreamResponse = await handler(request)
        return answer

    app = web.Application(middlewares=[middleware.number, answer_errors, known])
    app.router.add_routes(rooms.routes(world.shows, world.stock, clock=world.clock))
    async with TestClient(TestServer(app)) as client:
        yield client


async def ask(client: TestClient, method: str, path: str, body=None, *, by=None, headers=None):
    headers = {**(headers or {}), **({"X-Test-Actor": by} if by else {})}
    data = None
    if body is not None:
        data, headers["Content-Type"] = orjson.dumps(body), "application/json"
    async with client.request(method, path, data=data, headers=headers) as answer:
        raw = await answer.read()
        return answer.status, orjson.loads(raw) if raw else None, answer.headers


async def test_a_room_is_made_seen_and_changed(client: TestClient):
    body = {"slug": "lamps", "title": {"en": "Lamps", "ar": "مصابيح"}}
    status, room, _ = await ask(client, "POST", "/v1/rooms", body, by="host")
    assert (status, room["slug"], room["host_name"]) == (201, "lamps", "Huda")
    assert "show.run" in room["capabilities"]
    status, seen, _ = await ask(client, "GET", "/v1/rooms/lamps")
    assert (status, seen["id"], seen["capabilities"]) == (200, room["id"], [])
    patch = {"playback_url": "https://cdn.example/a.m3u8"}
    status, changed, _ = await ask(client, "PATCH", f"/v1/rooms/{room['id']}", patch, by="host")
    assert (status, changed["playback_url"]) == (200, patch["playback_url"])
    status, listed, _ = await ask(client, "GET", "/v1/rooms")
    assert "lamps" in [one["slug"] for one in listed["rooms"]]


@pytest.mark.parametrize(
    ("method", "path", "body", "by", "status", "code", "field"),
    [
        ("POST", "/v1/rooms", {"slug": "a1", "title": {"en": "x"}}, None, 401,
         "unauthenticated", None),
        ("POST", "/v1/rooms", {"title": {"en": "x"}}, "host", 400, "missing_field", "slug"),
        ("POST", "/v1/rooms", {"slug": "A b", "title": {"en": "x"}}, "host", 400, "bad_field",
         "slug"),
        ("POST", "/v1/rooms", {"slug": "ok-1", "title": {"en": "x"}, "host_id": "me"}, "host",
         400, "unknown_field", "host_id"),
        ("POST", "/v1/rooms", {"slug": "ok-1", "title": {"en": ""}}, "host", 400, "bad_field",
         "title"),
        ("POST", "/v1/rooms", {"slug": "ok-1", "title": {"en": "x"}, "market": "QQ"}, "host",
         400, "bad_field", "market"),
        ("POST", "/v1/rooms", {"slug": "ok-1", "title": {"en": "x"}, "poster_url": "data:x"},
         "host", 400, "bad_field", "poster_url"),
        ("PATCH", "/v1/rooms/{room}", {"title": {"en": "mine"}}, "sami", 403, "forbidden", None),
        ("PATCH", "/v1/rooms/{room}", {"title": {"en": "mine"}}, None, 401, "unauthenticated",
         None),
        ("PATCH", "/v1/rooms/{room}", {"slug": "other"}, "host", 400, "unknown_field", "slug"),
        ("PATCH", "/v1/rooms/nowhere", {"title": {"en": "x"}}, "host", 404, "not_found", "room"),
        ("GET", "/v1/rooms/nowhere", None, None, 404, "not_found", "room"),
        ("GET", "/v1/rooms/nowhere/bag", None, None, 404, "not_found", "room"),
        ("GET", "/v1/rooms/nowhere/sales", None, None, 404, "not_found", "room"),
        ("GET", "/v1/rooms/nowhere/sanctions", None, "host", 404, "not_found", "room"),
        ("GET", "/v1/rooms/{room}/sanctions", None, "sami", 403, "forbidden", None),
        ("GET", "/v1/rooms/{room}/sanctions", None, None, 401, "unauthenticated", None),
        ("GET", "/v1/rooms/%00'%3B--", None, None, 404, "not_found", "room"),
    ],
)  # fmt: skip
async def test_what_is_refused(client, world, method, path, body, by, status, code, field):
    path = path.replace("{room}", world.room_id)
    got, problem, _ = await ask(client, method, path, body, by=by)
    assert (got, problem["code"], problem.get("field")) == (status, code, field)
    assert (await world.shows.rooms.view(world.room_id, None)).title == world.room.title


async def test_the_staff_see_who_is_silenced(client: TestClient, world: World):
    rude = await world.person("Rude")
    silence = command(TimeOut, person_id=rude.person_id, duration_s=60)
    await world.shows.moderating.time_out(world.host, world.room_id, silence)
    path = f"/v1/rooms/{world.room.slug}/sanctions"
    status, listed, _ = await ask(client, "GET", path, by="host")
    assert status == 200
    assert [(one["name"], one["kind"]) for one in listed["sanctions"]] == [("Rude", "time_out")]


async def test_a_slug_that_is_taken(client: TestClient, world: World):
    body = {"slug": world.room.slug, "title": {"en": "x"}}
    status, problem, _ = await ask(client, "POST", "/v1/rooms", body, by="host")
    assert (status, problem["code"], problem["field"]) == (409, "already_exists", "slug")


async def test_the_bag_is_sent_once_and_then_only_when_it_changes(client: TestClient, world: World):
    path = f"/v1/rooms/{world.room.slug}/bag"
    lamp = await world.offer("Lamp")
    status, bag, headers = await ask(client, "GET", path)
    assert (status, [offer["id"] for offer in bag["offers"]]) == (200, [lamp.id])
    etag = headers["ETag"]
    assert etag.startswith(f'"{bag["version"]}-')
    for tag in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        status, body, again = await ask(client, "GET", path, headers={"If-None-Match": tag})
        assert (status, body, again["ETag"]) == (304, None, etag)
    await world.offer("Oud")
    status, bag, headers = await ask(client, "GET", path, headers={"If-None-Match": etag})
    assert (status, len(bag["offers"])) == (200, 2)
    assert headers["ETag"] != etag


async def test_what_is_left_changes_the_bag_within_a_second(client: TestClient, world: World):
    path = f"/v1/rooms/{world.room.slug}/bag"
    lamp = await world.offer("Lamp", on_hand=3)
    _, _, headers = await ask(client, "GET", path)
    await world.stock.adjust(world.host, lamp.variant_id, delta=-3, reason="broken")
    world.clock.advance(1_001)
    status, bag, _ = await ask(client, "GET", path, headers={"If-None-Match": headers["ETag"]})
    assert (status, bag["offers"][0]["available"]) == (200, 0)


async def test_the_sales_of_a_room(client: TestClient, world: World):
    lamp = await world.offer("Lamp")
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    sale = await world.stock.plan_sale(
        world.host,
        world.room_id,
        command(PlanSale, offer_id=lamp.id, variant_id=lamp.variant_id, price_minor=5_000, quota=2),
    )
    status, listed, _ = await ask(client, "GET", f"/v1/rooms/{world.room_id}/sales")
    assert (status, [one["id"] for one in listed["sales"]]) == (200, [sale.id])
