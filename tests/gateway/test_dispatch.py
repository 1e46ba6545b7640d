from typing import Any, get_args

import pytest

from livecommerce.gateway.wire import REPLIES, AnyCommand
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import new_id
from livecommerce.orders.wire import CancelOrder, PayOrder, PlaceOrder
from livecommerce.protocol.commands import Hello, Join, Leave, Ping, Renew
from livecommerce.shows.wire import SendChat
from tests.support.house import OpenedHouse
from tests.support.sockets import LiveSocket, new_command_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

ABOUT_A_CONNECTION = {Hello, Join, Leave, Renew, Ping}
WITHOUT_A_ROOM = {PlaceOrder, PayOrder, CancelOrder}


async def test_every_command_has_one_place_that_executes_it(house: OpenedHouse):
    commands = set(get_args(AnyCommand))
    in_room = set(house.house.dispatch.verbs)
    assert in_room | ABOUT_A_CONNECTION | WITHOUT_A_ROOM == commands
    assert commands - {Hello} == set(REPLIES)


async def test_nobody_does_nothing(house: OpenedHouse):
    shop = await house.shop()
    command = SendChat(id=new_id(), text="hello")
    with pytest.raises(Refused) as stranger:
        await house.house.dispatch.execute(None, shop.room_id, command)
    assert stranger.value.code is Code.UNAUTHENTICATED
    actor = await house.actor(shop.host)
    with pytest.raises(Refused) as outside:
        await house.house.dispatch.execute(actor, None, command)
    assert outside.value.code is Code.NOT_JOINED


def without_times(reply: Any) -> Any:
    if isinstance(reply, dict):
        changing = {"id", "at", "request_id"}
        return {
            k: without_times(v) for k, v in reply.items() if k not in changing and k[-3:] != "_at"
        }
    return reply


async def test_a_command_over_http_is_the_command_of_the_socket(house: OpenedHouse):
    """The same reply, the same refusal, and one effect when both carry the same id."""
    one, other = await house.shop(), await house.shop()
    socket = await LiveSocket.open(house.port, token=one.host.token, room=one.room_id)
    for verb, fields in (
        ("send_chat", {"text": "مرحبا"}),
        ("set_chat_rules", {"slow_mode_s": 5}),
        ("pin_text", {"text": "Welcome", "slot": 3}),
        ("move_show", {"to": "paused"}),
    ):
        told = await socket.ask({"t": verb, "id": new_command_id(), **fields})
        answered = await other.command(verb, **fields)
        assert told["t"] == "ok", told
        ours = without_times(told["d"])
        theirs = without_times(answered)
        if "author" in ours:
            ours["author"], theirs["author"] = {}, {}
        if "room_id" in ours:
            ours["room_id"] = theirs["room_id"]
        assert ours == theirs

    for verb, fields in (
        ("send_chat", {"text": ""}),
        ("pin_offer", {"offer_id": "nothing", "slot": 1}),
        ("no_such_verb", {}),
    ):
        told = await socket.ask({"t": verb, "id": new_command_id(), **fields})
        answer = await house.fetch(
            f"/v1/rooms/{one.slug}/commands",
            method="POST",
            json={"t": verb, "id": new_command_id(), **fields},
            headers={"Authorization": f"Bearer {one.host.token}"},
        )
        assert told["t"] == "err"
        assert f'"code":"{told["code"]}"'.encode() in answer.body

    same = {"t": "add_offer", "id": new_command_id()}
    goods = await one.add_goods(new_id()[-8:], on_hand=1)
    same["product_id"] = goods.product_id
    first = await socket.ask(same)
    again = await house.fetch(
        f"/v1/rooms/{one.slug}/commands",
        method="POST",
        json=same,
        headers={"Authorization": f"Bearer {one.host.token}"},
    )
    assert (first["t"] == "ok") is (again.status == 200)
    socket.abort()
