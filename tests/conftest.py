"""Fixtures for every test: real servers, started once a session and only when asked for."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.postgres import PostgresServer, running_postgres
from tests.support.redis import RedisServer, running_cluster, running_redis

# Machines that share a core are slow at times, with an example as with the making of one; neither
# says anything about the code.
_PATIENT = [HealthCheck.too_slow]
settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=_PATIENT
)
settings.register_profile(
    "thorough", deadline=None, max_examples=2_000, suppress_health_check=_PATIENT
)
settings.load_profile("default")

MARKED_BY_FIXTURE = {
    "postgres_server": "postgres",
    "postgres_url": "postgres",
    "redis_server": "redis",
    "redis_url": "redis",
    "redis_cluster": "redis",
    "browser": "browser",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests for what their fixtures start, so that `-m 'not browser'` needs no care."""
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if mark := MARKED_BY_FIXTURE.get(fixture):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL cluster for the whole session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of this test's own, as a URL for SQLAlchemy and asyncpg."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind. A package whose `postgres_url` has tables gets those."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite+aiosqlite:///{tmp_path}/shop.db"


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """A redis-server for the whole session."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def redis_cluster() -> Iterator[list[RedisServer]]:
    """Two primaries of a Redis Cluster for the whole session."""
    with running_cluster() as servers:
        yield servers


@pytest.fixture
async def redis_url(redis_server: RedisServer) -> str:
    """An empty Redis, as a URL for redis-py."""
    from redis.asyncio import Redis

    async with Redis.from_url(redis_server.url()) as client:
        await client.flushall()
    return redis_server.url()


@pytest.fixture
async def browser() -> AsyncIterator[object]:
    """A headless Chromium (`playwright.async_api.Browser`) of this test's own."""
    from tests.support.browser import running_browser

    async with running_browser() as started:
        yield started
