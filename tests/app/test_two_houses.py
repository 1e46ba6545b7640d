"""Two processes of one shop: one PostgreSQL, one Redis, and viewers on both."""

import asyncio
from pathlib import Path
from typing import TypeVar

import pytest

from livecommerce.client import RoomClient
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import Event
from livecommerce.shows.store.tables import chat_messages
from livecommerce.shows.wire import (
    Ban,
    ChatPosted,
    DeleteMessage,
    SendChat,
    ViewersCounted,
)
from livecommerce.stock.wire import SaleChanged
from tests.support.house import OpenedHouse, running_house
from tests.support.redis import running_redis

E = TypeVar("E", bound=Event)


async def heard(client: RoomClient, kind: type[E]) -> E:
    """Waits for the next event of this kind."""
    async with asyncio.timeout(8):
        async for event in client.events():
            if isinstance(event, kind):
                return event
    raise AssertionError("the connection was closed")


async def until_ready(house: OpenedHouse) -> None:
    async with asyncio.timeout(10):
        while (await house.fetch("/readyz")).status != 200:
            await asyncio.sleep(0.1)


@pytest.mark.postgres
@pytest.mark.redis
async def test_what_happens_in_one_house_is_seen_in_the_other(tmp_path: Path, postgres_url: str):
    with running_redis() as server:
        settings = {"database_url": postgres_url, "redis_url": server.url()}
        async with (
            running_house(tmp_path / "one", **settings) as one,
            running_house(tmp_path / "two", **settings) as two,
        ):
            shop = await one.shop()
            goods = await shop.add_goods("abaya", on_hand=5, slot=1)
            viewer = await two.person()
            async with (
                one.client(shop.room_id, shop.host) as host,
                two.client(shop.room_id, viewer) as watching,
            ):
                line = await host.call(SendChat(id=new_id(), text="مرحبا"))
                assert (await heard(watching, ChatPosted)).text == "مرحبا"
                while (await heard(watching, ViewersCounted)).count != 2:
                    pass
                await shop.start_sale(goods, quota=2)
                await heard(watching, SaleChanged)

                server.kill()
                await asyncio.sleep(0.3)
                server.start()
                # A Redis that knows nothing: both houses go on, and nobody was thrown out.
                await until_ready(one)
                await until_ready(two)
                await host.call(DeleteMessage(id=new_id(), message_id=line.id))
                # As an event, or by the snapshot that a new epoch begins with.
                async with asyncio.timeout(8):
                    while line.id in [event.id for event in watching.mirror.recent]:
                        await asyncio.sleep(0.02)
                assert (host.reconnects, watching.reconnects) == (0, 0)

                await host.call(Ban(id=new_id(), person_id=viewer.person_id))
                async with asyncio.timeout(5):
                    async for _ in watching.events():
                        pass
                assert watching.reconnects == 0


@pytest.mark.postgres
@pytest.mark.redis
async def test_a_moderator_removes_what_was_said_a_moment_ago_in_the_other_house(
    tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
):
    # Nothing reaches the archive in this test: the message is on people's screens only.
    monkeypatch.setattr("livecommerce.shows.service.ARCHIVE_S", 3600.0)
    with running_redis() as server:
        settings = {"database_url": postgres_url, "redis_url": server.url()}
        async with (
            running_house(tmp_path / "one", **settings) as one,
            running_house(tmp_path / "two", **settings) as two,
        ):
            await until_ready(one)
            await until_ready(two)
            shop = await one.shop()
            viewer = await two.person()
            async with two.client(shop.room_id, viewer) as speaking:
                bad = await speaking.call(SendChat(id=new_id(), text="bad"))
                # By HTTP, to a house nobody of this room is in, and by a socket.
                await shop.command("delete_message", message_id=bad.id)
                async with one.client(shop.room_id, shop.host) as host:
                    worse = await speaking.call(SendChat(id=new_id(), text="worse"))
                    assert (await heard(host, ChatPosted)).id == worse.id
                    await host.call(DeleteMessage(id=new_id(), message_id=worse.id))
                    async with asyncio.timeout(8):
                        for gone in (bad, worse):
                            while gone.id in [event.id for event in speaking.mirror.recent]:
                                await asyncio.sleep(0.02)
                # The house in which it was said hears a second later; its archive knows better.
                await two.services.shows.archive.store()
                rows = await one.services.database.fetch(chat_messages.select())
                assert {row["id"]: row["text"] for row in rows} == {bad.id: "", worse.id: ""}


@pytest.mark.postgres
@pytest.mark.redis
async def test_who_signs_out_while_redis_is_away_is_gone_from_the_other_house(
    tmp_path: Path, postgres_url: str
):
    with running_redis() as server:
        settings = {"database_url": postgres_url, "redis_url": server.url()}
        async with (
            running_house(tmp_path / "one", **settings) as one,
            running_house(tmp_path / "two", **settings) as two,
        ):
            shop = await one.shop()
            leaving, banned = await two.person(), await two.person()
            async with (
                two.client(shop.room_id, leaving, reconnect=False) as first,
                two.client(shop.room_id, banned, reconnect=False) as second,
            ):
                server.kill()
                await one.api.post("/v1/auth/sign-out", {}, token=leaving.token)
                await shop.command("ban", person_id=banned.person_id)
                async with asyncio.timeout(8):
                    for gone in (first, second):
                        async for _ in gone.events():
                            pass


@pytest.mark.redis
async def test_a_house_without_its_redis_sells_and_says_that_it_is_deaf(tmp_path: Path):
    with running_redis() as server:
        async with running_house(tmp_path, redis_url=server.url(), drain_s=0.0) as house:
            shop = await house.shop()
            await until_ready(house)
            server.kill()
            async with asyncio.timeout(10):
                while (await house.fetch("/readyz")).status != 503:
                    await asyncio.sleep(0.1)
            answer = await house.fetch("/readyz")
            assert b'"backplane":false' in answer.body
            assert (await house.fetch("/healthz")).status == 200
            assert (await shop.add_goods("oud", on_hand=4, slot=2)).variant_id
            server.start()
            await until_ready(house)
            assert not house.house.failed.is_set()
