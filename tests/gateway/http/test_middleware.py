"""Who asks, and from where: the same rules as at the live socket's door."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from multidict import CIMultiDict
from pytest_aiohttp.plugin import AiohttpClient

from livecommerce.gateway.http import bodies
from livecommerce.gateway.http.bodies import client_ip
from livecommerce.gateway.http.errors import answer_errors
from livecommerce.gateway.http.middleware import identify, number
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.limits import Throttle
from livecommerce.people.accounts import Actor


async def nobody(token: str) -> Actor:
    raise Refused(Code.UNAUTHENTICATED)


async def named(token: str) -> Actor:
    return Actor(person_id=token, name=token, kind="account")


def pace(burst: float = 1_000.0) -> Throttle:
    return Throttle(rate_per_s=1.0, burst=burst, clock=FakeClock())


async def tell_address(request: web.Request) -> web.Response:
    return web.Response(text=client_ip(request))


def app(*trusted: str) -> web.Application:
    identified = identify(
        nobody,
        trusted_proxies=trusted,
        allowed_origins=["https://shop.example"],
        pace=pace(),
    )
    made = web.Application(middlewares=[number, answer_errors, identified])
    made.router.add_route("*", "/", tell_address)
    return made


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.66, 198.51.100.1"], "198.51.100.1"),
        # A proxy that adds a header of its own below the one the caller made up.
        ("127.0.0.1", ["198.51.100.66", "198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("10.0.0.0/8", ["198.51.100.1"], "127.0.0.1"),
    ],
)
async def test_the_caller_is_the_last_hop_no_proxy_of_ours_wrote(
    aiohttp_client: AiohttpClient, trusted: str, forwarded: list[str], expected: str
):
    client = await aiohttp_client(app(trusted))
    headers = CIMultiDict(("X-Forwarded-For", hop) for hop in forwarded)
    assert await (await client.get("/", headers=headers)).text() == expected


@pytest.mark.parametrize(
    ("trusted", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"Origin": "https://shop.example"}, 200),
        ("127.0.0.1", {"Origin": "https://evil.example"}, 403),
        ("127.0.0.1", {"Origin": "null"}, 403),
        (
            "127.0.0.1",
            {"Origin": "https://live.example", "X-Forwarded-Host": "live.example"},
            200,
        ),
        (
            "10.0.0.0/8",
            {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
            403,
        ),
    ],
)
async def test_a_page_of_another_site_changes_nothing(
    aiohttp_client: AiohttpClient, trusted: str, headers: dict[str, str], status: int
):
    client = await aiohttp_client(app(trusted))
    assert (await client.post("/", headers=headers)).status == status


async def test_a_body_that_trickles_is_not_waited_for(
    aiohttp_client: AiohttpClient, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bodies, "BODY_LEAST_S", 0.05)
    monkeypatch.setattr(bodies, "BODY_BYTES_PER_S", 1_000_000)

    async def swallow(request: web.Request) -> web.Response:
        return web.Response(body=await bodies.body(request))

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x"
            await asyncio.sleep(0.02)

    made = app()
    made.router.add_post("/swallow", swallow)
    client = await aiohttp_client(made)
    answer = await client.post("/swallow", data=trickle())
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_frame")


async def test_one_person_changes_things_at_a_pace(aiohttp_client: AiohttpClient):
    identified = identify(named, trusted_proxies=(), allowed_origins=(), pace=pace(burst=2.0))
    made = web.Application(middlewares=[number, answer_errors, identified])
    made.router.add_route("*", "/", tell_address)
    client = await aiohttp_client(made)

    async def ask(method: str, person: str) -> int:
        headers = {"Authorization": f"Bearer {person}"}
        answer = await client.request(method, "/", headers=headers)
        if answer.status == 429:
            assert (await answer.json())["code"] == "rate_limited"
            assert answer.headers["Retry-After"] == "2"
        return answer.status

    assert [await ask("POST", "mona") for _ in range(3)] == [200, 200, 429]
    # Reading goes on, and so does everybody else.
    assert await ask("GET", "mona") == 200
    assert await ask("DELETE", "omar") == 200
