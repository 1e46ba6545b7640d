"""Passwords hashed beside the event loop: four at a time, and not many waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.passwords import hash_password, is_outdated, is_password

R = TypeVar("R")

THREADS: Final = 4
"""Each takes 19 MiB and keeps it: a flood of sign-ins costs time, never more memory."""
WAITING_MAX: Final = 64
RETRY_MS: Final = 2_000


class Hashing:
    """The pool. Raises Refused(SERVER_BUSY) when too many wait already."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="password")
        self._pending = 0

    async def make(self, password: str) -> str:
        """Returns the text to store for a password."""
        return await self._run(lambda: hash_password(password))

    async def check(self, stored: str, password: str) -> tuple[bool, str | None]:
        """Tells whether the password is right, and what to store from now on if that changed."""

        def compare() -> tuple[bool, str | None]:
            if not is_password(stored, password):
                return False, None
            return True, hash_password(password) if is_outdated(stored) else None

        return await self._run(compare)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _run(self, work: Callable[[], R]) -> R:
        if self._pending >= WAITING_MAX:
            raise Refused(Code.SERVER_BUSY, retry_after_ms=RETRY_MS)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1
