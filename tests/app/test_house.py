"""One process, open and closed again, on both databases."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest

from livecommerce.app import open_house
from livecommerce.client import RoomClient
from livecommerce.config import BadSettings, Settings
from livecommerce.kernel.ids import new_id
from livecommerce.shows.wire import SendChat
from tests.support.house import running_house
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.shop import Shop, furnish
from tests.support.sockets import LiveSocket, new_command_id


@pytest.mark.parametrize("which", ["sqlite", "postgresql"])
async def test_a_show_a_line_and_a_purchase(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
):
    settings = {}
    if which == "postgresql":
        settings["database_url"] = request.getfixturevalue("postgres_url")
    async with running_house(tmp_path, **settings) as house:
        assert house.services.database.dialect == which
        shop = await house.shop()
        goods = await shop.add_goods("abaya", on_hand=3, slot=1)
        buyer = await house.person()
        wallet = await furnish(house.api, buyer.token, number=1)
        async with house.client(shop.room_id, buyer) as client:
            said = await client.call(SendChat(id=new_id(), text="هل هو متوفر؟"))
            assert said.text == "هل هو متوفر؟"
        socket = await LiveSocket.open(house.port, token=buyer.token, room=shop.room_id)
        bought = await socket.ask(
            {
                "t": "buy",
                "id": new_command_id(),
                "variant_id": goods.variant_id,
                "offer_id": goods.offer_id,
                "expected_total_minor": goods.price_minor + await shop.delivery_minor(),
                "currency": "SAR",
                "address_id": wallet.address_id,
                "payment": {"method": "card", "card_id": wallet.card_id},
            }
        )
        assert bought["t"] == "ok", bought
        socket.abort()
        order_id = bought["d"]["id"]
        until_s = time.monotonic() + 5
        state = ""
        while state != "confirmed" and time.monotonic() < until_s:
            await asyncio.sleep(0.05)
            state = (await buyer.ask("GET", f"/v1/orders/{order_id}"))["state"]
        assert state == "confirmed"
        assert not house.house.failed.is_set()

    # What one house has left, the next one opens with.
    async with running_house(tmp_path, **settings) as house:
        order = await house.api.get(f"/v1/orders/{order_id}", token=buyer.token)
        assert order["state"] == "confirmed"
        async with house.client(shop.room_id) as client:
            assert "هل هو متوفر؟" in [getattr(event, "text", "") for event in client.mirror.recent]


@pytest.mark.postgres
async def test_an_outage_of_the_database_is_waited_out(
    tmp_path: Path, postgres_url: str, postgres_server: PostgresServer
):
    """Nobody is thrown out for it: pages say 503, sockets stay, and then it goes on."""
    async with running_house(tmp_path, database_url=postgres_url) as house:
        shop = await house.shop()
        async with house.client(shop.room_id, shop.host) as client:
            postgres_server.crash()
            try:
                started_s = time.monotonic()
                answer = await house.fetch("/readyz")
                assert answer.status == 503, answer.body
                assert b'"database":false' in answer.body
                assert (await house.fetch("/healthz")).status == 200
                assert (await house.fetch("/metrics")).status == 200
                refused = await house.fetch(f"/v1/products/{new_id()}")
                assert refused.status == 503
                assert b'"code":"unavailable"' in refused.body
                # Long enough for every part to have met the outage.
                await asyncio.sleep(max(0.0, 3 - (time.monotonic() - started_s)))
                assert not house.house.failed.is_set()
            finally:
                postgres_server.start()
            until_s = time.monotonic() + 10
            while (await house.fetch("/readyz")).status != 200:
                assert time.monotonic() < until_s
                await asyncio.sleep(0.1)
            assert client.reconnects == 0
            # Failures are remembered for half a second.
            await asyncio.sleep(0.6)
            assert (await client.call(SendChat(id=new_id(), text="back"))).text == "back"
            assert not house.house.failed.is_set()


async def test_a_part_that_dies_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from livecommerce.stock.service import Stock

    async def broken(self: Stock) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(Stock, "run", broken)
    async with running_house(tmp_path) as house:
        async with asyncio.timeout(5):
            await house.house.failed.wait()
            await house.house.until(asyncio.Event())


async def test_a_port_of_its_own_is_a_second_door(tmp_path: Path):
    async with running_house(tmp_path, own_port=free_port()) as house:
        own_port = house.services.settings.own_port
        assert own_port != house.port
        own = await house.http.get(f"http://127.0.0.1:{own_port}/healthz")
        assert own.status == (await house.fetch("/healthz")).status == 200
        socket = await LiveSocket.open(own_port)
        socket.abort()


async def test_metrics_are_told_at_an_address_of_their_own(tmp_path: Path):
    port, inside = free_port(), "127.0.0.2"
    async with running_house(tmp_path, own_port=port, own_host=inside) as house:
        assert (await house.fetch("/metrics")).status == 404
        for path in ("metrics", "healthz"):
            own = await house.http.get(f"http://{inside}:{port}/{path}")
            assert own.status == 200
        assert (await house.fetch("/healthz")).status == 200
        with pytest.raises(aiohttp.ClientConnectorError):
            await house.http.get(f"http://127.0.0.1:{port}/metrics")


async def test_a_port_of_its_own_is_another_one(tmp_path: Path):
    port = free_port()
    settings = Settings(
        data_dir=tmp_path, host="127.0.0.1", port=port, own_host="127.0.0.2", own_port=port
    )
    with pytest.raises(BadSettings, match="LIVECOMMERCE_OWN_PORT"):
        async with open_house(settings):
            pass


async def test_a_place_that_cannot_be_had_is_told_by_its_setting(tmp_path: Path):
    async with running_house(tmp_path / "one") as house:
        taken = Settings(data_dir=tmp_path / "two", host="127.0.0.1", port=house.port)
        nowhere = Settings(data_dir=tmp_path / "two", host="no-such-host.invalid", port=free_port())
        for settings, told in ((taken, "Address already in use"), (nowhere, "no-such-host")):
            with pytest.raises(BadSettings, match=f"LIVECOMMERCE_PORT: .*{told}") as problem:
                async with open_house(settings):
                    pass
            assert "Unknown error" not in str(problem.value)


async def test_a_slow_download_does_not_keep_the_house_open(tmp_path: Path):
    media = tmp_path / "media"
    media.mkdir()
    with (media / "film.mp4").open("wb") as film:
        film.truncate(200_000_000)
    async with running_house(tmp_path) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port, limit=1024)
        writer.write(b"GET /media/film.mp4 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        started_s = time.monotonic()
    assert time.monotonic() - started_s < 8
    writer.transport.abort()


async def test_the_house_closes_with_its_viewers_in_it(tmp_path: Path):
    async with running_house(tmp_path) as house:
        shop: Shop = await house.shop()
        clients: list[RoomClient] = [
            await house.client(shop.room_id, reconnect=False).__aenter__() for _ in range(20)
        ]
        started_s = time.monotonic()
        await house.house.door.drain(0.5)
    assert time.monotonic() - started_s < 5
    for client in clients:
        async with asyncio.timeout(5):
            async for _ in client.events():
                pass
        await client.close()
