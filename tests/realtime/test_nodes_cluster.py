"""Nodes over a Redis Cluster: rooms live on its primaries, and may move between them under load."""

import asyncio

import pytest
from redis import Redis
from redis.crc import key_slot

from livecommerce.realtime.backplane.redis.cluster import ranges_of
from tests.realtime.nodes import ROOM, Shop, open_nodes, redis_settings, until
from tests.realtime.support import said
from tests.support.redis import SLOTS, RedisServer, id_of, move_slot, running_cluster

pytestmark = [pytest.mark.redis, pytest.mark.slow]


@pytest.fixture
def servers(redis_cluster: list[RedisServer]) -> list[RedisServer]:
    for server in redis_cluster:
        with Redis.from_url(server.url()) as client:
            client.flushall()
    return redis_cluster


def settings_of(servers: list[RedisServer]):
    return redis_settings(*(each.url() for each in servers), is_cluster=True)


def test_the_map_keeps_scheme_and_password_of_who_was_asked():
    reply = [
        [8192, 16383, [b"10.0.0.2", 7001, b"id"], [b"10.0.0.3", 7002, b"replica"]],
        [0, 8191, [b"", 7000, b"id"]],
    ]
    assert ranges_of(reply, "rediss://user:word@cache:6379/0") == [
        (0, "rediss://user:word@cache:7000/0"),
        (8192, "rediss://user:word@10.0.0.2:7001/0"),
    ]


async def test_rooms_live_on_the_primary_of_their_slot(servers):
    async with open_nodes(Shop(), settings_of(servers[:1])) as nodes:
        rooms = [f"room-{number}" for number in range(12)]
        viewers = {room: await nodes[1].enter(room_id=room) for room in rooms}
        for room in rooms:
            await nodes[0].hub.publisher.deliver(room, said(room))
        await until(lambda: all(viewer.events() for viewer in viewers.values()))
        assert all(node.hub.is_ready() for node in nodes)
    for number, server in enumerate(servers):
        with Redis.from_url(server.url()) as client:
            found = {str(key).split("{")[1].split("}")[0] for key in client.keys("*meta")}
        assert found == {room for room in rooms if key_slot(room.encode()) // 8192 == number}


async def test_a_room_moves_to_another_primary_under_load(servers):
    shop = Shop()
    async with open_nodes(shop, settings_of(servers)) as nodes:
        viewers = [await node.enter() for node in nodes]
        slot = key_slot(ROOM.encode())
        at = slot // 8192
        source, target = servers[at], servers[1 - at]
        for moved in (False, True):
            for _ in range(5):
                shop.say(nodes[0], 2)
                shop.say(nodes[1], 2)
                await asyncio.sleep(0.01)
            if moved:
                await asyncio.to_thread(move_slot, slot, target, source)
            else:
                await asyncio.to_thread(move_slot, slot, source, target)
            shop.say(nodes[0], 2)
            shop.say(nodes[1], 2)
            await shop.told()
            await until(lambda: all(viewer.knows(shop) for viewer in viewers))
        assert all(viewer.closed is None for viewer in viewers)
        await until(lambda: all(node.hub.is_ready() for node in nodes))


def take_all_slots(owner: RedisServer, other: RedisServer) -> None:
    """Makes one primary the owner of every slot; the keys of the other are lost."""
    with Redis.from_url(owner.url()) as heir, Redis.from_url(other.url()) as loser:
        heir_id, loser_id = id_of(heir), id_of(loser)
        loser.flushall()
        # Having imported a slot gives the word of the new owner a newer epoch.
        taking, giving = heir.pipeline(transaction=False), loser.pipeline(transaction=False)
        for slot in range(SLOTS):
            taking.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", loser_id)
            taking.execute_command("CLUSTER", "SETSLOT", slot, "NODE", heir_id)
            giving.execute_command("CLUSTER", "SETSLOT", slot, "NODE", heir_id)
        taking.execute(raise_on_error=False)
        giving.execute(raise_on_error=False)


async def test_a_primary_that_has_nothing_any_more_is_left():
    shop = Shop()
    with running_cluster() as own:
        async with open_nodes(shop, settings_of(own)) as nodes:
            viewers = [await node.enter() for node in nodes]
            shop.say(nodes[0], 3)
            await shop.told()
            at = key_slot(ROOM.encode()) // 8192
            taking = asyncio.create_task(asyncio.to_thread(take_all_slots, own[1 - at], own[at]))
            while not taking.done():
                shop.say(nodes[0])
                shop.say(nodes[1])
                await asyncio.sleep(0.02)
            await taking
            await shop.told()
            await until(lambda: all(viewer.knows(shop) for viewer in viewers))
            await until(lambda: all(len(node.backplane._shards.all()) == 1 for node in nodes))
            assert all(viewer.closed is None for viewer in viewers)


async def test_a_primary_that_dies_and_comes_back_empty_costs_a_snapshot(servers):
    shop = Shop()
    async with open_nodes(shop, settings_of(servers)) as nodes:
        viewers = [await node.enter() for node in nodes]
        shop.say(nodes[0], 3)
        await shop.told()
        server = servers[key_slot(ROOM.encode()) // 8192]
        server.kill()
        shop.say(nodes[1], 3)
        await asyncio.sleep(0.1)
        server.start()
        shop.say(nodes[0], 3)
        await shop.told()
        await until(lambda: all(viewer.knows(shop) for viewer in viewers))
        await until(lambda: all(node.hub.is_ready() for node in nodes))
