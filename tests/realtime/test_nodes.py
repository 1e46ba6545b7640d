"""Nodes over a real Redis, and what happens to it under them: nobody is disconnected, nobody misses
a thing without being told."""

import asyncio
from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from livecommerce.kernel.clock import SystemClock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codes import CloseCode
from livecommerce.realtime.backplane.redis.backplane import RedisBackplane
from livecommerce.realtime.backplane.redis.shards import shard_number
from livecommerce.realtime.publications import Batch
from livecommerce.realtime.settings import HubSettings
from tests.realtime.nodes import HUB, ROOM, Shop, all_begun_anew, open_nodes, redis_settings, until
from tests.realtime.support import Hearts, likes, pub, said
from tests.support.redis import RedisServer, running_redis


@pytest.fixture(scope="module")
def server_of_all() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture
async def server(server_of_all: RedisServer) -> RedisServer:
    """A Redis that a test may kill; running and empty."""
    server_of_all.forget()
    server_of_all.kill()
    server_of_all.start()
    return server_of_all


pytestmark = pytest.mark.redis


@pytest.fixture
async def stage(server):
    """A shop with two nodes, and two viewers on each."""
    shop = Shop()
    async with open_nodes(shop, redis_settings(server.url())) as nodes:
        viewers = [await node.enter() for node in nodes for _ in range(2)]
        yield shop, nodes, viewers, server


async def everybody_knows(shop, viewers) -> None:
    await shop.told()
    await until(lambda: all(viewer.knows(shop) for viewer in viewers))
    assert all(viewer.closed is None for viewer in viewers)


async def test_a_line_said_on_one_node_is_on_all_once_and_in_order(stage):
    shop, nodes, viewers, _ = stage
    for _ in range(20):
        shop.say(nodes[0], 3)
        await asyncio.sleep(0.002)
    await everybody_knows(shop, viewers)
    assert all(viewer.log == [line.id for line in shop.lines] for viewer in viewers)
    assert all(viewer.snapshots == 1 for viewer in viewers)
    assert nodes[1].hub.statistics().repairs == 0


async def test_two_nodes_that_speak_at_once_are_heard_in_one_order(stage):
    shop, nodes, viewers, _ = stage
    for number in range(60):
        shop.say(nodes[number % 2])
        if number % 7 == 0:
            await asyncio.sleep(0.001)
    await everybody_knows(shop, viewers)
    assert all(viewer.log == viewers[0].log for viewer in viewers)


async def test_a_viewer_moves_to_the_other_node_and_misses_nothing(stage):
    shop, nodes, viewers, _ = stage
    shop.say(nodes[0], 5)
    await everybody_knows(shop, viewers)
    mover = viewers[0]
    nodes[0].leave(mover)
    shop.say(nodes[1], 5)
    await everybody_knows(shop, viewers[1:])
    await nodes[1].enter(mover)
    assert mover.knows(shop)
    assert mover.snapshots == 1


async def test_viewers_are_counted_over_nodes_and_a_lost_node_is_forgotten(server):
    shop = Shop()
    hub = HubSettings(tick_min_ms=1, presence_s=0.02, presence_lease_s=0.3)
    async with open_nodes(shop, redis_settings(server.url()), hub=hub) as (first, second):
        for node in (first, first, second):
            await node.enter()
        await until(lambda: first.hub.viewers(ROOM) == second.hub.viewers(ROOM) == 3)
        for timer in second.hub._timers:
            timer.cancel()
        await until(lambda: first.hub.viewers(ROOM) == 2)


async def test_people_are_told_and_kicked_on_every_node(stage):
    _, nodes, viewers, _ = stage
    for node, viewer in zip(nodes, viewers[::2], strict=True):
        node.hub.identify(viewer, ("person",))
    order = said("your order")
    nodes[0].hub.publisher.tell("person", order)
    # The relays of both nodes take it for untold.
    await nodes[1].hub.publisher.deliver_to("person", order)
    await nodes[0].hub.publisher.deliver_to("person", order)
    assert all(await asyncio.gather(*(node.backplane.probe() for node in nodes)))
    for viewer in viewers[::2]:
        viewer.read()
        told = [each["event"]["id"] for each in viewer.messages if each["t"] == "told"]
        assert told == [order.id]
    nodes[0].hub.kick("person", CloseCode.BANNED, room_id=ROOM)
    # Where it was said it is done before anything travels.
    assert viewers[0].closed == CloseCode.BANNED
    await until(lambda: viewers[2].closed == CloseCode.BANNED)


async def test_lost_repeated_and_reordered_batches_are_repaired_and_viewers_see_nothing(stage):
    shop, nodes, viewers, _ = stage
    shop.say(nodes[0], 2)
    await everybody_knows(shop, viewers)
    nodes[1].link.lose = 2
    nodes[0].link.swap = 2
    nodes[0].link.repeat = 3
    for _ in range(10):
        shop.say(nodes[0], 2)
        await asyncio.sleep(0.005)
    nodes[1].link.lose = 1
    shop.say(nodes[0])
    await everybody_knows(shop, viewers)
    assert all(viewer.snapshots == 1 for viewer in viewers)
    assert nodes[1].hub.statistics().repairs >= 2


async def test_a_restart_that_loses_everything_costs_one_snapshot(stage):
    shop, nodes, viewers, server = stage
    shop.say(nodes[0], 10)
    await everybody_knows(shop, viewers)
    server.kill()
    shop.say(nodes[0], 10)
    await asyncio.sleep(0.1)
    server.start()
    shop.say(nodes[1], 10)
    await everybody_knows(shop, viewers)
    assert shop.repeated == 0
    assert all(viewer.snapshots <= 3 for viewer in viewers)


async def test_an_old_dump_gives_no_offset_away_twice(stage):
    shop, nodes, viewers, server = stage
    shop.say(nodes[0], 5)
    await shop.told()
    server.save()
    shop.say(nodes[0], 10)
    await everybody_knows(shop, viewers)
    epoch = viewers[0].epoch
    server.kill()
    server.start()
    shop.say(nodes[1], 3)
    await everybody_knows(shop, viewers)
    assert {viewer.epoch for viewer in viewers} != {epoch}


async def test_an_old_dump_begins_a_new_epoch_for_a_publisher_that_saw_nothing_too(server):
    settings = redis_settings(server.url())
    backplane = RedisBackplane(node_id="blind", clock=SystemClock(), settings=settings)
    await backplane.start()
    try:
        before = await backplane.publish(ROOM, Batch((pub(said()),)))
        server.save()
        await backplane.publish(ROOM, Batch((pub(said()),)))
        server.kill()
        server.start()
        after = await backplane.publish(ROOM, Batch((pub(said()),)), floor=0)
        # The second offset was given to another event: not in this epoch.
        assert after.last == 2
        assert after.epoch != before.epoch
        history = await backplane.history(ROOM, after=1, epoch=before.epoch)
        assert history.publications is None
    finally:
        await backplane.close()


async def test_flushed_in_the_middle(stage):
    shop, nodes, viewers, server = stage
    async with Redis.from_url(server.url()) as client:
        for _ in range(5):
            shop.say(nodes[0], 4)
            await client.flushall()
            shop.say(nodes[1], 4)
            await client.script_flush()
            await asyncio.sleep(0.03)
    await everybody_knows(shop, viewers)
    assert nodes[0].hub.statistics().resyncs > 0


async def test_a_room_that_is_flushed_while_quiet_begins_anew_by_itself(stage):
    shop, nodes, viewers, server = stage
    shop.say(nodes[0], 3)
    await everybody_knows(shop, viewers)
    epoch = viewers[0].epoch
    async with Redis.from_url(server.url()) as client:
        await client.flushall()
    await until(lambda: all_begun_anew(viewers, epoch))
    assert len({viewer.epoch for viewer in viewers}) == 1
    await everybody_knows(shop, viewers)


@pytest.mark.parametrize("name", ["meta", "stream", "ids", "values", "viewers"])
async def test_any_key_may_be_deleted(stage, name):
    shop, nodes, viewers, server = stage
    async with Redis.from_url(server.url()) as client:
        for _ in range(4):
            shop.say(nodes[0], 3)
            await asyncio.sleep(0.02)
            await client.delete(f"livecommerce:{{{ROOM}}}:{name}")
            nodes[1].link.lose = 1
            shop.say(nodes[1], 3)
            await asyncio.sleep(0.02)
    await everybody_knows(shop, viewers)


async def test_a_rewind_inside_one_redis_is_found_by_the_floor(stage):
    shop, nodes, viewers, server = stage
    meta = f"livecommerce:{{{ROOM}}}:meta"
    shop.say(nodes[0], 5)
    await everybody_knows(shop, viewers)
    async with Redis.from_url(server.url()) as client:
        old = await client.dump(meta) or b""
        shop.say(nodes[0], 5)
        await everybody_knows(shop, viewers)
        await client.restore(meta, 0, old, replace=True)
        shop.say(nodes[0], 5)
        await everybody_knows(shop, viewers)
        # Nobody says anything: the position check finds it.
        epoch = viewers[0].epoch
        old = await client.dump(meta) or b""
        shop.say(nodes[0], 5)
        await everybody_knows(shop, viewers)
        await client.restore(meta, 0, old, replace=True)
        await until(lambda: all_begun_anew(viewers, epoch))
    await everybody_knows(shop, viewers)


@pytest.mark.parametrize("kind", ["pubsub", "normal"])
async def test_killed_connections_come_back_and_what_was_missed_is_fetched(stage, kind):
    shop, nodes, viewers, server = stage
    async with Redis.from_url(server.url()) as client:
        for _ in range(5):
            shop.say(nodes[0], 2)
            await client.execute_command("CLIENT", "KILL", "TYPE", kind)
            shop.say(nodes[1], 2)
            await asyncio.sleep(0.03)
    await everybody_knows(shop, viewers)
    assert all(viewer.snapshots == 1 for viewer in viewers)
    if kind == "pubsub":
        assert nodes[0].hub.statistics().interruptions > 0


async def test_an_output_buffer_kill_does_not_make_a_node_deaf(stage):
    shop, nodes, viewers, server = stage
    async with Redis.from_url(server.url()) as client:
        await client.config_set("client-output-buffer-limit", "pubsub 2kb 1kb 1")
        channel = f"livecommerce:{{{ROOM}}}:channel"
        for _ in range(3):
            shop.say(nodes[0], 2)
            await client.publish(channel, b"\xc1" * 500_000)
            await asyncio.sleep(0.05)
        await client.config_set("client-output-buffer-limit", "pubsub 32mb 8mb 60")
    await everybody_knows(shop, viewers)
    assert all(viewer.snapshots == 1 for viewer in viewers)


async def test_what_cannot_be_read_is_dropped_and_the_link_lives(stage):
    shop, nodes, viewers, server = stage
    async with Redis.from_url(server.url()) as client:
        await client.publish(f"livecommerce:{{{ROOM}}}:channel", b"not ours")
        await client.publish("livecommerce:{signals}:signals", b"not ours")
    shop.say(nodes[0])
    await everybody_knows(shop, viewers)
    assert nodes[1].link.interruptions == 0


async def test_while_redis_is_away_chat_is_refused_and_what_is_stored_catches_up(server):
    shop = Shop()
    settings = redis_settings(server.url(), publish_wait_s=0.3, read_wait_s=0.3, blip_s=0.1)
    async with open_nodes(shop, settings) as nodes:
        viewers = [await node.enter() for node in nodes]
        server.kill()
        shop.say(nodes[0], 5)
        await until(lambda: not nodes[0].hub.publisher.is_accepting())
        with pytest.raises(Refused) as caught:
            nodes[0].hub.publisher.check_accepting()
        assert caught.value.code is Code.UNAVAILABLE
        await until(lambda: not nodes[0].hub.is_ready())
        with pytest.raises(Refused) as caught:
            await nodes[0].enter(room_id="another room")
        assert caught.value.code is Code.UNAVAILABLE
        await until(lambda: shop.repeated > 0)
        server.start()
        await everybody_knows(shop, viewers)
        await until(nodes[0].hub.is_ready)
        await nodes[0].enter(room_id="another room")
        nodes[0].hub.publisher.check_accepting()


async def test_a_redis_that_hangs_is_left_and_found_again(server):
    shop = Shop()
    settings = redis_settings(server.url(), timeout_s=0.3, read_wait_s=0.3)
    async with open_nodes(shop, settings) as nodes:
        viewers = [await node.enter() for node in nodes]
        server.pause()
        try:
            shop.say(nodes[0], 5)
            await until(lambda: not nodes[0].hub.is_ready())
        finally:
            server.resume()
        await everybody_knows(shop, viewers)
        await until(nodes[0].hub.is_ready)


async def test_a_full_redis_refuses_and_says_so(stage):
    shop, nodes, viewers, server = stage
    shop.say(nodes[0])
    await everybody_knows(shop, viewers)
    async with Redis.from_url(server.url()) as client:
        await client.config_set("maxmemory", 1)
        shop.say(nodes[0], 2)
        # What is not stored first is refused from now on; what was accepted before waits.
        await until(lambda: not nodes[0].hub.publisher.is_accepting())
        await until(lambda: not nodes[0].hub.is_ready())
        nodes[0].hub.publisher.publish(ROOM, likes(77))
        await until(lambda: viewers[0].known()[2].get("likes", {}).get("count") == 77)
        await client.config_set("maxmemory", 0)
    await everybody_knows(shop, viewers)
    await until(nodes[0].hub.is_ready)
    assert all(viewer.snapshots == 1 for viewer in viewers)


async def test_a_deaf_link_is_dropped_and_made_anew(stage):
    shop, nodes, viewers, _ = stage
    subscriber = nodes[0].backplane._shards.all()[0].subscriber
    # It stays connected and hears nothing, as after a failover behind a proxy.
    assert subscriber._connection is not None
    channels = list(subscriber.channels)
    await subscriber._connection.send_command("UNSUBSCRIBE", *channels)
    shop.say(nodes[1], 3)
    await until(lambda: subscriber.reconnects > 1)
    await everybody_knows(shop, viewers)
    await until(nodes[0].hub.is_ready)


async def test_a_node_starts_while_redis_is_away(server):
    shop = Shop()
    server.kill()
    async with open_nodes(shop, redis_settings(server.url(), read_wait_s=0.2)) as (node, _):
        assert not node.hub.is_ready()
        server.start()
        await until(node.hub.is_ready)
        viewer = await node.enter()
        shop.say(node)
        await everybody_knows(shop, [viewer])


async def test_rooms_live_on_their_shards(server):
    shop = Shop()
    urls = [server.url(number) for number in range(3)]
    async with open_nodes(shop, redis_settings(*urls)) as nodes:
        rooms = [f"room-{number}" for number in range(12)]
        viewers = {room: await nodes[1].enter(room_id=room) for room in rooms}
        for room in rooms:
            await nodes[0].hub.publisher.deliver(room, said(room))
        await until(lambda: all(viewer.events() for viewer in viewers.values()))
    for number, url in enumerate(urls):
        async with Redis.from_url(url) as client:
            found = {str(key).split("{")[1].split("}")[0] for key in await client.keys("*meta")}
        assert found == {room for room in rooms if shard_number(room, 3) == number}


def test_a_shard_more_moves_few_rooms():
    rooms = [f"room-{number}" for number in range(3_000)]
    before = [shard_number(room, 4) for room in rooms]
    after = [shard_number(room, 5) for room in rooms]
    moved = [new for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {4}
    assert 450 < len(moved) < 750
    assert all(600 < before.count(number) < 900 for number in range(4))


async def test_counters_are_shown_on_this_node_while_redis_is_away(server):
    shop = Shop()
    async with open_nodes(shop, redis_settings(server.url()), hub=HUB) as (node, _):
        viewer = await node.enter()
        server.kill()
        await until(lambda: not node.backplane._shards.all()[0].commands.is_up)
        node.hub.publisher.publish(ROOM, likes(77))
        node.hub.publisher.publish(ROOM, Hearts(id="hearts", at=1))
        await until(lambda: viewer.known()[2].get("likes", {}).get("count") == 77)
        server.start()
