"""What a process says of itself, and how it gets rid of what nobody needs."""

import asyncio
import contextlib
import gc
import os
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from livecommerce.app import process
from tests.support.house import running_house


async def test_memory_tasks_and_files_are_told():
    before = process.process_statistics()
    kept = [object() for _ in range(50_000)]
    waiting = asyncio.create_task(asyncio.sleep(60))
    with Path(os.devnull).open() as _:
        after = process.process_statistics()
    assert after["memory_blocks"] - before["memory_blocks"] > len(kept) * 0.9
    assert after["tasks"] == before["tasks"] + 1
    if "open_files" in after:
        assert after["open_files"] == before["open_files"] + 1
        assert after["resident_bytes"] > 20 * 2**20
    waiting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting


class Loop:
    """Something that only the collector gets rid of."""

    def __init__(self) -> None:
        self.itself = self


async def gone(left: weakref.ref[Loop]) -> None:
    async with asyncio.timeout(10):
        while left() is not None:
            await asyncio.sleep(0.02)


async def test_what_a_show_leaves_goes_with_its_last_viewer_and_then_with_its_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(process, "IDLE_LOOK_S", 0.05)
    async with running_house(tmp_path) as house:
        shop = await house.shop()
        gc.disable()
        try:
            async with house.client(shop.room_id):
                await asyncio.sleep(0.2)
                left = weakref.ref(Loop())
                await asyncio.sleep(0.2)
                # Somebody is watching: not now.
                assert left() is not None
            await gone(left)
            # The room stays for a while, for those who come back.
            left = weakref.ref(Loop())
            await asyncio.sleep(0.2)
            assert left() is not None
            hub = house.services.hub
            hub.settings = replace(hub.settings, room_linger_s=0.0)
            await gone(left)
        finally:
            gc.enable()
