"""The law of snapshots: what a newcomer is shown is what a viewer made of all the events."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.events import Event, StateEvent, VolatileEvent
from livecommerce.realtime.room_log import RoomSeed
from livecommerce.shows.room_state import RoomState, apply_all, from_snapshot
from livecommerce.shows.wire import (
    Ban,
    DeleteMessage,
    MoveOffer,
    MoveShow,
    PinOffer,
    PinSale,
    PinText,
    RemoveOffer,
    SendLikes,
    SetChatRules,
    UndoPin,
    Unpin,
)
from livecommerce.stock.wire import PlanSale, StartSale
from tests.shows.world import World, code_of, command, open_world


@pytest.fixture
async def world(url: str, tmp_path: Path) -> AsyncIterator[World]:
    world = await open_world(url, tmp_path)
    yield world
    await world.close()


def room_of(seed: RoomSeed) -> RoomState:
    everything = (seed.state, seed.recent, seed.volatile)
    state, recent, volatile = (
        [event for event in part if not isinstance(event, tuple)] for part in everything
    )
    return from_snapshot(
        [event for event in state if isinstance(event, StateEvent)],
        recent,
        [event for event in volatile if isinstance(event, VolatileEvent)],
    )


def shown(room: RoomState) -> dict[str, object]:
    """All that a viewer sees; ids and times of state events are their own business."""
    state = {key: _facts(event) for key, event in room.shown.items()}
    recent = [(event.id, event.at, _facts(event)) for event in room.recent]
    return {
        "state": state,
        "recent": recent,
        "volatile": {key: _facts(event) for key, event in room.volatile.items()},
    }


def _facts(event: Event) -> dict[str, object]:
    facts = msgspec.to_builtins(event)
    return {name: value for name, value in facts.items() if name not in ("id", "at")}


async def test_a_fresh_room(world: World):
    seed = await world.snapshots.load_room(world.room_id)
    assert set(room_of(seed).shown) == {"bag", "chat_rules"}
    assert seed.recent == []


async def test_there_is_no_such_room(world: World):
    with pytest.raises(Refused) as refused:
        await world.snapshots.load_room("nowhere")
    assert code_of(refused) is Code.NOT_FOUND


async def test_a_whole_evening(world: World):
    """Every kind of event there is; after each the snapshot equals the events applied."""
    room_id, host, shows = world.room_id, world.host, world.shows
    start = room_of(await world.snapshots.load_room(room_id))
    sami = await world.person("Sami")

    async def check() -> None:
        seed = await world.snapshots.load_room(room_id)
        told = apply_all(start, world.seen())
        # Likes are told a few times a second, and stored now and then.
        assert shown(told)["state"] == shown(room_of(seed))["state"]
        assert shown(told)["recent"] == shown(room_of(seed))["recent"]

    await shows.running.move_show(host, room_id, command(MoveShow, to="lobby"))
    await check()
    lamp, oud = await world.offer("Lamp", variants=3), await world.offer("Oud")
    await check()
    await shows.running.move_show(host, room_id, command(MoveShow, to="live"))
    await shows.pins.pin_offer(host, room_id, command(PinOffer, offer_id=lamp.id))
    await check()
    await shows.pins.pin_text(host, room_id, command(PinText, text="Welcome"))
    await shows.pins.pin_offer(host, room_id, command(PinOffer, offer_id=oud.id))
    await check()
    await shows.pins.undo_pin(host, room_id, command(UndoPin, slot=1))
    await check()
    await shows.bag.move_offer(host, room_id, command(MoveOffer, offer_id=lamp.id, number=2))
    await check()
    sale = await world.stock.plan_sale(
        host,
        room_id,
        command(PlanSale, offer_id=oud.id, variant_id=oud.variant_id, price_minor=5_000, quota=3),
    )
    await shows.pins.pin_sale(host, room_id, command(PinSale, sale_id=sale.id, slot=2))
    await check()
    await world.stock.start_sale(host, room_id, command(StartSale, sale_id=sale.id))
    await check()
    await world.stock.adjust(host, lamp.variant_id, delta=5, reason="found some")
    await check()
    first = await world.say(sami, "hello")
    world.clock.advance(1_000)
    await world.say(sami, "is it real?", reply_to=first)
    await check()
    await shows.archive.store()
    await check()
    await shows.chat.set_chat_rules(host, room_id, command(SetChatRules, slow_mode_s=5))
    world.clock.advance(10_000)
    kept = await world.say(host, "welcome all")
    bad = await world.say(sami, "bad")
    await check()
    await shows.moderating.delete_message(host, room_id, command(DeleteMessage, message_id=bad))
    await check()
    await shows.moderating.ban(host, room_id, command(Ban, person_id=sami.person_id))
    await check()
    await shows.likes.send_likes(host, room_id, command(SendLikes, count=9))
    shows.likes.tell_changed()
    seed = await world.snapshots.load_room(room_id)
    assert shown(apply_all(start, world.seen())) == shown(room_of(seed))
    await shows.pins.unpin(host, room_id, command(Unpin, slot=1))
    await shows.bag.remove_offer(host, room_id, command(RemoveOffer, offer_id=lamp.id))
    await check()
    await shows.running.move_show(host, room_id, command(MoveShow, to="ended"))
    await check()
    assert [event.id for event in await world.recent()] == [kept]


async def test_the_fifty_last_messages_are_shown(world: World):
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to="live"))
    start = room_of(await world.snapshots.load_room(world.room_id))
    for number in range(70):
        world.clock.advance(10)
        await world.say(world.host, f"{number}")
        if number == 40:
            await world.shows.archive.store()
    seed = await world.snapshots.load_room(world.room_id)
    assert [event.text for event in await world.recent()] == [f"{n}" for n in range(20, 70)]
    assert shown(apply_all(start, world.seen())) == shown(room_of(seed))


async def test_another_process_loads_the_same_room(world: World, tmp_path: Path):
    if world.database.dialect == "sqlite":
        return
    lamp = await world.offer("Lamp")
    await world.shows.pins.pin_offer(world.host, world.room_id, command(PinOffer, offer_id=lamp.id))
    url = world.database.url.render_as_string(hide_password=False)
    other = await open_world(url, tmp_path, create=False, like=world)
    try:
        here, there = [await w.snapshots.load_room(world.room_id) for w in (world, other)]
        assert shown(room_of(here)) == shown(room_of(there))
    finally:
        await other.close()
