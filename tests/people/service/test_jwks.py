import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc.jwk import OKPKey

from livecommerce.kernel.clock import FakeClock
from livecommerce.people.service.jwks import SIZE_MAX, PlatformKeys
from livecommerce.people.tokens import PlatformTrust

KEY = OKPKey.generate_key("Ed25519", auto_kid=True)
NEW = OKPKey.generate_key("Ed25519", auto_kid=True)


class Platform:
    """The platform's server of keys, on a real socket."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: web.Response | None = None
        self.publish(KEY)

    def publish(self, *keys: OKPKey) -> None:
        self.body = json.dumps({"keys": [key.as_dict(private=False) for key in keys]})

    async def serve(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return self.answer or web.Response(text=self.body)


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def address(platform: Platform) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/keys", platform.serve)
    server = TestServer(app)
    await server.start_server()
    yield str(server.make_url("/keys"))
    await server.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def keys_at(place: str, clock: FakeClock) -> PlatformKeys:
    return PlatformKeys(PlatformTrust(issuer="i", audience="a", jwks=place), clock=clock)


async def test_the_set_is_read_once_in_ten_minutes(platform, address, clock):
    keys = keys_at(address, clock)
    await keys.start()
    for _ in range(599):
        clock.advance(1_000)
        await keys.keep_fresh()
        assert [key.kid for key in await keys.keys(KEY.kid)] == [KEY.kid]
    assert platform.asked == 1
    platform.publish(NEW)
    clock.advance(1_000)
    await keys.keep_fresh()
    assert platform.asked == 2
    assert [key.kid for key in await keys.keys(NEW.kid)] == [NEW.kid]


async def test_made_up_key_ids_ask_once_a_minute(platform, address, clock):
    keys = keys_at(address, clock)
    await keys.start()
    clock.advance(60_000)
    for n in range(100):
        await keys.keys(f"made-up-{n}")
    assert platform.asked == 2


@pytest.mark.parametrize(
    "answer",
    [
        web.Response(status=500),
        web.Response(status=302, headers={"Location": "/keys"}),
        web.Response(text="<html>"),
        web.Response(text="[]"),
        web.Response(body=b" " * (SIZE_MAX + 1)),
    ],
)
async def test_an_answer_that_is_no_set_leaves_the_keys_there_are(platform, address, clock, answer):
    keys = keys_at(address, clock)
    await keys.start()
    platform.answer = answer
    clock.advance(600_000)
    await keys.keep_fresh()
    assert platform.asked == 2
    assert [key.kid for key in await keys.keys(KEY.kid)] == [KEY.kid]


async def test_a_platform_that_is_away_at_the_start_is_asked_again(clock, unused_tcp_port):
    keys = keys_at(f"http://127.0.0.1:{unused_tcp_port}/keys", clock)
    await keys.start()
    assert list(await keys.keys(KEY.kid)) == []


@pytest.mark.parametrize(
    "place", ["http://platform.example/keys", "ftp://platform.example/keys", "file:///etc/passwd"]
)
def test_keys_come_by_https(place: str, clock: FakeClock):
    with pytest.raises(ValueError, match="https"):
        keys_at(place, clock)
