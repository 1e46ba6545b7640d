"""Looks at a Redis before anybody relies on it."""

from __future__ import annotations

from typing import NamedTuple

from redis.exceptions import RedisError

from livecommerce.realtime.backplane.redis.links import connection_to, facts_of, hang_up, shown
from livecommerce.realtime.backplane.redis.settings import RedisSettings

OLDEST = 7


class Inspection(NamedTuple):
    is_fit: bool
    detail: str


async def inspect(url: str, settings: RedisSettings) -> Inspection:
    """Tells whether this Redis can be a backplane, and what speaks against it."""
    connection = connection_to(url, settings)
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_command("INFO")
        about = facts_of(await connection.read_response())
    except (RedisError, OSError) as error:
        return Inspection(is_fit=False, detail=f"{shown(url)}: {type(error).__name__}: {error}")
    finally:
        await hang_up(connection)
    version = about.get("redis_version", "0")
    detail = f"{shown(url)}: version {version}"
    if int(version.split(".")[0]) < OLDEST:
        return Inspection(is_fit=False, detail=f"{detail}; {OLDEST} is needed")
    is_cluster = about.get("cluster_enabled") == "1"
    if is_cluster != settings.is_cluster:
        found = "is a cluster's" if is_cluster else "is no cluster's"
        return Inspection(is_fit=False, detail=f"{detail}; {found}: see LIVECOMMERCE_REDIS_CLUSTER")
    policy = about.get("maxmemory_policy", "noeviction")
    if policy.startswith("allkeys"):
        # Nothing becomes wrong, but every evicted log costs its room a snapshot.
        return Inspection(is_fit=False, detail=f"{detail}; maxmemory-policy {policy} evicts rooms")
    return Inspection(is_fit=True, detail=f"{detail}, {policy}")
