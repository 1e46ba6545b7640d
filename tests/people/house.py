"""People and moderation on real databases, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import FakeClock
from livecommerce.kernel.ids import new_id
from livecommerce.moderation.service import TRAIL, Moderation
from livecommerce.people.accounts import Actor
from livecommerce.people.service import People, PeopleSettings
from livecommerce.people.service.vault import Vault
from livecommerce.people.tokens import PlatformTrust
from livecommerce.people.wire import GuestDraft, SignUp

SECRET = b"a secret of the tests, long enough to be one"
REGION_KEY = b"another secret of the tests, long enough too"
PLATFORM_SECRET = "what the platform and the tests share, 32+ bytes"
IP = "203.0.113.7"


@dataclass
class House:
    """One process of the shop."""

    database: Database
    vault_database: Database
    vault: Vault
    clock: FakeClock
    people: People
    moderation: Moderation

    async def guest(self, name: str = "Guest") -> Actor:
        return await self.who(await self.people.guest_in(GuestDraft(name=name), ip=new_id()))

    async def account(self, name: str = "Sara") -> Actor:
        return await self.people.make_account(name=name)

    async def signed_up(self, login: str = "sara@example.com", name: str = "Sara") -> Actor:
        draft = SignUp(name=name, login=login, password="correct horse")
        return await self.who(await self.people.sign_up(draft, ip=new_id()))

    async def who(self, signed_in: Any) -> Actor:
        actor, _ = await self.people.authenticate(signed_in.tokens.access_token)
        return actor


@asynccontextmanager
async def open_house(
    url: str,
    vault_url: str,
    *,
    clock: FakeClock | None = None,
    settings: PeopleSettings | None = None,
    platform: PlatformTrust | None = None,
) -> AsyncIterator[House]:
    """Opens services on the two databases; several houses on the same are several processes."""
    clock = clock or FakeClock()
    database = await Database.open(url, clock=clock, create=True)
    vault_database = await Database.open(vault_url, clock=clock, create=True)
    vault = Vault(database=vault_database, region="home", region_key=REGION_KEY)
    people = People(
        database=database,
        vault=vault,
        clock=clock,
        secret=SECRET,
        audit=TRAIL,
        settings=settings,
        platform=platform,
    )
    moderation = Moderation(database=database, clock=clock, people=people)
    await people.start()
    try:
        yield House(database, vault_database, vault, clock, people, moderation)
    finally:
        await people.close()
        await vault_database.close()
        await database.close()


def sqlite_url(folder: Path, name: str) -> str:
    return f"sqlite+aiosqlite:///{folder}/{name}.db"
