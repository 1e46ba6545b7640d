"""HTTP connections that end with the test that made them."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakSet

import aiohttp
from aiohttp.connector import Connection


class Connector(aiohttp.TCPConnector):
    """Closes for good. Who is answered before the whole of a request was taken (`too_large`) has a
    connection that aiohttp leaves to itself until the rest is sent: longer than the loop lives, and
    whichever test collects it is told of an unclosed transport."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._transports: WeakSet[asyncio.Transport] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Connection:
        connection = await super().connect(*args, **options)
        if connection.transport is not None:
            self._transports.add(connection.transport)
        return connection

    async def close(self, *, abort_ssl: bool = False) -> None:
        for transport in self._transports:
            transport.abort()
        await super().close(abort_ssl=abort_ssl)
