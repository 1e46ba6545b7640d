"""Whatever happens to Redis and between it and the nodes: every viewer's log is the shop's ledger,
each line once and those of a node in their order, or a snapshot said that it began anew."""

import asyncio
import random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.realtime.nodes import ROOM, Shop, Witness, open_nodes, redis_settings, until
from tests.support.redis import RedisServer, running_redis

pytestmark = [pytest.mark.redis, pytest.mark.slow]

_node = st.integers(0, 1)
_speaker = st.integers(0, 2)
"""The third has no viewers: it knows nothing of the room it speaks to."""
_few = st.integers(1, 3)
STEPS = st.one_of(
    st.tuples(st.just("say"), _speaker, st.integers(1, 5)),
    st.tuples(st.just("say"), _speaker, st.integers(1, 5)),
    st.tuples(st.just("say"), _speaker, st.integers(1, 5)),
    st.tuples(st.just("lose"), _node, _few),
    st.tuples(st.just("repeat"), _node, _few),
    st.tuples(st.just("swap"), _node, _few),
    st.tuples(st.just("enter"), _node, st.just(0)),
    st.tuples(st.just("move"), _node, st.just(0)),
    st.tuples(st.just("wait"), st.just(0), st.integers(0, 30)),
    st.tuples(st.just("save"), st.just(0), st.just(0)),
    st.tuples(st.just("restart"), st.just(0), st.integers(0, 20)),
    st.tuples(st.just("restart empty"), st.just(0), st.integers(0, 20)),
    st.tuples(st.just("flush"), st.just(0), st.just(0)),
    st.tuples(st.just("flush scripts"), st.just(0), st.just(0)),
    st.tuples(st.just("kill links"), st.integers(0, 1), st.just(0)),
    st.tuples(st.just("delete"), st.integers(0, 4), st.just(0)),
)
KEYS = ("meta", "stream", "ids", "values", "viewers")


@pytest.fixture(scope="module")
def server():
    with running_redis() as running:
        yield running


@settings(max_examples=40, phases=[Phase.explicit, Phase.generate])
@given(steps=st.lists(STEPS, min_size=4, max_size=24), chance=st.randoms(use_true_random=False))
def test_every_log_is_the_ledger_or_was_begun_anew(server, steps, chance):
    asyncio.run(play(server, steps, chance))


async def play(server: RedisServer, steps: list[tuple[str, int, int]], chance: random.Random):
    server.forget()
    server.kill()
    server.start()
    shop = Shop()
    viewers: list[tuple[int, Witness]] = []
    async with open_nodes(shop, redis_settings(server.url()), count=3) as nodes:
        for number, node in enumerate(nodes[:2]):
            viewers.append((number, await node.enter()))
        for name, which, amount in steps:
            match name:
                case "say":
                    shop.say(nodes[which], amount)
                case "lose" | "repeat" | "swap":
                    setattr(nodes[which].link, name, amount)
                case "enter":
                    viewers.append((which, await nodes[which].enter()))
                case "move":
                    index = chance.randrange(len(viewers))
                    was, viewer = viewers[index]
                    nodes[was].leave(viewer)
                    viewers[index] = which, await nodes[which].enter(viewer)
                case "wait":
                    await asyncio.sleep(amount / 1000)
                case _:
                    await harm(server, name, which, amount)
            await asyncio.sleep(0.002)
            check(viewers)
        for node in nodes:
            node.link.lose = node.link.swap = 0
        # What is late in a faulty link comes with the next delivery, or is fetched.
        await shop.told()
        try:
            await until(lambda: all(viewer.knows(shop) for _, viewer in viewers), 8.0)
        except TimeoutError:
            logs = [f"{len(viewer.log)} at {viewer.position}" for _, viewer in viewers]
            rooms = [node.hub.warm_room(ROOM) for node in nodes]
            states = [f"{room.state!r} at {room.received}" for room in rooms if room is not None]
            raise AssertionError(f"of {len(shop.lines)} lines: {logs}, {states}") from None
        check(viewers)
        check_order(shop, viewers)


def check(viewers: list[tuple[int, Witness]]) -> None:
    """No hole and no repetition is checked by every viewer itself, by offsets, while it reads."""
    for _, viewer in viewers:
        viewer.read()
        assert viewer.closed is None
        assert len(set(viewer.log)) == len(viewer.log)


def check_order(shop: Shop, viewers: list[tuple[int, Witness]]) -> None:
    said_by = {line.id: line.text.split()[0] for line in shop.lines}
    for _, viewer in viewers:
        for node in ("n1", "n2", "n3"):
            told = [each for each in viewer.log if said_by[each] == node]
            assert told == [line.id for line in shop.lines if said_by[line.id] == node]


async def harm(server: RedisServer, name: str, which: int, amount: int) -> None:
    if name.startswith("restart"):
        if name == "restart empty":
            server.forget()
        server.kill()
        await asyncio.sleep(amount / 1000)
        server.start()
        return
    try:
        async with Redis.from_url(server.url()) as client:
            match name:
                case "save":
                    await client.save()
                case "flush":
                    await client.flushall()
                case "flush scripts":
                    await client.script_flush()
                case "kill links":
                    kind = ("pubsub", "normal")[which]
                    await client.execute_command("CLIENT", "KILL", "TYPE", kind)
                case "delete":
                    await client.delete(f"livecommerce:{{{ROOM}}}:{KEYS[which]}")
    except RedisError:
        # It was killed a moment ago; the next step harms it again.
        pass
