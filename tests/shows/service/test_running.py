"""Shows: planned, opened, on air, paused, ended."""

import asyncio

import pytest

from livecommerce.catalogue.wire import Text
from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.wire import LikesCounted, MoveShow, PlanShow, SendLikes, ShowChanged
from livecommerce.stock.wire import PlanSale
from tests.shows.world import World, code_of, command


async def move(world: World, to: str, **fields):
    return await world.shows.running.move_show(
        fields.pop("actor", world.host), world.room_id, command(MoveShow, to=to)
    )


async def plan(world: World, title: str = "Oud night", **fields):
    return await world.shows.running.plan_show(
        world.host, world.room_id, command(PlanShow, title=Text(en=title), **fields)
    )


async def test_a_show_from_plan_to_end(world: World):
    planned = await plan(world, starts_at=1_800_000_100_000)
    assert (planned.state, planned.starts_at) == ("scheduled", 1_800_000_100_000)
    show = planned
    for to in ("lobby", "live", "paused", "live", "ended"):
        world.clock.advance(10)
        show = await move(world, to)
        assert (show.id, show.state) == (planned.id, to)
    assert show.started_at == 1_800_000_000_020
    told = world.events(ShowChanged)
    assert [event.show.state for event in told] == [
        "scheduled", "lobby", "live", "paused", "live", "ended",
    ]  # fmt: skip
    versions = [event.version for event in told]
    assert versions == sorted(set(versions))
    room = await world.shows.rooms.view(world.room_id, None)
    assert room.show == show


async def test_going_live_plans_a_show(world: World):
    show = await move(world, "live")
    assert (show.title, show.state) == (Text(en="Souq", ar="سوق"), "live")
    await move(world, "ended")
    second = await move(world, "lobby")
    assert second.id != show.id


async def test_what_has_not_begun_cannot_pause_or_end(world: World):
    for to in ("paused", "ended"):
        with pytest.raises(Refused) as refused:
            await move(world, to)
        assert code_of(refused) is Code.BAD_TRANSITION
    await move(world, "live")
    with pytest.raises(Refused) as refused:
        await plan(world)
    assert code_of(refused) is Code.BAD_TRANSITION


async def test_the_end_of_a_show_ends_its_sales(world: World):
    await move(world, "live")
    lamp = await world.offer("Lamp", on_hand=9)

    async def planned(**fields):
        wish = command(
            PlanSale,
            offer_id=lamp.id,
            variant_id=lamp.variant_id,
            price_minor=5_000,
            quota=2,
            **fields,
        )
        return await world.stock.plan_sale(world.host, world.room_id, wish)

    armed = await planned()
    later = await planned(starts_at=world.clock.now_ms() + 86_400_000)
    await move(world, "ended")
    phases = {sale.id: sale.phase for sale in await world.stock.sales_of_room(world.room_id)}
    assert phases == {armed.id: "cancelled", later.id: "scheduled"}


async def test_versions_rise_over_shows_and_edits(world: World):
    await move(world, "live")
    await move(world, "ended")
    await plan(world)
    versions = [event.version for event in world.events(ShowChanged)]
    assert versions == sorted(set(versions))


async def test_only_the_hosts_side_runs_a_show(world: World):
    cohost = await world.moderator("Co", role="co_host")
    for actor in (await world.person("Sami"), await world.moderator()):
        with pytest.raises(Refused) as refused:
            await move(world, "live", actor=actor)
        assert code_of(refused) is Code.FORBIDDEN
    assert (await move(world, "live", actor=cohost)).state == "live"


async def test_the_same_command_is_done_once(world: World):
    sent = command(MoveShow, to="live")
    first = await world.shows.running.move_show(world.host, world.room_id, sent)
    again = await world.shows.running.move_show(world.host, world.room_id, sent)
    assert first == again
    assert len(world.events(ShowChanged)) == 1
    other = await world.make_room("other")
    with pytest.raises(Refused) as refused:
        await world.shows.running.move_show(world.host, other.id, sent)
    assert code_of(refused) is Code.IDEMPOTENCY_MISMATCH


async def test_of_many_who_go_live_one_does(world: World):
    answers = await asyncio.gather(*(move(world, "live") for _ in range(6)), return_exceptions=True)
    shows = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(shows) == 1
    assert {a.code for a in answers if isinstance(a, Refused)} == {Code.BAD_TRANSITION}


async def test_two_processes_begin_one_show(worlds: tuple[World, World]):
    one, other = worlds
    await other.shows.memory.room(one.room_id)
    answers = await asyncio.gather(move(one, "live"), move(other, "live"), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    # The other process has the old show in memory; its host ends the new one all the same.
    await move(one, "ended")
    await move(one, "lobby")
    assert (await move(other, "ended")).state == "ended"


async def test_likes_begin_anew_with_the_show(world: World):
    await move(world, "live")
    await world.shows.likes.send_likes(world.host, world.room_id, command(SendLikes, count=5))
    world.shows.likes.tell_changed()
    await move(world, "ended")
    await plan(world)
    assert [event.total for event in world.events(LikesCounted)][-1] == 0
