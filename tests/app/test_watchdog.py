"""The watchdog says where the loop stands, and nothing of a loop that turns."""

import asyncio
import time

from structlog.testing import capture_logs

from livecommerce.app.watchdog import PATIENCE_S, watched_loop


def hold_up() -> None:
    time.sleep(PATIENCE_S * 3)


async def test_what_holds_the_loop_up_is_named_once():
    with capture_logs() as logs:
        async with watched_loop():
            await asyncio.sleep(0)
            hold_up()
            await asyncio.sleep(PATIENCE_S)
    (told,) = logs
    assert "in hold_up" in told["stack"]
    assert told["seconds"] >= PATIENCE_S


async def test_a_loop_that_turns_is_left_alone():
    with capture_logs() as logs:
        async with watched_loop():
            await asyncio.sleep(PATIENCE_S * 2)
    assert logs == []
