"""Rows 10, 11 and 19: viewers that stall or vanish, and people who send monsters. One node."""

from __future__ import annotations

import asyncio
import io
import itertools
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from livecommerce.client import CallRefused, RoomClient
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.codes import CloseCode
from livecommerce.protocol.events import Lane
from livecommerce.shows.wire import SendChat
from tests.faults.audience import audience, live_url
from tests.faults.ledger import Fate, Ledger, Published
from tests.faults.report import Report
from tests.faults.rows import OpenStage, Profile, row
from tests.faults.silence import silent_line
from tests.faults.stage import Node, start_nodes, until
from tests.faults.stalled import stalled_viewers
from tests.support.http import Connector
from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer
from tests.support.shop import Api, Shop
from tests.support.sockets import LiveSocket, frame

CLOSED_SLOW_S = 45.0
"""What is promised is 15 s."""
KIB_PER_STALLED = 128.0
WARM_S, CONTROL_S = 2.0, 4.0
LINE_CHARS = 480
LINE_EVERY_S = 0.004
REFUSED_S = 30.0
HALF_OPEN_S = 60.0
"""What is promised is 30 s."""
MONSTER = 33 * 1024 * 1024


@dataclass(slots=True)
class Lone:
    """One node that is alone, on SQLite."""

    node: Node
    api: Api

    @property
    def port(self) -> int:
        return self.node.server.port

    @property
    def rss_kib(self) -> float:
        return psutil.Process(self.node.server.pid).memory_info().rss / 1024


def lone(**settings: str) -> OpenStage:
    """A stage with settings of its own, named as in `Settings`."""

    @asynccontextmanager
    async def opened(_postgres: PostgresServer) -> AsyncIterator[Lone]:
        async with AsyncExitStack() as stack:
            folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-shop-"))
            )
            env = {
                "LIVECOMMERCE_DATA_DIR": str(folder),
                "LIVECOMMERCE_MESSAGES_PER_S": "500",
                "LIVECOMMERCE_MESSAGES_BURST": "1000",
                "LIVECOMMERCE_CONNECTIONS_PER_IP": "20000",
                "LIVECOMMERCE_ADMISSIONS_PER_S": "100000",
                "LIVECOMMERCE_LOG_FORMAT": "json",
                **{f"LIVECOMMERCE_{name.upper()}": value for name, value in settings.items()},
            }
            (server,) = await start_nodes(stack, [env])
            api = await stack.enter_async_context(Api(server.url))
            yield Lone(Node(server), api)

    return opened


LONE = lone()


@row(10, "viewers that take nothing", group="clients", stage=LONE)
async def stalled(stage: Lone, report: Report, profile: Profile) -> None:
    """They cost little, are closed for it soon, and the others do not notice."""
    count = profile.of(40, 50)
    healthy = profile.of(60, 4_950)
    shop = await Shop.open(stage.api, slug="stalled")
    crowd = [await LiveSocket.open(stage.port, room=shop.room_id) for _ in range(healthy)]
    try:
        async with audience(shop, viewers=[stage.port] * 4, talkers=[stage.port]) as room:
            async with stalled_viewers(stage.port, shop.room_id, count) as viewers:
                talking = asyncio.create_task(_talk_long(stage, shop, room.ledger))
                await asyncio.sleep(WARM_S)
                # What the room's memory takes for a line, without anybody who stalls.
                growth = Growth(stage, room.ledger)
                await asyncio.sleep(CONTROL_S)
                kib_per_line = growth.kib / growth.lines
                before = await _closed(stage)
                growth = Growth(stage, room.ledger)
                viewers.stop()
                stopped_s = time.monotonic()
                report.injections += count

                async def all_closed() -> bool:
                    return await _closed(stage) - before >= count

                await until(all_closed, CLOSED_SLOW_S)
                report.bound("closed after", time.monotonic() - stopped_s, CLOSED_SLOW_S)
                beyond = max(0.0, growth.kib - kib_per_line * growth.lines) / count
                report.bound("memory for each", beyond, KIB_PER_STALLED, "KiB")
                codes = await asyncio.to_thread(viewers.resume)
                talking.cancel()
                with suppress(asyncio.CancelledError):
                    await talking
            # Whose turn to be pinged comes as it stalls is found silent a moment before. Who reads
            # on too late for the node's patience finds the line cut.
            others = set(codes) - {CloseCode.TOO_SLOW, CloseCode.NO_PONG, 0}
            report.check("they are told why", holds=not others, found=codes)
            report.check("as too slow", holds=codes[CloseCode.TOO_SLOW] > 0, found=codes)
            report.facts.append(f"{codes[CloseCode.TOO_SLOW]} told that they are too slow")
        report.take(room.ledger.audit())
        stayed = sum(not socket.is_lost for socket in crowd)
        report.check("nobody else is closed", holds=stayed == healthy, found=stayed)
    finally:
        for socket in crowd:
            socket.abort()


class Growth:
    """What a node's memory and a room's ledger have grown since this was made."""

    def __init__(self, stage: Lone, ledger: Ledger) -> None:
        self._stage, self._ledger = stage, ledger
        self._began = stage.rss_kib, len(ledger.published)

    @property
    def kib(self) -> float:
        return self._stage.rss_kib - self._began[0]

    @property
    def lines(self) -> int:
        return len(self._ledger.published) - self._began[1]


async def _closed(stage: Lone) -> float:
    figures = await stage.node.figures()
    return (
        figures["livecommerce_hub_closed_slow_total"]
        + figures["livecommerce_hub_closed_silent_total"]
    )


async def _talk_long(stage: Lone, shop: Shop, ledger: Ledger) -> None:
    """Lines that weigh something, until cancelled; the last one may or may not be heard."""
    async with RoomClient(
        live_url(stage.port), room=shop.room_id, token=shop.host.token, queue_max=1
    ) as client:
        for number in itertools.count():
            text = f"long {number} ".ljust(LINE_CHARS, "x")
            fate = Fate.UNKNOWN
            try:
                await client.call(SendChat(id=new_id(), text=text))
                fate = Fate.TOLD
            except CallRefused:
                fate = Fate.REFUSED
            finally:
                ledger.write(Published("long", Lane.LOG, text, fate=fate))
            await asyncio.sleep(LINE_EVERY_S)


@row(11, "a viewer's line goes silent", group="half open", stage=lone(beat_s="11"))
async def half_open(stage: Lone, report: Report, profile: Profile) -> None:
    """The node notices and corrects the count; the viewer comes back and misses nothing."""
    async with silent_line(stage.port) as line:
        for number in range(profile.of(1, 5)):
            # Each time another room: its books begin with the first line.
            shop = await Shop.open(stage.api, slug=f"silent-{number}")
            ports = [line.port, line.port, stage.port]
            async with audience(shop, viewers=ports, talkers=[stage.port]) as room:
                await until(_counts(room.count_shown, 4), HALF_OPEN_S)
                before = await stage.node.figure("hub_closed_silent_total")
                line.fall_silent()
                silent_s = time.monotonic()
                report.injections += 2

                async def noticed(before: float = before) -> bool:
                    return await stage.node.figure("hub_closed_silent_total") - before >= 2

                await until(noticed, HALF_OPEN_S)
                report.bound("noticed after", time.monotonic() - silent_s, HALF_OPEN_S)

                async def back() -> bool:
                    return all(viewer.losses for viewer in room.viewers[:2])

                await until(back, HALF_OPEN_S)
                await until(_counts(room.count_shown, 4), HALF_OPEN_S)
                report.bound("count right after", time.monotonic() - silent_s, HALF_OPEN_S)
            report.take(room.ledger.audit())


@row(19, "frames and bodies of 33 MB", group="clients", stage=LONE)
async def monsters(stage: Lone, report: Report, profile: Profile) -> None:
    """They are refused at the door and the room goes on."""
    shop = await Shop.open(stage.api, slug="monsters")
    token = await shop.host.fresh_token()
    async with audience(shop, viewers=[stage.port] * 4, talkers=[stage.port]) as room:
        before_kib = stage.rss_kib
        for _ in range(profile.of(3, 50)):
            socket = await LiveSocket.open(stage.port, token=token, room=shop.room_id)
            socket.write(frame(b'{"t":"send_chat","id":"m","text":"' + b"x" * MONSTER + b'"}'))
            await until(_lost(socket), REFUSED_S)
            report.check(
                "a frame is refused for its size",
                holds=socket.close_code in (CloseCode.TOO_BIG, None),
                found=socket.close_code,
            )
            status = await _post_monster(stage, shop, token)
            report.check("a body is refused for its size", holds=status == 413, found=status)
            report.injections += 2
        grown = (stage.rss_kib - before_kib) / 1024
        report.bound("memory kept", grown, 2 * MONSTER / 1024 / 1024, "MiB")
        anew = max(viewer.snapshots for viewer in room.viewers) - 1
        lost = sum(viewer.losses for viewer in room.viewers)
        report.check("the others notice nothing", holds=anew == lost == 0, found=(anew, lost))
    report.take(room.ledger.audit())


async def _post_monster(stage: Lone, shop: Shop, token: str) -> int:
    """The status; 413 too when the line was cut because we would not stop sending."""
    body = b'{"t":"send_chat","id":"m","text":"' + b"x" * MONSTER + b'"}'
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    url = f"http://{LOOPBACK}:{stage.port}/v1/rooms/{shop.room_id}/commands"
    async with (
        aiohttp.ClientSession(connector=Connector()) as session,
        session.post(url, data=io.BytesIO(body), headers=headers) as answer,
    ):
        return answer.status


def _lost(socket: LiveSocket) -> Callable[[], Awaitable[bool]]:
    return _async(lambda: socket.is_lost)


def _counts(shown: Callable[[], set[int]], count: int) -> Callable[[], Awaitable[bool]]:
    return _async(lambda: shown() == {count})


def _async(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return condition()

    return asked
