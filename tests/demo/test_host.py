"""The scripted host in a real room, with a clock that runs a round in a second or two."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from livecommerce.client import RoomClient
from livecommerce.demo import host as host_module
from livecommerce.demo import script
from livecommerce.demo.host import ScriptedHost
from livecommerce.demo.seed import Seeded, seed
from livecommerce.kernel.clock import FakeClock
from livecommerce.shows.wire import ChatPosted, PinChanged
from livecommerce.stock.wire import SaleChanged
from tests.support.house import OpenedHouse

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def seeded_in(house: OpenedHouse, pictures: Path) -> Seeded:
    return await seed(
        house.services, pictures=pictures, playback_url="/media/x.mp4", progress=lambda _: None
    )


async def client_of(house: OpenedHouse, seeded: Seeded) -> RoomClient:
    link = await house.services.people.make_link(seeded.host.person_id)
    token = (await house.services.people.link(link, ip="127.0.0.1")).tokens.access_token
    return RoomClient(house.live_url, room=seeded.room.id, token=token)


async def test_a_round_is_played_cue_by_cue(
    house: OpenedHouse, pictures: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(host_module, "_STEP_S", 0.002)
    seeded = await seeded_in(house, pictures)
    clock = FakeClock(now_ms=1_000_000)
    async with await client_of(house, seeded) as client:
        show = ScriptedHost(client, seeded, clock, began_ms=1_000_000)
        playing = asyncio.create_task(show.run())
        seen: list[object] = []

        async def look() -> None:
            async for event in client.events():
                seen.append(event)  # noqa: PERF401 - it has to be there before the end

        looking = asyncio.create_task(look())
        try:
            for _ in range(script.LOOP_S):
                clock.advance(1_000)
                await asyncio.sleep(0.01)
            last = [c.action.text.en for c in script.SCRIPT if isinstance(c.action, script.Say)][-1]
            async with asyncio.timeout(20):
                while last not in [getattr(event, "text", "") for event in seen]:
                    await asyncio.sleep(0.05)
        finally:
            for task in (playing, looking):
                task.cancel()
            await asyncio.gather(playing, looking, return_exceptions=True)

    said = [event.text for event in seen if isinstance(event, ChatPosted)]
    wanted = [
        text
        for cue in script.SCRIPT
        if isinstance(cue.action, script.Say)
        for text in (cue.action.text.ar, cue.action.text.en)
    ]
    assert said == wanted
    pinned = {
        event.pin.offer.id
        for event in seen
        if isinstance(event, PinChanged) and event.pin and event.pin.offer
    }
    wanted_pins = {
        seeded.offers[cue.action.product_key]
        for cue in script.SCRIPT
        if isinstance(cue.action, script.Pin)
    }
    assert wanted_pins <= pinned
    assert any(isinstance(event, SaleChanged) for event in seen)
    room = await house.services.shows.rooms.view(seeded.room.id, None)
    assert room.show is not None
    assert room.show.state == "live"


async def test_who_comes_in_the_middle_catches_up(
    house: OpenedHouse, pictures: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(host_module, "_STEP_S", 0.01)
    seeded = await seeded_in(house, pictures)
    at_s = next(
        cue.at_s + 1
        for cue in script.SCRIPT
        if isinstance(cue.action, script.Pin) and cue.action.slot == script.SIDE_SLOT
    )
    clock = FakeClock(now_ms=1_000_000 + int(at_s * 1000))
    async with await client_of(house, seeded) as client:
        show = ScriptedHost(client, seeded, clock, began_ms=1_000_000)
        playing = asyncio.create_task(show.run())
        wanted = {slot: seeded.offers[key] for slot, key in script.pins_at(at_s).items()}
        assert len(wanted) == 2

        def shown() -> dict[int, str]:
            return {
                event.slot: event.pin.offer.id
                for event in client.mirror.state.values()
                if isinstance(event, PinChanged) and event.pin and event.pin.offer
            }

        try:
            async with asyncio.timeout(5):
                while not wanted.items() <= shown().items():
                    await asyncio.sleep(0.02)
        finally:
            playing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await playing
