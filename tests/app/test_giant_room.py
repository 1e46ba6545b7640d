"""A room that is giant by its settings: what each of those in it is shown, end to end."""

import asyncio
from pathlib import Path

from livecommerce.client import CallRefused, RoomClient
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import Event
from livecommerce.shows.wire import ChatPosted, SendChat, VisitorsCounted
from tests.support.house import running_house

SETTINGS = {
    "chat_thin_from_viewers": 1,
    "chat_shown_per_s": 2.0,
    "chat_room_per_s": 30.0,
    "chat_burst": 100.0,
    "deflate": True,
}


def line(text: str, **fields: object) -> SendChat:
    return SendChat(id=new_id(), text=text, **fields)  # type: ignore[arg-type]


async def until(client: RoomClient, last: str) -> list[Event]:
    """What a client is given up to the line of this text."""
    events: list[Event] = []
    async with asyncio.timeout(10):
        async for event in client.events():
            events.append(event)
            if isinstance(event, ChatPosted) and event.text == last:
                break
    return events


def texts(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, ChatPosted)]


async def test_each_is_shown_what_they_can_read_and_what_concerns_them(tmp_path: Path):
    async with running_house(tmp_path, **SETTINGS) as house:
        shop = await house.shop()
        talker, friend = await house.person("Sami"), await house.person("Huda")
        async with (
            house.client(shop.room_id, shop.host) as host,
            house.client(shop.room_id, talker) as talking,
            house.client(shop.room_id, friend) as spoken_to,
            house.client(shop.room_id, codec="json.deflate") as visitor,
        ):
            await spoken_to.call(line("I am here"))
            said = [f"line {number}" for number in range(20)]
            for text in said:
                await talking.call(line(text))
            await talking.call(line("Huda!", mentions=[friend.person_id]))
            # What is told comes behind the batch that it was left out of.
            assert texts(await until(host, "Huda!")) == ["I am here", *said, "Huda!"]
            await host.call(line("last"))

            seen = {
                name: texts(await until(client, "last"))
                for name, client in {
                    "host": host,
                    "talker": talking,
                    "friend": spoken_to,
                    "visitor": visitor,
                }.items()
            }
            everything = ["I am here", *said, "Huda!", "last"]
            assert seen["host"] == ["last"]
            assert sorted(seen["talker"][1:]) == sorted(everything[1:])
            assert {"I am here", "Huda!"} <= set(seen["friend"])
            # A random choice, of more than were shown.
            shown = set(seen["visitor"])
            assert shown < set(everything)
            assert len(seen["friend"]) <= len(seen["visitor"]) + 2
            # Nobody takes what is left out for a loss.
            assert [each.recoveries for each in (talking, spoken_to, visitor)] == [0, 0, 0]
            assert visitor.mirror.offset == host.mirror.offset


async def test_what_is_too_much_for_a_node_is_refused_and_the_staff_is_heard(tmp_path: Path):
    async with running_house(tmp_path, **{**SETTINGS, "chat_room_per_s": 2.0}) as house:
        shop = await house.shop()
        talker = await house.person("Sami")
        async with (
            house.client(shop.room_id, shop.host) as host,
            house.client(shop.room_id, talker) as talking,
        ):
            asked = [talking.call(line(f"line {number}")) for number in range(20)]
            refusals = [
                each
                for each in await asyncio.gather(*asked, return_exceptions=True)
                if isinstance(each, BaseException)
            ]
            assert 10 < len(refusals) < 20
            refused = refusals[-1]
            assert isinstance(refused, CallRefused)
            assert refused.code == "server_busy"
            assert refused.after_ms is not None
            assert (await host.call(line("one after the other"))).text == "one after the other"


async def test_the_staff_is_told_how_many_came(tmp_path: Path):
    async with running_house(tmp_path) as house:
        shop = await house.shop()
        guest = await house.person("Huda")
        async with house.client(shop.room_id, shop.host) as host:
            for _ in range(3):
                async with house.client(shop.room_id, guest) as there:
                    assert not any(
                        isinstance(each, VisitorsCounted) for each in there.mirror.volatile.values()
                    )
            async with asyncio.timeout(10):
                async for event in host.events():
                    if isinstance(event, VisitorsCounted) and event.unique_viewers == 2:
                        break
        metrics = (await house.fetch("/metrics")).body.decode()
        assert "livecommerce_admission_refused_total 0.0" in metrics
