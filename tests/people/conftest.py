"""Every test that asks for `house` runs on both databases; the vault has one of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from livecommerce.people.tokens import PlatformTrust
from tests.people.house import PLATFORM_SECRET, House, open_house, sqlite_url
from tests.support.tables import postgres_url

__all__ = ["postgres_url"]

TRUST = PlatformTrust(issuer="https://platform.example", audience="shop", secret=PLATFORM_SECRET)


@pytest.fixture
def vault_url(tmp_path: Path) -> str:
    return sqlite_url(tmp_path, "vault")


@pytest.fixture
async def house(url: str, vault_url: str) -> AsyncIterator[House]:
    async with open_house(url, vault_url, platform=TRUST) as house:
        yield house
