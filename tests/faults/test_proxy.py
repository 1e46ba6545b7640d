"""The proxy itself, before a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.faults.proxy import Fault, RedisProxy, end_of, parsed
from tests.support.ports import LOOPBACK
from tests.support.redis import RedisServer


@pytest.fixture
async def proxy(redis_server: RedisServer) -> AsyncIterator[RedisProxy]:
    async with RedisProxy(redis_server.port, is_meant=lambda channel: channel == b"room") as proxy:
        yield proxy


class Listener:
    """Subscribed through the proxy; `heard` is what came, in order."""

    def __init__(self, proxy: RedisProxy) -> None:
        self._client: Redis = Redis(host=LOOPBACK, port=proxy.port, protocol=2, socket_timeout=5)
        self._pubsub = self._client.pubsub(ignore_subscribe_messages=True)
        self.heard: list[int] = []

    async def __aenter__(self) -> "Listener":
        await self._pubsub.subscribe("room", "other")
        while not self._pubsub.subscribed:
            await asyncio.sleep(0.01)
        await self._pubsub.get_message(timeout=1)
        await self._pubsub.get_message(timeout=1)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pubsub.aclose()
        await self._client.aclose()

    async def hear(self, count: int) -> list[int]:
        async with asyncio.timeout(5):
            while len(self.heard) < count:
                message = await self._pubsub.get_message(timeout=0.1)
                if message is not None:
                    self.heard.append(int(message["data"]))
        return self.heard


async def say(server: RedisServer, count: int, channel: str = "room") -> None:
    async with Redis.from_url(server.url()) as client:
        for number in range(count):
            await client.publish(channel, number)


@pytest.mark.parametrize(
    ("faults", "heard"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([Fault.DROP], [0, 2, 3, 4]),
        ([Fault.DROP, Fault.DROP], [0, 3, 4]),
        ([Fault.REPEAT], [0, 1, 1, 2, 3, 4]),
        ([Fault.SWAP], [0, 2, 1, 3, 4]),
        ([Fault.SWAP, Fault.DROP], [0, 3, 1, 4]),
        ([Fault.DELAY], [0, 2, 3, 4, 1]),
    ],
)
async def test_faults_happen_to_the_messages_they_were_planned_for(
    redis_server: RedisServer, proxy: RedisProxy, faults: list[Fault], heard: list[int]
):
    async with Listener(proxy) as listener:
        proxy.plan(*faults, after=1)
        await say(redis_server, 5)
        assert await listener.hear(len(heard)) == heard
        assert (proxy.injected, proxy.planned) == (len(faults), 0)


async def test_messages_of_other_channels_pass(redis_server: RedisServer, proxy: RedisProxy):
    async with Listener(proxy) as listener:
        proxy.plan(Fault.DROP)
        await say(redis_server, 3, "other")
        assert await listener.hear(3) == [0, 1, 2]
        assert proxy.planned == 1


async def test_silence_closes_nothing_and_ends_with_all_that_was_said(
    redis_server: RedisServer, proxy: RedisProxy
):
    async with Listener(proxy) as listener:
        proxy.fall_silent()
        await say(redis_server, 2)
        assert await listener._pubsub.get_message(timeout=0.3) is None
        client: Redis = Redis(host=LOOPBACK, port=proxy.port, socket_timeout=0.3)
        with pytest.raises(RedisTimeoutError):
            await client.ping()
        await client.aclose()
        proxy.heal()
        assert await listener.hear(2) == [0, 1]


async def test_forgotten_connections_stay_silent(redis_server: RedisServer, proxy: RedisProxy):
    async with Listener(proxy) as listener:
        proxy.fall_silent()
        proxy.heal(forget=True)
        await say(redis_server, 2)
        assert await listener._pubsub.get_message(timeout=0.3) is None
        async with Redis(host=LOOPBACK, port=proxy.port) as client:
            assert await client.ping()


async def test_an_answer_is_lost_after_the_script_ran(redis_server: RedisServer, proxy: RedisProxy):
    async with Redis.from_url(redis_server.url()) as direct:
        await direct.delete("ran")
        digest = await direct.script_load("return redis.call('INCR', 'ran')")
        other = await direct.script_load("return 7")
        proxy.lose_answers(digest)
        client: Redis = Redis(
            host=LOOPBACK, port=proxy.port, retry=Retry(NoBackoff(), 0), socket_timeout=5
        )
        assert await client.evalsha(other, 0) == 7
        with pytest.raises(RedisConnectionError):
            await client.evalsha(digest, 0)
        assert await direct.get("ran") == b"1"
        assert await client.evalsha(digest, 0) == 2
        await client.aclose()


def test_values_are_cut_where_they_end():
    value = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\n\r\n$1\r\n"
    for cut in range(len(value)):
        assert end_of(value[:cut]) is None
    assert end_of(value + b"+OK\r\n") == len(value)
    assert parsed(value) == [b"message", b"c", b"\r\n$1"]
    assert end_of(b"*2\r\n*1\r\n$-1\r\n:5\r\n") == 17
    assert end_of(b"$0\r\n\r\n") == 6
