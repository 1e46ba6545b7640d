"""Likes: summed, told as totals, stored now and then."""

import pytest

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.service.likes import viewers_counted, visitors_counted
from livecommerce.shows.store.tables import shows
from livecommerce.shows.wire import LikesCounted, MoveShow, SendLikes
from tests.shows.world import World, code_of, command


async def go(world: World, to: str = "live"):
    await world.shows.running.move_show(world.host, world.room_id, command(MoveShow, to=to))


async def like(world: World, actor, count: int):
    await world.shows.likes.send_likes(actor, world.room_id, command(SendLikes, count=count))


def totals(world: World) -> list[int]:
    return [event.total for event in world.events(LikesCounted)]


async def stored(world: World) -> list[int]:
    return [row["likes"] for row in await world.database.fetch(shows.select())]


async def test_taps_are_summed_and_told_as_a_total(world: World):
    await go(world)
    sami, rana = await world.person("Sami"), await world.person("Rana")
    told = len(totals(world))
    await like(world, sami, 7)
    await like(world, rana, 5)
    world.shows.likes.tell_changed()
    world.shows.likes.tell_changed()
    assert totals(world)[told:] == [12]
    assert await stored(world) == [0]
    await world.shows.likes.store()
    assert await stored(world) == [12]
    assert await world.shows.likes.total(world.room_id) == 12
    world.shows.likes.tell_changed()
    assert totals(world)[told:] == [12]


async def test_a_quick_finger_is_counted_to_its_cap(world: World):
    await go(world)
    sami = await world.person("Sami")
    for _ in range(10):
        await like(world, sami, 15)
    assert await world.shows.likes.total(world.room_id) == 15
    world.clock.advance(1_000)
    await like(world, sami, 15)
    assert await world.shows.likes.total(world.room_id) == 30


async def test_likes_need_a_show(world: World):
    with pytest.raises(Refused) as refused:
        await like(world, world.host, 1)
    assert code_of(refused) is Code.SHOW_NOT_OPEN


async def test_the_likes_of_an_ended_show_are_stored_with_it(world: World):
    await go(world)
    await like(world, world.host, 3)
    await go(world, "ended")
    await go(world, "live")
    await like(world, await world.person("Sami"), 2)
    await world.shows.likes.store()
    assert sorted(await stored(world)) == [2, 3]
    assert await world.shows.likes.total(world.room_id) == 2
    await world.shows.likes.store()
    await world.shows.likes.store()
    assert sorted(await stored(world)) == [2, 3]


async def test_two_processes_count_together(worlds: tuple[World, World]):
    one, other = worlds
    await go(one)
    sami, rana = await one.person("Sami"), await one.person("Rana")
    await like(one, sami, 10)
    await like(other, rana, 4)
    await one.shows.likes.store()
    await other.shows.likes.store()
    await one.shows.memory.refresh()
    for world in worlds:
        world.shows.likes.tell_changed()
        assert totals(world)[-1] == 14
    assert await stored(one) == [14]


def test_visitors_are_an_absolute_count():
    event = visitors_counted(42, 1_800_000_000_000)
    assert (event.key, event.unique_viewers, event.at) == ("visitors", 42, 1_800_000_000_000)


def test_viewers_are_an_absolute_count():
    event = viewers_counted("r1", 42, 1_800_000_000_000)
    assert (event.key, event.count, event.at) == ("viewers", 42, 1_800_000_000_000)
