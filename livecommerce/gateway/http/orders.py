"""Buying over HTTP: the same services as on the socket, with the key in a header."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from livecommerce.gateway.http.bodies import (
    actor,
    actor_or_none,
    idempotency_key,
    page_limit,
    read,
    reply,
)
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.service import Orders
from livecommerce.orders.wire import CancelOrder, OrderBody, PayBody, PayOrder, QuoteRequest

RoomId = Callable[[str], Awaitable[str]]
"""Finds a room's id by its id or slug. Raises Refused(NOT_FOUND)."""

_ID_MAX = 64


def routes(orders: Orders, room_id: RoomId) -> list[web.RouteDef]:
    """Makes the routes of quotes and orders."""

    async def quote(request: web.Request) -> web.Response:
        wish = await read(request, QuoteRequest)
        room = None if wish.room_id is None else await room_id(wish.room_id)
        return reply(await orders.quote(actor_or_none(request), room, wish))

    async def place(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key(request)
        wish = await read(request, OrderBody)
        room = None if wish.room_id is None else await room_id(wish.room_id)
        order, is_replay = await orders.place_order_once(person, room, wish.command(key))
        headers = {"Location": f"/v1/orders/{order.id}"}
        if is_replay:
            headers["Idempotent-Replayed"] = "true"
        return reply(order, 201, headers)

    async def mine(request: web.Request) -> web.Response:
        person = actor(request)
        return reply(
            await orders.my_orders(person, after=_after(request), limit=page_limit(request))
        )

    async def one(request: web.Request) -> web.Response:
        return reply(await orders.order(actor(request), request.match_info["id"]))

    async def pay(request: web.Request) -> web.Response:
        person = actor(request)
        key = idempotency_key(request)
        wish = await read(request, PayBody)
        command = PayOrder(
            id=key,
            order_id=request.match_info["id"],
            address_id=wish.address_id,
            payment=wish.payment,
        )
        return reply(await orders.pay_order(person, command))

    async def cancel(request: web.Request) -> web.Response:
        person = actor(request)
        # Cancelling twice is the same as once, so a key is welcome but not asked for.
        key = idempotency_key(request) if "Idempotency-Key" in request.headers else new_id()
        command = CancelOrder(id=key, order_id=request.match_info["id"])
        return reply(await orders.cancel_order(person, command))

    async def of_room(request: web.Request) -> web.Response:
        person = actor(request)
        room = await room_id(request.match_info["room"])
        return reply(
            await orders.room_orders(person, room, after=_after(request), limit=page_limit(request))
        )

    return [
        web.post("/v1/quotes", quote),
        web.post("/v1/orders", place),
        web.get("/v1/orders", mine),
        web.get("/v1/orders/{id}", one),
        web.post("/v1/orders/{id}/pay", pay),
        web.post("/v1/orders/{id}/cancel", cancel),
        web.get("/v1/rooms/{room}/orders", of_room),
    ]


def _after(request: web.Request) -> str | None:
    text = request.query.get("after")
    if text is not None and (not text.isascii() or len(text) > _ID_MAX or "\0" in text):
        raise Refused(Code.BAD_FIELD, field="after")
    return text or None
