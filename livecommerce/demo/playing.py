"""The show while it is played: the scripted host and the simulated audience, on any nodes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import structlog

from livecommerce.app.services import Services
from livecommerce.client import Closed, RoomClient
from livecommerce.demo import script
from livecommerce.demo.crowd import Crowd
from livecommerce.demo.host import ScriptedHost
from livecommerce.demo.seed import Seeded
from livecommerce.kernel.errors import Refused
from livecommerce.people.accounts import Actor

log = structlog.get_logger()

_HOST_AWAY_S = 2.0


@contextlib.asynccontextmanager
async def playing(
    services: Services,
    seeded: Seeded,
    live: Sequence[str],
    *,
    began_ms: int,
    crowd: int,
    scripted: bool = True,
) -> AsyncIterator[None]:
    """Host and audience, while the room is open.

    Args:
        live: addresses of the live sockets of all nodes: the host is on the first one, the audience
            on all of them.
        began_ms: when the video's first loop began.
        crowd: how many viewers.
        scripted: our host runs the show.
    """

    async def perform() -> None:
        while True:
            try:
                token = await _token(services, seeded.host)
                client = RoomClient(live[0], room=seeded.room.id, token=token)
                # The token lives ten minutes; between two rounds nobody notices a new one.
                async with asyncio.timeout(script.LOOP_S * 3), client:
                    show = ScriptedHost(client, seeded, services.clock, began_ms)
                    await show.run()
            except TimeoutError:
                pass
            except (Closed, Refused) as problem:
                log.warning("the host comes back", after=str(problem))
                await asyncio.sleep(_HOST_AWAY_S)

    parts = {"crowd": Crowd(services, seeded, live, crowd).run()}
    if scripted:
        parts["host"] = perform()
    tasks = [asyncio.create_task(part, name=name) for name, part in parts.items()]
    for task in tasks:
        task.add_done_callback(_complain)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _complain(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("part of the demo ended", part=task.get_name(), exc_info=task.exception())


async def _token(services: Services, actor: Actor) -> str:
    link = await services.people.make_link(actor.person_id)
    return (await services.people.link(link, ip="127.0.0.1")).tokens.access_token
