"""A node as the product opens it, in a process with something odd about it.

The clock of its machine is wrong by `ODD_CLOCK_MS`. Empty rooms go after `ODD_LINGER_S`. At SIGUSR1
something holds its event loop up for `HELD_UP_S`. At SIGUSR2 it counts what it has in memory into
the file `census.json`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import time
from collections import OrderedDict, deque
from dataclasses import replace
from pathlib import Path

import psutil
import uvloop

from livecommerce.app import open_house
from livecommerce.app.ending import asked_to_end
from livecommerce.config import load
from livecommerce.gateway.log import configure
from livecommerce.kernel.clock import SystemClock

HELD_UP_S = 0.5
CENSUS = "census.json"
PROGRAM = "from tests.faults.odd_node import main; main()"


class WrongClock(SystemClock):
    """The wall clock of a machine that nobody has set."""

    def __init__(self, ahead_ms: int) -> None:
        self._ahead_ms = ahead_ms

    def now_ms(self) -> int:
        return super().now_ms() + self._ahead_ms


async def run() -> None:
    """Serves until SIGTERM."""
    settings = load()
    asked = asked_to_end()
    loop = asyncio.get_running_loop()
    configure(settings.log_level, settings.log_format)
    clock = WrongClock(int(os.environ.get("ODD_CLOCK_MS", "0")))
    async with open_house(settings, clock=clock) as house:
        hub = house.services.hub
        if linger_s := os.environ.get("ODD_LINGER_S"):
            hub.settings = replace(hub.settings, room_linger_s=float(linger_s))
        loop.add_signal_handler(signal.SIGUSR1, hold_up)
        loop.add_signal_handler(signal.SIGUSR2, count)
        await house.until(asked)
        await house.door.drain(settings.drain_s)


def hold_up() -> None:
    """What a careless handler does."""
    time.sleep(HELD_UP_S)


def count() -> None:
    """Everything the collector can reach: objects, and entries of their containers."""
    gc.collect()
    objects = gc.get_objects()
    containers = (dict, set, list, deque, OrderedDict)
    census = {
        "objects": len(objects),
        "entries": sum(len(each) for each in objects if isinstance(each, containers)),
        "rss": psutil.Process().memory_info().rss,
    }
    del objects
    part = Path(f"{CENSUS}.part")
    part.write_text(json.dumps(census))
    part.rename(CENSUS)


def main() -> None:
    uvloop.run(run())
