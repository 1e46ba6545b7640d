"""The platform's keys: from the settings, or from a key set that is read again now and then."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc.jwk import Key

from livecommerce.kernel.clock import Clock
from livecommerce.people.tokens import PlatformTrust, read_key_set, static_keys

log = structlog.get_logger()

KEPT_S: Final = 600.0
ASK_AGAIN_S: Final = 60.0
"""A token with an unknown key id has the set fetched again, but not more often than this."""
FETCH_S: Final = 5.0
SIZE_MAX: Final = 256 * 1024


class PlatformKeys:
    """The keys that may have signed a platform's token."""

    def __init__(self, trust: PlatformTrust, *, clock: Clock) -> None:
        self.trust = trust
        self._clock = clock
        self._keys = static_keys(trust)
        self._read_mono_s: float | None = None
        self._tried_mono_s: float | None = None
        self._reading = asyncio.Lock()
        if trust.jwks is not None and "://" in trust.jwks:
            _check_address(trust.jwks)

    async def start(self) -> None:
        """Reads the key set, so that a wrong setting is seen at once, not by the first viewer."""
        await self.keep_fresh()

    async def keep_fresh(self) -> None:
        """Reads the key set again when it has grown old; called now and then."""
        now_s = self._clock.mono_s()
        is_old = self._read_mono_s is None or now_s - self._read_mono_s >= KEPT_S
        if self.trust.jwks is not None and is_old and self._may_ask(now_s):
            await self._read_again(now_s)

    async def keys(self, key_id: object) -> Sequence[Key]:
        """Returns the keys to choose from; waits only when the token names a key we never saw."""
        is_known = key_id is None or any(key.kid == key_id for key in self._keys)
        if self.trust.jwks is not None and not is_known:
            now_s = self._clock.mono_s()
            if self._may_ask(now_s):
                await self._read_again(now_s)
        return self._keys

    def _may_ask(self, now_s: float) -> bool:
        return self._tried_mono_s is None or now_s - self._tried_mono_s >= ASK_AGAIN_S

    async def _read_again(self, now_s: float) -> None:
        async with self._reading:
            if self._tried_mono_s is not None and self._tried_mono_s >= now_s:
                return
            self._tried_mono_s = now_s
            try:
                self._keys = read_key_set(await self._document())
                self._read_mono_s = now_s
            except (OSError, ValueError, AttributeError, aiohttp.ClientError) as problem:
                # The keys we have stay good: an unreachable platform must not end everybody's stay.
                log.warning("platform keys not read", problem=repr(problem), kept=len(self._keys))

    async def _document(self) -> bytes:
        place = self.trust.jwks
        assert place is not None
        if "://" not in place:
            return await asyncio.to_thread(Path(place).read_bytes)
        limit = aiohttp.ClientTimeout(total=FETCH_S)
        async with (
            aiohttp.ClientSession(timeout=limit, trust_env=False) as http,
            http.get(place, allow_redirects=False) as answer,
        ):
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            document = bytearray()
            async for piece in answer.content.iter_chunked(16 * 1024):
                document += piece
                if len(document) > SIZE_MAX:
                    raise ValueError("key set too large")
            return bytes(document)


def _check_address(address: str) -> None:
    """Refuses an address whose answer somebody on the way could have written."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        is_here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here):
        raise ValueError("the key set must be a file or an https address")
