"""Rooms: made, changed, found, listed."""

import asyncio

import msgspec
import pytest

from livecommerce.catalogue.wire import Text
from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.accounts import Actor
from livecommerce.shows.wire import MoveShow, PlanShow, RoomDraft, RoomPatch
from tests.shows.world import World, code_of, command


async def test_who_makes_a_room_is_its_host(world: World):
    room = await world.make_room("lamps")
    assert (room.host_id, room.host_name) == (world.host.person_id, "Huda")
    assert "show.run" in room.capabilities
    assert (await world.shows.rooms.view("lamps", None)).id == room.id
    assert (await world.shows.rooms.view(room.id, None)).capabilities == []
    facts = await world.shows.rooms.facts(room.id)
    assert (facts.host_id, facts.market, facts.slug) == (world.host.person_id, "SA", "lamps")


async def test_a_slug_is_one_rooms(world: World):
    await world.make_room("lamps")
    with pytest.raises(Refused) as refused:
        await world.make_room("lamps")
    assert (code_of(refused), refused.value.field) == (Code.ALREADY_EXISTS, "slug")


async def test_of_many_who_want_a_slug_one_gets_it(world: World):
    answers = await asyncio.gather(
        *(world.make_room("oud") for _ in range(8)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [one.code for one in refused] == [Code.ALREADY_EXISTS] * 7


async def test_a_slug_of_digits_as_long_as_an_id_is_found(world: World):
    room = await world.make_room("1" * 26)
    world.clock.advance(3_600_000)
    await world.shows.memory.refresh()
    assert world.shows.memory.known(room.id) is None
    assert await world.shows.rooms.resolve("1" * 26) == room.id


@pytest.mark.parametrize(
    "ref", ["nowhere", "01HZZZZZZZZZZZZZZZZZZZZZZZ", "x" * 64, "a\0b", "\ud800", "سوق", "", "'--"]
)
async def test_a_room_there_is_not(world: World, ref: str):
    with pytest.raises(Refused) as refused:
        await world.shows.rooms.view(ref, None)
    assert code_of(refused) is Code.NOT_FOUND


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": Text(en=" \u200b")}, "title"),
        ({"title": Text(en="x" * 121)}, "title"),
        ({"market": "QQ"}, "market"),
        ({"playback_url": "javascript:alert(1)"}, "playback_url"),
        ({"poster_url": "//evil.example/p.png"}, "poster_url"),
    ],
)
async def test_what_a_room_cannot_be(world: World, fields, field):
    draft = RoomDraft(slug="lamps", **{"title": Text(en="a"), **fields})
    with pytest.raises(Refused) as refused:
        await world.shows.rooms.create(world.host, draft)
    assert (code_of(refused), refused.value.field) == (Code.BAD_FIELD, field)


async def test_a_guest_makes_no_room(world: World):
    guest = Actor("01GUEST", "Guest", "guest")
    with pytest.raises(Refused) as refused:
        await world.make_room("lamps", guest)
    assert code_of(refused) is Code.FORBIDDEN


async def test_an_edit_changes_what_it_names(world: World):
    room = await world.shows.rooms.edit(
        world.host, world.room.slug, RoomPatch(playback_url="https://cdn.example/a.m3u8")
    )
    assert (room.playback_url, room.title) == ("https://cdn.example/a.m3u8", world.room.title)
    room = await world.shows.rooms.edit(
        world.host, room.id, RoomPatch(playback_url=None, title=Text(ar="سوق الليل"))
    )
    assert (room.playback_url, room.title) == (None, Text(ar="سوق الليل"))
    same = await world.shows.rooms.edit(world.host, room.id, RoomPatch())
    assert same == room


async def test_only_who_may_edits_a_room(world: World):
    stranger, moderator = await world.person("Sami"), await world.moderator()
    for actor in (stranger, moderator):
        with pytest.raises(Refused) as refused:
            await world.shows.rooms.edit(actor, world.room_id, RoomPatch(title=Text(en="mine")))
        assert code_of(refused) is Code.FORBIDDEN


async def test_rooms_on_air_are_listed_first(world: World):
    for slug in ("ended", "planned", "sooner", "lobby", "live", "quiet"):
        world.clock.advance(1_000)
        room = await world.make_room(slug)
        run = world.shows.running
        if slug in ("planned", "sooner"):
            starts_at = world.clock.now_ms() + (10_000 if slug == "planned" else 5_000)
            await run.plan_show(
                world.host, room.id, command(PlanShow, title=Text(en="x"), starts_at=starts_at)
            )
        elif slug != "quiet":
            to = slug if slug != "ended" else "live"
            await run.move_show(world.host, room.id, command(MoveShow, to=to))
        if slug == "ended":
            await run.move_show(world.host, room.id, command(MoveShow, to="ended"))
    world.viewers[(await world.shows.rooms.resolve("live"))] = 12
    listed = (await world.shows.rooms.list_rooms()).rooms
    assert [room.slug for room in listed] == [
        "live", "lobby", "sooner", "planned", "quiet", "ended", world.room.slug,
    ]  # fmt: skip
    assert listed[0].viewers == 12
    assert listed[0].show is not None
    assert listed[0].show.state == "live"
    assert msgspec.json.encode(listed)
