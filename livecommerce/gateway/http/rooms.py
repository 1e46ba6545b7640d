"""Rooms over HTTP: the list, one room, its bag, its sales, and who may not speak in it.

Who helps in it: `http/people.py`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

import orjson
from aiohttp import web
from msgspec import to_builtins

from livecommerce.gateway.http.bodies import (
    actor,
    actor_or_none,
    idempotency_key_or_none,
    read,
    reply,
)
from livecommerce.kernel.clock import Clock, SystemClock
from livecommerce.shows.service import Shows
from livecommerce.shows.wire import RoomDraft, RoomPatch
from livecommerce.stock.service import Stock
from livecommerce.stock.wire import SaleList

BAG_LIFE_S = 1.0
_BAGS_MAX = 1_000


def routes(shows: Shows, stock: Stock, *, clock: Clock | None = None) -> list[web.RouteDef]:
    """Makes the routes of rooms. `{room}` is an id or a slug everywhere."""
    bags = _Bags(shows, clock or SystemClock())

    async def list_rooms(request: web.Request) -> web.Response:
        return reply(await shows.rooms.list_rooms())

    async def create(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key_or_none(request)
        draft = await read(request, RoomDraft)
        return reply(await shows.rooms.create(person, draft, key=key), 201)

    async def view(request: web.Request) -> web.Response:
        return reply(await shows.rooms.view(request.match_info["room"], actor_or_none(request)))

    async def edit(request: web.Request) -> web.Response:
        person = actor(request)
        patch = await read(request, RoomPatch)
        return reply(await shows.rooms.edit(person, request.match_info["room"], patch))

    async def bag(request: web.Request) -> web.Response:
        shown = await bags.bag(await shows.rooms.resolve(request.match_info["room"]))
        # Anyone may keep a copy, and asks each time whether it still holds.
        headers = {"ETag": shown.etag, "Cache-Control": "no-cache"}
        if _has(request.headers.get("If-None-Match"), shown.etag):
            return web.Response(status=304, headers=headers)
        return web.Response(body=shown.body, content_type="application/json", headers=headers)

    async def sales(request: web.Request) -> web.Response:
        room_id = await shows.rooms.resolve(request.match_info["room"])
        return reply(SaleList(sales=await stock.sales_of_room(room_id)))

    async def sanctions(request: web.Request) -> web.Response:
        person = actor(request)
        room_id = await shows.rooms.resolve(request.match_info["room"])
        return reply(await shows.moderating.sanctions(person, room_id))

    return [
        web.get("/v1/rooms", list_rooms),
        web.post("/v1/rooms", create),
        web.get("/v1/rooms/{room}", view),
        web.patch("/v1/rooms/{room}", edit),
        web.get("/v1/rooms/{room}/bag", bag),
        web.get("/v1/rooms/{room}/sales", sales),
        web.get("/v1/rooms/{room}/sanctions", sanctions),
    ]


class _Shown(NamedTuple):
    """A bag as it is sent."""

    version: int
    made_s: float
    body: bytes
    etag: str


class _Bags:
    """Bags already encoded. A crowd asks for the same one the moment it changes, and prices and
    what is left change without it; so a copy is made once for all, at most once a second."""

    def __init__(self, shows: Shows, clock: Clock) -> None:
        self._shows = shows
        self._clock = clock
        self._shown: OrderedDict[str, _Shown] = OrderedDict()
        self._making = asyncio.Lock()

    async def bag(self, room_id: str) -> _Shown:
        version = await self._shows.bag.version(room_id)
        if (shown := self._fresh(room_id, version)) is not None:
            return shown
        async with self._making:
            if (shown := self._fresh(room_id, version)) is not None:
                return shown
            made_s = self._clock.mono_s()
            view = await self._shows.bag.view(room_id)
            body = orjson.dumps(to_builtins(view))
            # The version alone would not tell a new price or the last unit sold.
            digest = blake2b(body, digest_size=9).hexdigest()
            shown = _Shown(view.version, made_s, body, f'"{view.version}-{digest}"')
            self._shown[room_id] = shown
            self._shown.move_to_end(room_id)
            if len(self._shown) > _BAGS_MAX:
                self._shown.popitem(last=False)
            return shown

    def _fresh(self, room_id: str, version: int) -> _Shown | None:
        shown = self._shown.get(room_id)
        if shown is None or shown.version < version:
            return None
        return shown if self._clock.mono_s() - shown.made_s <= BAG_LIFE_S else None


def _has(if_none_match: str | None, etag: str) -> bool:
    """Tells whether the copy a client has is this one; proxies may mark it weak."""
    if if_none_match is None:
        return False
    tags = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
    return any(tag in (etag, "*") for tag in tags)
