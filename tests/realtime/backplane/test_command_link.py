"""What waits for a Redis that is away: bounded, given up in time, and answered in order."""

import asyncio

import pytest

from livecommerce.kernel.clock import SystemClock
from livecommerce.realtime.backplane.redis.commands import CommandLink
from livecommerce.realtime.backplane.redis.links import Away
from livecommerce.realtime.backplane.redis.settings import RedisSettings

NOWHERE = "redis://127.0.0.1:1/0"


def link_to(url: str, **caps) -> CommandLink:
    return CommandLink(url, clock=SystemClock(), settings=RedisSettings(urls=(url,), **caps))


async def test_the_queue_has_an_end():
    link = link_to(NOWHERE, queue_max=4)
    waiting = [link.send("ECHO", b"x", wait_s=60) for _ in range(4)]
    assert not link.is_accepting
    with pytest.raises(Away):
        await link.send("ECHO", b"x", wait_s=60)
    await link.close()
    for each in waiting:
        with pytest.raises(Away):
            await each


async def test_what_waits_has_a_weight():
    link = link_to(NOWHERE, queue_bytes_max=1_000)
    light = link.send("ECHO", b"x" * 800, wait_s=60)
    with pytest.raises(Away):
        await link.send("ECHO", b"x" * 800, wait_s=60)
    await link.close()
    assert isinstance(light.exception(), Away)


async def test_a_command_is_given_up_while_redis_is_away():
    link = link_to(NOWHERE)
    link.start()
    short, long = (link.send("ECHO", b"x", wait_s=seconds) for seconds in (0.1, 60))
    async with asyncio.timeout(5):
        with pytest.raises(Away):
            await short
    assert not long.done()
    assert link.backlog == 1
    await link.close()
    assert isinstance(long.exception(), Away)
    assert isinstance(link.send("ECHO", b"x", wait_s=1).exception(), Away)


async def test_answers_come_to_who_asked(redis_url):
    link = link_to(redis_url, pipeline_max=3)
    link.start()
    echoes = [link.send("ECHO", b"%d" % number, wait_s=5) for number in range(50)]
    wrong = link.send("NO-SUCH-COMMAND", wait_s=5)
    unread = link.send("ECHO", b"text", wait_s=5, read=int)
    assert await asyncio.gather(*echoes) == [b"%d" % number for number in range(50)]
    with pytest.raises(Away):
        await wrong
    with pytest.raises(ValueError, match="text"):
        await unread
    await link.close()


async def test_what_moves_to_another_link_keeps_its_order_even_if_it_is_under_way(redis_url):
    link, other = link_to(redis_url), link_to(redis_url)
    link.start()
    other.start()
    # The first holds up the answers of what is sent with it.
    stuck = link.send("BLPOP", "nothing", 0, wait_s=60)
    sent = [link.send("RPUSH", "order", number, wait_s=60) for number in (1, 2)]
    assert await link.wait_until_up(5)
    await asyncio.sleep(0.1)
    queued = link.send("RPUSH", "order", 3, wait_s=60)
    kept = link.send("ECHO", b"kept", wait_s=60)
    taken = link.take_back(lambda command: command.arguments[0] != "RPUSH")
    assert [command.answer for command in taken] == [*sent, queued]
    for command in taken:
        other.put(command)
    last = other.send("RPUSH", "order", 4, wait_s=60)
    assert [await each for each in (*sent, queued, last)] == [1, 2, 3, 4]
    assert await other.send("LRANGE", "order", 0, -1, wait_s=5) == [b"1", b"2", b"3", b"4"]
    await other.send("LPUSH", "nothing", b"x", wait_s=5)
    assert await stuck == [b"nothing", b"x"]
    assert await kept == b"kept"
    await link.close()
    await other.close()
