"""20,000 frames of noise, in random TCP segments, at a real server."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from livecommerce.app import verify
from livecommerce.config import Settings
from livecommerce.kernel.errors import Code
from livecommerce.protocol.codes import CloseCode
from tests.fuzz.noise import Noise, NoiseMaker
from tests.support.server import ServerProcess, running_server
from tests.support.shop import PLATFORM_SETTINGS, Api, Shop, furnish, platform_token
from tests.support.sockets import LiveSocket, new_command_id

pytestmark = pytest.mark.slow

FRAMES = 20_000
AT_ONCE = 40
SEED = int(os.environ.get("FUZZ_SEED", "20261120"))
"""Set the variable to look elsewhere."""
SECRET = "the secret of a shop that hears noise"
ANSWER_S = 20.0
RSS_GROWTH_MAX = 96 * 2**20
CLOSES = {int(code) for code in CloseCode} | {
    # what a peer may be told in answer to its own close frame
    *(None, 1000, 1001, 1002, 1003, 1005, 1007, 1009),
    *range(3000, 4000),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("noise")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    environ = {
        **PLATFORM_SETTINGS,
        "LIVECOMMERCE_DATA_DIR": str(folder),
        "LIVECOMMERCE_SECRET": SECRET,
        "LIVECOMMERCE_LOG_FORMAT": "json",
        "LIVECOMMERCE_ADMISSIONS_PER_S": "5000",
    }
    with running_server(environ) as started:
        yield started


async def test_noise(server: ServerProcess, folder: Path):
    facts = await _open_shop(server)
    maker = NoiseMaker(SEED, facts)
    heard = _Heard()
    noises: list[Noise] = []
    while sum(noise.frames for noise in noises) < FRAMES:
        noises.append(maker.connection())
    process = psutil.Process(server.pid)
    tenth = len(noises) // 10
    await _make(server, facts, noises[:tenth], heard)
    before = process.memory_info().rss
    await _make(server, facts, noises[tenth:], heard)
    grown = process.memory_info().rss - before

    assert heard.hangs == [], f"seed {SEED}"
    assert heard.strange == [], f"seed {SEED}"
    assert grown < RSS_GROWTH_MAX, f"{grown / 2**20:.0f} MiB more"
    # the noise reached every layer: frames, messages, fields, rules
    assert {"bad_json", "unknown_field", "qty", "forbidden"} <= heard.codes.keys()
    assert heard.codes["ok"] > 100
    assert {1002, 1003, 1007} <= heard.closes.keys()
    await _still_serves(server, facts)
    faults = [line for line in server.log.read_text().splitlines() if '"error"' in line]
    assert faults == [], "\n".join(faults)[:6000]
    settings = Settings(data_dir=folder, secret=SECRET)
    assert await verify(settings) == []


class _Heard:
    """What the server answered to all the noise."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.closes: Counter[int | None] = Counter()
        self.strange: list[str] = []
        self.hangs: list[str] = []

    def message(self, message: dict[str, Any]) -> None:
        match message["t"]:
            case "err":
                self.codes[message["code"]] += 1
                if message["code"] == Code.INTERNAL or message["code"] not in set(Code):
                    self.strange.append(str(message))
            case "ok":
                self.codes["ok"] += 1

    def close(self, code: int | None) -> None:
        self.closes[code] += 1
        if code not in CLOSES:
            self.strange.append(f"closed with {code}")


async def _make(
    server: ServerProcess, facts: dict[str, Any], noises: list[Noise], heard: _Heard
) -> None:
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, noise: Noise) -> None:
        async with places:
            try:
                async with asyncio.timeout(ANSWER_S):
                    await _one(server, facts, number, noise, heard)
            except TimeoutError:
                heard.hangs.append(f"connection {number}: {noise.data[:200]!r}")

    await asyncio.gather(*(one(number, noise) for number, noise in enumerate(noises)))


async def _one(
    server: ServerProcess, facts: dict[str, Any], number: int, noise: Noise, heard: _Heard
) -> None:
    socket = await LiveSocket.connect(server.port)
    socket.on_message = heard.message
    if noise.says_hello:
        token = facts["token"] if number % 7 == 0 else platform_token(f"noisy-{number % 200}")
        reply = await socket.hello(token=token, room=facts["room"])
        if reply["t"] == "lost":
            heard.close(reply["close"])
            return
    for segment in noise.segments():
        socket.write(segment)
        await asyncio.sleep(0)
    # A ping is answered, or the connection was ended, or the ping itself became part of a frame
    # whose length was a lie: then the server rightly waits, and only this connection waits.
    asked = socket.ask({"t": "ping", "id": new_command_id()})
    done, _ = await asyncio.wait({asked}, timeout=0.25)
    if done and (reply := asked.result())["t"] == "lost":
        heard.close(reply["close"])
    elif done:
        heard.message(reply)
    socket.abort()


async def _open_shop(server: ServerProcess) -> dict[str, Any]:
    async with Api(server.url) as api:
        shop = await Shop.open(api)
        goods = await shop.add_goods("lamp", on_hand=2_000, slot=1)
        token = platform_token("buyer")
        wallet = await furnish(api, token, number=1)
        return {
            "room": shop.room_id,
            "variant": goods.variant_id,
            "offer": goods.offer_id,
            "total": goods.price_minor + await shop.delivery_minor(),
            "token": token,
            "address": wallet.address_id,
            "card": wallet.card_id,
        }


async def _still_serves(server: ServerProcess, facts: dict[str, Any]) -> None:
    """Somebody new comes in, chats and buys."""
    socket = await LiveSocket.open(
        server.port, token=platform_token("calm after the storm"), room=facts["room"]
    )
    said = await socket.ask({"t": "send_chat", "id": new_command_id(), "text": "hello?"})
    assert said["t"] == "ok", said
    bought = await socket.ask(
        {
            "t": "buy",
            "id": new_command_id(),
            "variant_id": facts["variant"],
            "offer_id": facts["offer"],
            "expected_total_minor": facts["total"],
            "currency": "SAR",
        }
    )
    assert bought["t"] == "ok", bought
    socket.abort()
