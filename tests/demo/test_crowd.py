"""The simulated audience in a real room, in a hurry."""

import asyncio
import random
from pathlib import Path

import pytest

from livecommerce.client import RoomClient
from livecommerce.demo.crowd import LINES, NAMES, Crowd
from livecommerce.demo.seed import Seeded, seed
from livecommerce.kernel.ids import new_id
from livecommerce.orders.wire import Bought
from livecommerce.people.accounts import Actor
from livecommerce.shows.wire import Ban, ChatPosted, MoveShow, PinOffer
from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Hasty(random.Random):
    """Waits a thousandth of the time, and is always in the mood."""

    def expovariate(self, lambd: float = 1.0) -> float:
        return super().expovariate(lambd) / 100

    def random(self) -> float:
        return super().random() / 20

    def uniform(self, a: float, b: float) -> float:
        return super().uniform(a, b) / 100


async def on_air(house: OpenedHouse, pictures: Path) -> Seeded:
    seeded = await seed(
        house.services, pictures=pictures, playback_url="/media/x.mp4", progress=lambda _: None
    )
    room = await house.services.shows.rooms.view(seeded.room.id, None)
    if room.show is None or room.show.state != "live":
        await house.services.shows.running.move_show(
            seeded.host, seeded.room.id, MoveShow(id=new_id(), to="live")
        )
    return seeded


async def pin(house: OpenedHouse, seeded: Seeded) -> None:
    command = PinOffer(id=new_id(), offer_id=next(iter(seeded.offers.values())), slot=1)
    await house.services.shows.pins.pin_offer(seeded.host, seeded.room.id, command)


async def test_they_chat_and_buy_and_are_marked_and_leave_when_told(
    house: OpenedHouse, pictures: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(random, "Random", Hasty)
    seeded = await on_air(house, pictures)
    async with house.client(seeded.room.id) as client:
        coming = asyncio.create_task(Crowd(house.services, seeded, [house.live_url], 12).run())
        lines: list[ChatPosted] = []
        bought = 0
        async with asyncio.timeout(20):
            opened = False
            async for event in client.events():
                if isinstance(event, ChatPosted):
                    lines.append(event)
                bought += isinstance(event, Bought)
                if not opened and len({line.author.id for line in lines}) >= 6:
                    opened = True
                    await pin(house, seeded)
                if opened and bought >= 2 and len(lines) >= 10:
                    break
        assert {line.text for line in lines} <= set(LINES)
        assert {line.author.role for line in lines} == {"simulated"}
        assert {line.author.name for line in lines} <= set(NAMES)
        assert not coming.done()
        coming.cancel()
        done, _ = await asyncio.wait({coming}, timeout=5)
        assert done
        assert coming.cancelled()
        assert house.house.door.hub.statistics().connections <= 2


async def test_a_member_who_is_banned_stays_away_and_the_others_stay(
    house: OpenedHouse, pictures: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(random, "Random", Hasty)
    seeded = await on_air(house, pictures)
    links = 0
    make_link = house.services.people.make_link

    async def counted(person_id: str, **terms: int) -> str:
        nonlocal links
        links += person_id == "demo-sim-0"
        return await make_link(person_id, **terms)

    monkeypatch.setattr(house.services.people, "make_link", counted)
    coming = asyncio.create_task(Crowd(house.services, seeded, [house.live_url], 3).run())
    try:
        async with asyncio.timeout(10), house.client(seeded.room.id) as client:
            async for event in client.events():
                if isinstance(event, ChatPosted) and event.author.id == "demo-sim-0":
                    break
            await house.services.shows.moderating.ban(
                seeded.host, seeded.room.id, Ban(id=new_id(), person_id="demo-sim-0")
            )
            before = links
            await asyncio.sleep(0.5)
            assert links <= before + 1
            assert not coming.done()
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


async def test_a_bug_in_one_of_them_ends_the_crowd_and_nothing_waits_for_it(
    house: OpenedHouse, pictures: Path, monkeypatch: pytest.MonkeyPatch
):
    """A crowd that had failed once kept the whole demo from ending."""
    seeded = await on_air(house, pictures)

    async def live(self: Crowd, room: RoomClient, actor: Actor, chance: random.Random) -> None:
        await asyncio.sleep(0.2)
        if actor.person_id == "demo-sim-3":
            raise RuntimeError("a bug")
        await asyncio.sleep(60)

    monkeypatch.setattr(Crowd, "_live", live)
    coming = asyncio.create_task(Crowd(house.services, seeded, [house.live_url], 12).run())
    done, _ = await asyncio.wait({coming}, timeout=8)
    assert done
    assert isinstance(coming.exception(), BaseExceptionGroup)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "room client"]
