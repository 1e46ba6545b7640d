"""The room client against a real house, over connections that break at any moment."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from livecommerce.client import CallRefused, Closed, RoomClient
from livecommerce.client import room as room_module
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.commands import Leave, Ping
from livecommerce.protocol.events import Event, Lane
from livecommerce.shows.wire import ChatPosted, SendChat
from tests.support.house import OpenedHouse, running_house
from tests.support.ports import LOOPBACK, free_port

pytestmark = pytest.mark.asyncio(loop_scope="module")

LASTING = {Lane.LOG, Lane.STATE}


@pytest.fixture(autouse=True)
def soon_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "BACKOFF_BASE_S", 0.01)
    monkeypatch.setattr(room_module, "BACKOFF_MAX_S", 0.05)


def chat(text: str) -> SendChat:
    return SendChat(id=new_id(), text=text)


async def until_line(client: RoomClient, text: str) -> list[Event]:
    """The next events, up to this chat message."""
    events: list[Event] = []
    async with asyncio.timeout(10):
        async for event in client.events():
            events.append(event)
            if isinstance(event, ChatPosted) and event.text == text:
                break
    return events


async def none_left() -> None:
    """Waits until no client has a task any more."""
    async with asyncio.timeout(2):
        while any(task.get_name() == "room client" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.01)


async def heard(client: RoomClient, count: int) -> list[str]:
    """The texts of the next chat messages."""
    texts: list[str] = []
    async with asyncio.timeout(10):
        async for event in client.events():
            if isinstance(event, ChatPosted):
                texts.append(event.text)
                if len(texts) == count:
                    break
    return texts


@pytest.mark.parametrize("codec", ["json", "msgpack", "json.deflate"])
async def test_events_come_once_and_in_order_over_any_number_of_drops(
    house: OpenedHouse, codec: str
):
    shop = await house.shop()
    lines = [f"line {number}" for number in range(120)]
    chance = random.Random(codec)
    writer = house.client(shop.room_id, shop.host)
    async with writer, house.client(shop.room_id, codec=codec) as watcher:
        hearing = asyncio.create_task(heard(watcher, len(lines)))
        for line in lines:
            await writer.call(chat(line))
            if chance.random() < 0.15:
                await watcher.drop()
            if chance.random() < 0.1:
                await asyncio.sleep(chance.uniform(0, 0.05))
        assert await hearing == lines
        assert watcher.reconnects > 2
        assert watcher.recoveries > 0
        assert watcher.snapshots == 1


@pytest.mark.parametrize("codec", ["msgpack", "json.deflate"])
async def test_all_codecs_give_the_same_events(house: OpenedHouse, codec: str):
    shop = await house.shop()
    goods = await shop.add_goods(new_id()[-8:], on_hand=7, slot=1)
    async with (
        house.client(shop.room_id, shop.host) as plain,
        house.client(shop.room_id, shop.host, codec=codec) as packed,
    ):
        # What they were shown when they came may differ: they did not come together.
        await plain.call(chat("begin"))
        await shop.start_sale(goods, quota=3)
        await plain.call(chat("شكرًا 🎉"))
        assert (await packed.call(chat("end"))).text == "end"

        async def until_said(client: RoomClient) -> list[Event]:
            await until_line(client, "begin")
            return [event for event in await until_line(client, "end") if event.lane in LASTING]

        assert await until_said(plain) == await until_said(packed)
        assert plain.mirror.offset == packed.mirror.offset


async def test_a_server_that_does_not_deflate_is_understood_too(
    tmp_path_factory: pytest.TempPathFactory,
):
    async with running_house(tmp_path_factory.mktemp("plain")) as plain:
        shop = await plain.shop()
        async with plain.client(shop.room_id, shop.host, codec="json.deflate") as client:
            await client.call(chat("hello"))
            assert await heard(client, 1) == ["hello"]


async def test_a_call_that_loses_its_connection_has_one_effect(house: OpenedHouse):
    shop = await house.shop()
    goods = await shop.add_goods(new_id()[-8:], on_hand=50)
    async with (
        house.client(shop.room_id, shop.host) as host,
        house.client(shop.room_id) as watcher,
    ):
        chance = random.Random(7)
        for number in range(25):
            asking = asyncio.create_task(host.call(chat(f"line {number}")))
            await asyncio.sleep(chance.uniform(0, 0.01))
            await host.drop()
            assert (await asking).text == f"line {number}"
        assert await heard(watcher, 25) == [f"line {number}" for number in range(25)]
    assert goods.offer_id


async def test_calls_wait_through_failed_attempts_to_come_back(house: OpenedHouse):
    """Every failed attempt is a lost connection of its own; those who wait are not to notice."""
    shop = await house.shop()
    async with house.client(shop.room_id, shop.host) as client:
        there = client.url
        client.url = f"ws://{LOOPBACK}:{free_port()}/v1/live"
        await client.drop()
        asking = [asyncio.create_task(client.call(chat(f"patience {n}"))) for n in range(3)]
        await asyncio.sleep(0.3)
        assert client.reconnects >= 2
        client.url = there
        texts = [said.text for said in await asyncio.wait_for(asyncio.gather(*asking), 5)]
        assert texts == ["patience 0", "patience 1", "patience 2"]


async def test_who_is_told_to_stay_away_stays_away(house: OpenedHouse):
    shop = await house.shop()
    person = await house.person()
    async with house.client(shop.room_id, person) as client:
        await shop.command("ban", person_id=person.person_id)
        async with asyncio.timeout(5):
            async for _ in client.events():
                pass
        started_s = time.monotonic()
        with pytest.raises(Closed) as closed:
            await client.call(chat("let me in"))
        assert closed.value.code == 4500
        assert time.monotonic() - started_s < 1
        assert client.reconnects == 0
    with pytest.raises(Closed) as refused:
        async with house.client(shop.room_id, person):
            pass
    assert isinstance(refused.value.__cause__, CallRefused)
    assert refused.value.__cause__.code == "banned"


async def test_a_call_under_way_when_the_client_closes_for_good_is_told_at_once(
    house: OpenedHouse,
):
    async with silent_server() as url:
        client = RoomClient(url)
        async with client:
            asking = asyncio.create_task(client.call(Leave(id=new_id())))
            await asyncio.sleep(0.05)
            await client.close()
            with pytest.raises(Closed):
                await asyncio.wait_for(asking, 1)


async def test_a_refusal_carries_its_code_and_field(house: OpenedHouse):
    shop = await house.shop()
    async with house.client(shop.room_id, shop.host) as client:
        with pytest.raises(CallRefused) as refused:
            await client.call(chat("\u200b"))
        assert refused.value.code == "message_empty"
        assert refused.value.retry == "never"
        with pytest.raises(CallRefused) as unknown:
            await client.join("nowhere")
        assert unknown.value.code == "not_found"
        # We are where we were.
        assert (await client.call(chat("still here"))).text == "still here"
        assert await heard(client, 1) == ["still here"]


async def test_a_client_moves_to_another_room(house: OpenedHouse):
    here, there = await house.shop(), await house.shop()
    person = await house.person()
    async with house.client(here.room_id, person) as client:
        await client.join(there.room_id)
        await client.call(chat("hello there"))
        assert await heard(client, 1) == ["hello there"]
        await client.drop()
        await client.call(chat("again"))
        assert await heard(client, 1) == ["again"]
        assert client.mirror.state["show"].show.id  # type: ignore[attr-defined]


async def test_a_light_client_hears_the_staff_and_later_what_it_was_spared(house: OpenedHouse):
    shop = await house.shop()
    viewer, reader = await house.person("Sami"), await house.person("Huda")
    async with (
        house.client(shop.room_id, shop.host) as host,
        house.client(shop.room_id, viewer) as speaker,
        house.client(shop.room_id, reader) as light,
    ):
        await host.call(chat("begin"))
        assert await heard(light, 1) == ["begin"]
        await light.look(light=True)
        await speaker.call(chat("not for you"))
        to_you = SendChat(id=new_id(), text="for you", mentions=[reader.person_id])
        await light.call(chat("mine"))
        await speaker.call(to_you)
        await host.call(chat("from the host"))
        assert sorted(await heard(light, 3)) == ["for you", "from the host", "mine"]
        recent = [each.text for each in light.mirror.recent if isinstance(each, ChatPosted)]
        assert sorted(recent) == ["begin", "for you", "from the host", "mine"]
        await light.drop()
        await host.call(chat("again"))
        assert await heard(light, 1) == ["again"]
        await speaker.call(chat("nor this"))
        await light.look(light=False)
        # Nothing that was told before comes again.
        assert await heard(light, 2) == ["not for you", "nor this"]
        await speaker.call(chat("end"))
        assert await heard(light, 1) == ["end"]
        assert light.snapshots == 1


async def test_the_servers_clock_is_known(house: OpenedHouse):
    async with RoomClient(house.live_url) as client:
        assert await client.ping() < 5_000
        assert abs(client.clock_offset_ms) < 5_000
        assert "person_id" not in client.welcome
        assert (await client.call(Ping(id=new_id()))).now > 0


async def test_cancelling_whoever_closes_a_client_cancels_them(house: OpenedHouse):
    """A swallowed cancellation leaves a task group waiting for ever."""

    async def visit() -> None:
        while True:
            async with RoomClient(house.live_url):
                await asyncio.sleep(0)

    for delay_ms in range(0, 60, 4):
        visiting = asyncio.create_task(visit())
        await asyncio.sleep(delay_ms / 1000)
        visiting.cancel()
        done, _ = await asyncio.wait({visiting}, timeout=5)
        assert done
        assert visiting.cancelled()
    await none_left()


async def test_cancelled_while_it_connects_it_leaves_nothing_behind():
    client = RoomClient(f"ws://{LOOPBACK}:{free_port()}/v1/live")
    entering = asyncio.create_task(client.__aenter__())
    await asyncio.sleep(0.05)
    entering.cancel()
    await asyncio.wait({entering}, timeout=5)
    assert entering.cancelled()
    await none_left()


WELCOME = '{"t":"welcome","id":"x","now":1,"node":"n","beat_s":%s}'


@asynccontextmanager
async def silent_server(*, beat_s: float = 20, frames: tuple[str, ...] = ()) -> AsyncIterator[str]:
    """A server that welcomes, says what it is given, and then nothing more."""

    async def welcomed(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(WELCOME % beat_s)
        for frame in frames:
            await socket.send(frame)
        await socket.wait_closed()

    async with serve(
        welcomed,
        LOOPBACK,
        0,
        subprotocols=[Subprotocol("livecommerce.v1.json")],
        ping_interval=None,
    ) as server:
        yield f"ws://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"


async def test_a_network_that_died_is_noticed_by_its_silence():
    async with silent_server(beat_s=0.1) as url, RoomClient(url) as client:
        await asyncio.sleep(0.6)
        assert client.reconnects >= 1


async def test_beats_of_a_server_whose_rooms_we_are_not_in_change_nothing():
    beat = '{"t":"beat","room":"","epoch":"","last":0,"now":1}'
    async with silent_server(frames=(beat,)) as url, RoomClient(url) as client:
        await asyncio.sleep(0.1)
        assert client.reconnects == 0


async def test_a_frame_nobody_can_read_ends_the_client(capfd: pytest.CaptureFixture[str]):
    bad = '{"t":"told","event":{"t":"no such event"}}'
    async with silent_server(frames=(bad,)) as url, RoomClient(url) as client:
        async with asyncio.timeout(2):
            assert [event async for event in client.events()] == []
        with pytest.raises(Closed):
            await client.call(Leave(id=new_id()))
