"""How connections to Redis are made, and how long to wait between two attempts."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from redis.asyncio import Connection, ConnectionPool
from redis.exceptions import RedisError, ResponseError

from livecommerce.realtime.backplane.redis.settings import RedisSettings


class Away(ConnectionError):
    """Redis did not answer in time, or too much waits for it already."""


class Doubtful(Exception):
    """The link is up and its Redis cannot serve: it loads, is full or no primary, or has moved."""


# redis-py takes these words off the messages of errors it has classes for.
_MOVED = ("TRYAGAIN", "MOVED", "ASK")
_MOVED_CLASSES = frozenset({"TryAgainError", "MovedError", "AskError", "ClusterCrossSlotError"})
_REFUSED = (
    *("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "BUSY", "MISCONF", "NOREPLICAS", "OOM"),
)
_REFUSED_CLASSES = frozenset(
    {
        *("BusyLoadingError", "ReadOnlyError", "MasterDownError", "ClusterDownError"),
        "OutOfMemoryError",
    }
)


def is_refusal(error: ResponseError) -> bool:
    """Tells whether this Redis takes nothing from anybody now: it is full, or no primary."""
    return type(error).__name__ in _REFUSED_CLASSES or str(error).startswith(_REFUSED)


def is_doubtful(error: ResponseError) -> bool:
    """Tells whether another connection, a little later, may well be served."""
    has_moved = type(error).__name__ in _MOVED_CLASSES or str(error).startswith(_MOVED)
    return has_moved or is_refusal(error)


def connection_to(url: str, settings: RedisSettings, **overrides: Any) -> Connection:
    """Makes a connection that is not open yet, for `redis://`, `rediss://` or `unix://`.

    RESP2, because the RESP3 parser of hiredis keeps a little of every push it has read.
    """
    pool = ConnectionPool.from_url(
        url,
        protocol=2,
        socket_timeout=settings.timeout_s,
        socket_connect_timeout=settings.timeout_s,
        socket_keepalive=True,
        health_check_interval=0,
        **overrides,
    )
    connection: Connection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def shown(url: str) -> str:
    """The address without its password."""
    return url.rsplit("@", maxsplit=1)[-1]


async def end(task: asyncio.Task[None]) -> None:
    """Cancels a task until it has ended.

    Once is not enough: redis-py sends under `asyncio.wait_for`, which before Python 3.12 loses a
    cancellation that comes in the turn in which it is done.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=0.1)


async def hang_up(connection: Connection) -> None:
    """Closes a connection in whatever state it is."""
    try:
        await connection.disconnect(nowait=True)
    except (RedisError, OSError):
        # It is gone either way.
        pass


def facts_of(info: bytes) -> dict[str, str]:
    """What INFO answers, by name."""
    lines = info.decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


class Backoff:
    """Pauses between attempts: doubling, jittered so that nodes do not come back in step."""

    def __init__(self, settings: RedisSettings) -> None:
        self._min_s = settings.retry_min_s
        self._max_s = settings.retry_max_s
        self._next_s = self._min_s

    def reset(self) -> None:
        self._next_s = self._min_s

    def pause_s(self) -> float:
        """How long to wait before the next attempt."""
        pause_s = self._next_s * (0.5 + random.random() / 2)
        self._next_s = min(self._next_s * 2, self._max_s)
        return pause_s
