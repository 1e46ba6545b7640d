"""What a node remembers of rooms: fresh enough, read once for a crowd, forgotten when idle."""

import asyncio
from dataclasses import replace

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.service.recollection import Lately, Recollection
from livecommerce.shows.store import reading
from livecommerce.shows.wire import Author, ChatPosted, MoveShow, PinOffer, SetChatRules
from tests.shows.world import World, code_of, command


def message(id: str, at: int, author: str = "p1") -> ChatPosted:
    return ChatPosted(id=id, at=at, author=Author(id=author, name="Sami"), text="hi")


def test_the_longest_silent_is_forgotten_first():
    lately: Lately[int] = Lately(2)
    for name, value in [("a", 1), ("b", 2), ("a", 3), ("c", 4)]:
        lately.put(name, value)
    assert "b" not in lately
    assert (lately.get("a"), lately.get("c"), len(lately)) == (3, 4, 2)


async def test_a_crowd_reads_a_room_once(world: World, monkeypatch):
    readings = []
    read = reading.standings

    async def counted(connection, room_ids, known_bags=None):
        readings.append(list(room_ids))
        return await read(connection, room_ids, known_bags)

    monkeypatch.setattr(reading, "standings", counted)
    world.clock.advance(3_000)
    rooms = await asyncio.gather(*(world.shows.memory.room(world.room_id) for _ in range(50)))
    assert len({id(room) for room in rooms}) == 1
    assert readings == [[world.room_id]]


async def test_memory_is_believed_for_two_seconds(world: World):
    first = await world.shows.memory.room(world.room_id)
    read_at_s = first.read_at_s
    world.clock.advance(2_000)
    assert (await world.shows.memory.room(world.room_id)).read_at_s == read_at_s
    world.clock.advance(1)
    assert (await world.shows.memory.room(world.room_id)).read_at_s > read_at_s


async def test_an_idle_room_is_forgotten(world: World):
    await world.shows.memory.room(world.room_id)
    world.clock.advance(600_001)
    await world.shows.memory.refresh()
    assert world.shows.memory.known(world.room_id) is None
    assert world.shows.memory.id_of_slug(world.room.slug) is None


async def test_there_is_no_such_room(world: World):
    results = await asyncio.gather(
        *(world.shows.memory.room("nowhere") for _ in range(3)), return_exceptions=True
    )
    assert {result.code for result in results if isinstance(result, Refused)} == {Code.NOT_FOUND}
    with pytest.raises(Refused) as refused:
        await world.shows.memory.reread("nowhere")
    assert code_of(refused) is Code.NOT_FOUND


async def test_an_older_reading_does_not_undo_a_newer_one(world: World):
    old = (await world.shows.memory.room(world.room_id)).standing
    await world.offer("Lamp")
    await world.shows.chat.set_chat_rules(
        world.host, world.room_id, command(SetChatRules, slow_mode_s=9)
    )
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    room = await world.shows.memory.room(world.room_id)
    new = room.standing
    room.take(old, world.clock.mono_s())
    assert room.standing == replace(new, likes=0)


async def test_removed_messages_leave_no_text(world: World):
    room = Recollection((await world.shows.memory.room(world.room_id)).standing, 0.0)
    room.hear(message("m1", 10))
    room.hear(message("m2", 20))
    room.hear(message("m1", 99))
    room.forget(["m1", "m3"])
    room.hear(message("m3", 30))
    assert [said.id for said in room.standing_messages()] == ["m2"]
    assert "hi" not in repr(room.messages.get("m1"))
    assert room.last_said_at.get("p1") == 20
    assert room.last_at == 20


async def test_showing_knows_every_room_and_its_changes(world: World):
    lamp = await world.offer("Lamp", variants=2)
    await world.shows.pins.pin_offer(world.host, world.room_id, command(PinOffer, offer_id=lamp.id))
    showing = type(world.showing)(database=world.database)
    assert showing.rooms(lamp.variant_id) == ()
    await showing.refresh()
    assert showing.rooms(lamp.variant_id) == (world.room_id,)
    showing.expect("r2", [lamp.variant_id])
    assert set(showing.rooms(lamp.variant_id)) == {world.room_id, "r2"}
    await showing.refresh_room("r2")
    assert showing.rooms(lamp.variant_id) == (world.room_id,)
    await showing.refresh()
    assert showing.rooms("no-such-variant") == ()


async def test_the_rounds_go_on_until_cancelled(world: World):
    running = asyncio.create_task(world.shows.run())
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    await world.say(world.host, "hi")
    async with asyncio.timeout(10):
        while True:
            async with world.database.reading() as connection:
                archived = await reading.recent_messages(connection, world.room_id, limit=5)
            if archived:
                break
            await asyncio.sleep(0.05)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
