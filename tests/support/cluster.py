"""Settings with which several processes are one shop, over the servers of the test session."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import LOOPBACK
from tests.support.postgres import PostgresServer
from tests.support.redis import RedisServer
from tests.support.shop import PLATFORM_SETTINGS


@contextmanager
def shared_settings(
    postgres: PostgresServer, redis: RedisServer, folder: Path
) -> Iterator[dict[str, str]]:
    """An environment over a database of its own and a Redis that others use too.

    `folder` is where the processes keep what they share as files.
    """
    url = postgres.create_database()
    try:
        yield {
            **PLATFORM_SETTINGS,
            "LIVECOMMERCE_HOST": LOOPBACK,
            "LIVECOMMERCE_DATABASE_URL": url,
            "LIVECOMMERCE_REDIS_URL": redis.url(),
            "LIVECOMMERCE_REDIS_PREFIX": f"test-{secrets.token_hex(4)}",
            "LIVECOMMERCE_DATA_DIR": str(folder),
            "LIVECOMMERCE_SECRET": "the secret of a shop of many processes",
            "LIVECOMMERCE_DRAIN_S": "1",
            "LIVECOMMERCE_LOG_FORMAT": "json",
        }
    finally:
        postgres.drop_database(url)
