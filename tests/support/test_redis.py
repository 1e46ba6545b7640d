import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from tests.support.redis import running_redis


async def test_begins_empty(redis_url):
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


async def test_and_is_emptied_for_the_next(redis_url):
    async with Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0


async def test_comes_back_empty_on_the_same_port():
    with running_redis() as server:
        async with Redis.from_url(server.url(), retry=None) as client:
            await client.set("key", "value")
            server.kill()
            with pytest.raises(RedisConnectionError):
                await client.get("key")
            server.start()
            assert await client.get("key") is None
            await client.set("key", "old")
            server.save()
            await client.set("key", "new")
            server.kill()
            server.start()
        async with Redis.from_url(server.url(), retry=None) as client:
            assert await client.get("key") == b"old"
        server.forget()
        server.kill()
        server.start()
        async with Redis.from_url(server.url(), retry=None) as client:
            assert await client.get("key") is None
