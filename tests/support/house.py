"""The whole product in this process, as `livecommerce serve` opens it: real sockets, real files."""

from __future__ import annotations

import contextlib
import gzip
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from livecommerce.app import House, open_house
from livecommerce.app.services import Services
from livecommerce.client import RoomClient
from livecommerce.config import Settings
from livecommerce.people.accounts import Actor
from tests.support.http import Connector
from tests.support.ports import LOOPBACK, free_port
from tests.support.shop import Api, Host, Shop

SECRET = "the secret of a house that is tested"
PARTNER = "https://partner.example"
"""An origin the house may be told to allow."""

PAGE = """<!doctype html><html><head><title>%s</title><!--head--></head>
<body><!--boot--><script src="/assets/app-1.js"></script></body></html>"""
SCRIPT = b"console.log('live');\n" * 100


def small_web_client(folder: Path) -> Path:
    """Writes a web client of four pages, one hashed asset and one that is not."""
    (folder / "assets").mkdir(parents=True)
    for name in ("index", "room", "studio", "account"):
        (folder / f"{name}.html").write_text(PAGE % name)
    (folder / "assets" / "app-1.js").write_bytes(SCRIPT)
    (folder / "assets" / "app-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (folder / "assets" / "app-1.js.map").write_text("{}")
    (folder / "assets" / "plain-1.css").write_text("a { color: red }")
    (folder / "robots.txt").write_text("User-agent: *")
    return folder


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Any
    body: bytes


@dataclass(kw_only=True)
class OpenedHouse:
    """An open house, with what tests do in it."""

    house: House
    port: int
    api: Api
    http: aiohttp.ClientSession = field(repr=False)

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def live_url(self) -> str:
        return f"ws://{LOOPBACK}:{self.port}/v1/live"

    @property
    def services(self) -> Services:
        return self.house.services

    async def shop(self) -> Shop:
        """A room on the air that no other test is in."""
        return await Shop.open(self.api, slug=f"room-{secrets.token_hex(5)}")

    async def person(self, name: str = "Lulwa") -> Host:
        """Somebody with an account."""
        return await Host.sign_up(self.api, login=f"{secrets.token_hex(6)}@example.com", name=name)

    async def actor(self, person: Host) -> Actor:
        """The same person, as services know them."""
        found, _ = await self.services.people.authenticate(person.token)
        return found

    def client(self, room: str, person: Host | None = None, **options: Any) -> RoomClient:
        """A room client of somebody, or of a visitor."""
        token = None if person is None else person.token
        return RoomClient(self.live_url, room=room, token=token, **options)

    async def fetch(self, path: str, *, method: str = "GET", **options: Any) -> Answer:
        """Asks for a path as it stands; nothing is followed and nothing unzipped."""
        async with self.http.request(
            method, self.url + path, allow_redirects=False, **options
        ) as answer:
            return Answer(answer.status, answer.headers, await answer.read())


@contextlib.asynccontextmanager
async def running_house(folder: Path, **settings: Any) -> AsyncIterator[OpenedHouse]:
    """Opens a house on a loopback port; its data lies in `folder`.

    `works=False` among the settings leaves the background work to a worker.
    """
    works = settings.pop("works", True)
    port = free_port()
    wanted = Settings(
        **{
            "host": LOOPBACK,
            "port": port,
            "data_dir": folder,
            "secret": SECRET,
            "messages_per_s": 1_000.0,
            "messages_burst": 1_000.0,
            **settings,
        }
    )
    async with (
        open_house(wanted, works=works) as house,
        Api(f"http://{LOOPBACK}:{house.door.port}") as api,
        aiohttp.ClientSession(
            connector=Connector(),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Accept-Encoding": "identity"},
        ) as http,
    ):
        yield OpenedHouse(house=house, port=house.door.port, api=api, http=http)
