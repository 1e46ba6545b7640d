"""PostgreSQL databases that have all tables already: copying one is faster than making them."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

import livecommerce.app.services  # noqa: F401 - every feature declares its tables
from livecommerce.database.engine import changing_schema, checked_url
from livecommerce.database.schema import metadata
from tests.support.postgres import PostgresServer


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """A database of this test's own with empty tables, as a URL."""
    postgres_server.create_template("tables", _make_tables)
    url = postgres_server.create_database(template="tables")
    yield url
    postgres_server.drop_database(url)


def _make_tables(url: str) -> None:
    async def make() -> None:
        async with changing_schema(checked_url(url)) as connection:
            await connection.run_sync(metadata.create_all)

    # On a loop of its own: the one of the tests is not ours to touch.
    thread = threading.Thread(target=asyncio.run, args=(make(),))
    thread.start()
    thread.join()
