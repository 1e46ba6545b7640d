"""The routes of the shop, of orders and of payments on a real aiohttp server over a real market."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from livecommerce.gateway.http import catalogue, middleware, orders, payments
from livecommerce.gateway.http.errors import answer_errors
from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Throttle
from livecommerce.people.accounts import Actor
from tests.orders.market import Buyer, Market, open_market


@dataclass
class Answer:
    status: int
    body: Any
    headers: Any

    @property
    def code(self) -> str:
        return str(self.body["code"])


@dataclass
class Counter:
    market: Market
    client: TestClient
    actors: dict[str, Actor] = field(default_factory=dict)

    async def buyer(self, name: str, card: str = "tok_visa") -> Buyer:
        buyer = await self.market.buyer(card, name=name)
        self.actors[name] = buyer.actor
        return buyer

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        by: str | None = None,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        sent = dict(headers or {})
        if by is not None:
            sent["Authorization"] = f"Bearer {by}"
        if key is not None:
            sent["Idempotency-Key"] = key
        data = body
        if body is not None and not isinstance(body, bytes):
            data = orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        async with self.client.request(method, path, data=data, headers=sent) as answer:
            raw = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Answer(answer.status, orjson.loads(raw) if is_json else raw, answer.headers)


@asynccontextmanager
async def open_counter(folder: Path) -> AsyncIterator[Counter]:
    """A counter at which names are tokens."""
    market = await open_market(f"sqlite+aiosqlite:///{folder}/shop.db", folder)
    actors = {"host": market.world.host}

    async def authenticate(token: str) -> Actor:
        if token not in actors:
            raise Refused(Code.UNAUTHENTICATED)
        return actors[token]

    identify = middleware.identify(
        authenticate,
        trusted_proxies=(),
        allowed_origins=(),
        pace=Throttle(rate_per_s=1_000, burst=1_000, clock=SystemClock()),
    )
    app = web.Application(middlewares=[middleware.number, answer_errors, identify])
    app.router.add_routes(
        [
            *catalogue.routes(market.world.catalogue, market.world.stock),
            *orders.routes(market.orders, market.world.shows.rooms.resolve),
            *payments.routes(market.payments, market.sandbox),
        ]
    )
    async with TestClient(TestServer(app)) as client:
        try:
            yield Counter(market, client, actors)
            assert await market.breaches() == []
        finally:
            await market.close()
