import orjson
import pytest

from tests.support.house import OpenedHouse
from tests.support.sockets import new_command_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def told(house: OpenedHouse, token: str | None, body: bytes, **headers: str):
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    shop_headers = {"Content-Type": "application/json", **headers}
    answer = await house.fetch(
        "/v1/rooms/nothing/commands", method="POST", data=body, headers=shop_headers
    )
    document = orjson.loads(answer.body)
    return answer.status, document["code"], document.get("field")


@pytest.mark.parametrize("verb", ["hello", "join", "leave", "renew", "ping"])
async def test_what_is_about_a_connection_has_none_here(house: OpenedHouse, verb: str):
    person = await house.person()
    extra = {"join": {"room": "r"}, "renew": {"token": "t"}}.get(verb, {})
    body = orjson.dumps({"t": verb, "id": new_command_id(), **extra})
    assert (await told(house, person.token, body))[:2] == (400, "unknown_verb")


async def test_refusals_in_their_order(house: OpenedHouse):
    token = (await house.person()).token
    chat = orjson.dumps({"t": "send_chat", "id": new_command_id(), "text": "hello"})
    assert (await told(house, None, chat))[:2] == (401, "unauthenticated")
    plain = await told(house, token, chat, **{"Content-Type": "text/plain"})
    assert plain[:2] == (415, "unsupported_media_type")
    assert (await told(house, token, b"{"))[:2] == (400, "bad_json")
    assert (await told(house, token, b'{"t":"send_chat","id":"short","text":"x"}'))[:2] == (
        400,
        "bad_id",
    )
    assert (await told(house, token, chat))[:2] == (404, "not_found")


async def test_a_repeated_id_has_one_effect(house: OpenedHouse):
    shop = await house.shop()
    said = {"t": "send_chat", "id": new_command_id(), "text": "once"}
    path = f"/v1/rooms/{shop.slug}/commands"
    first = await shop.host.ask("POST", path, said)
    again = await shop.host.ask("POST", path, said)
    assert first == again
    async with house.client(shop.room_id) as client:
        lines = [event for event in client.mirror.recent if getattr(event, "text", "") == "once"]
    assert len(lines) == 1
