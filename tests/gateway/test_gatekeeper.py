"""What a socket is shown follows what its person may do, while it is open."""

import asyncio
import time
from typing import Any

import pytest

from tests.support.house import OpenedHouse
from tests.support.shop import Host, Shop, furnish
from tests.support.sockets import LiveSocket, new_command_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

SOON_S = 4.0


class Watcher:
    """A socket that notes what it is shown."""

    def __init__(self, socket: LiveSocket) -> None:
        self.socket = socket
        self.regraded: list[list[str]] = []
        self.sales = 0
        self.snapshots = 0
        socket.on_message = self._note

    def _note(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "regraded":
                self.regraded.append(message["capabilities"])
            case "snapshot":
                self.snapshots += 1
            case "batch":
                events = message.get("events", ())
                self.sales += sum(event["t"] == "sale_made" for event in events)


async def watching(house: OpenedHouse, shop: Shop, person: Host) -> Watcher:
    socket = await LiveSocket.connect(house.port)
    watcher = Watcher(socket)
    reply = await socket.hello(token=person.token, room=shop.room_id)
    assert reply["t"] == "welcome", reply
    return watcher


async def until(holds: Any) -> None:
    until_s = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < until_s
        await asyncio.sleep(0.05)


async def grant(shop: Shop, person: Host, **terms: Any) -> dict[str, Any]:
    body = {"person_id": person.person_id, "role": "moderator", **terms}
    given: dict[str, Any] = await shop.host.ask("POST", f"/v1/rooms/{shop.room_id}/grants", body)
    return given


async def sell_one(house: OpenedHouse, shop: Shop) -> None:
    """A purchase that staff is told of and viewers are not."""
    goods = await shop.add_goods(new_command_id()[-12:], on_hand=1)
    buyer = await house.person("Dana")
    wallet = await furnish(house.api, buyer.token, number=7)
    body = {
        "room_id": shop.room_id,
        "variant_id": goods.variant_id,
        "offer_id": goods.offer_id,
        "expected_total_minor": goods.price_minor + await shop.delivery_minor(),
        "currency": "SAR",
        "address_id": wallet.address_id,
        "payment": {"method": "card", "card_id": wallet.card_id},
    }
    await house.api.post("/v1/orders", body, token=buyer.token, key=new_command_id())


async def test_a_role_reaches_the_open_socket_and_leaves_it_again(house: OpenedHouse):
    shop, helper = await house.shop(), await house.person("Salem")
    host, watcher = await watching(house, shop, shop.host), await watching(house, shop, helper)
    await sell_one(house, shop)
    await until(lambda: host.sales)
    assert watcher.sales == 0

    given = await grant(shop, helper)
    await until(lambda: watcher.regraded)
    assert "chat.moderate" in watcher.regraded[-1] or watcher.regraded[-1]
    await until(lambda: watcher.snapshots == 2)
    await sell_one(house, shop)
    await until(lambda: watcher.sales)

    await shop.host.ask("DELETE", f"/v1/rooms/{shop.room_id}/grants/{given['id']}")
    await until(lambda: len(watcher.regraded) == 2)
    assert watcher.regraded[-1] == []
    seen, told = watcher.sales, host.sales
    await sell_one(house, shop)
    await until(lambda: host.sales > told)
    await asyncio.sleep(0.2)
    assert watcher.sales == seen
    # Whose role did not change was not shown the room anew.
    assert host.regraded == []


async def test_a_role_that_runs_out_leaves_the_socket(house: OpenedHouse):
    shop, helper = await house.shop(), await house.person("Salem")
    watcher = await watching(house, shop, helper)
    await grant(shop, helper, expires_at=house.services.clock.now_ms() + 2_500)
    await until(lambda: watcher.regraded and watcher.regraded[-1])
    await until(lambda: watcher.regraded[-1] == [])


async def test_a_role_taken_before_anybody_looked_is_taken(house: OpenedHouse):
    """The room was not open yet when the role was there; what counts is what was shown."""
    shop, helper = await house.shop(), await house.person("Salem")
    given = await grant(shop, helper)
    watcher = await watching(house, shop, helper)
    await shop.host.ask("DELETE", f"/v1/rooms/{shop.room_id}/grants/{given['id']}")
    await until(lambda: watcher.regraded)
    assert watcher.regraded == [[]]


async def test_who_is_banned_is_closed_out_of_that_room_alone(house: OpenedHouse):
    shop, elsewhere = await house.shop(), await house.shop()
    person = await house.person()
    here, there = await watching(house, shop, person), await watching(house, elsewhere, person)
    await shop.command("ban", person_id=person.person_id)
    await until(lambda: here.socket.is_lost)
    assert here.socket.close_code == 4500
    socket = await LiveSocket.connect(house.port)
    reply = await socket.hello(token=person.token, room=shop.room_id)
    assert reply["code"] == "banned"
    await until(lambda: socket.is_lost)
    assert socket.close_code == 4500
    assert not there.socket.is_lost


async def test_signing_out_closes_the_sockets_of_that_sign_in(house: OpenedHouse):
    shop, person = await house.shop(), await house.person()
    again = await house.api.post(
        "/v1/auth/sign-in", {"login": person.login, "password": "a long enough password"}
    )
    mine = await watching(house, shop, person)
    other = await LiveSocket.open(house.port, token=again["access_token"], room=shop.room_id)
    await house.api.post(
        "/v1/auth/sign-out", {"refresh_token": again["refresh_token"]}, token=again["access_token"]
    )
    await until(lambda: other.is_lost)
    assert other.close_code == 4401
    assert not mine.socket.is_lost
    refused = await LiveSocket.connect(house.port)
    reply = await refused.hello(token=again["access_token"], room=shop.room_id)
    assert reply["code"] == "unauthenticated"


async def test_a_visitor_watches_and_does_nothing_else(house: OpenedHouse):
    shop = await house.shop()
    socket = await LiveSocket.open(house.port, room=shop.room_id)
    reply = await socket.ask({"t": "send_chat", "id": new_command_id(), "text": "hello"})
    assert reply["code"] == "unauthenticated"
    socket.abort()
