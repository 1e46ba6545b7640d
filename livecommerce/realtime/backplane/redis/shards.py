"""Which Redis serves which room: one, several by a hash of the room, or the nodes of a cluster."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.backplane.redis.commands import CommandLink
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.backplane.redis.subscriber import SubscriberLink

Heard = Callable[[bytes, bytes], None]
Regained = Callable[[Collection[bytes]], None]


class Shard:
    """One Redis: the link on which it is spoken to, and the link on which it is heard."""

    __slots__ = ("commands", "probe_channel", "subscriber", "url")

    def __init__(
        self, url: str, probe_channel: str, commands: CommandLink, subscriber: SubscriberLink
    ) -> None:
        self.url = url
        self.probe_channel = probe_channel
        self.commands = commands
        self.subscriber = subscriber

    def start(self) -> None:
        if self.probe_channel:
            self.subscriber.want(self.probe_channel.encode())
        self.commands.start()
        self.subscriber.start()

    async def close(self) -> None:
        await self.commands.close()
        await self.subscriber.close()


class Shards(Protocol):
    """Every room has one shard at a time."""

    def all(self) -> Sequence[Shard]: ...

    def of(self, tag: str) -> Shard:
        """The shard of a room's keys and channel, or of another hash tag."""
        ...

    async def start(self, seconds: float) -> None:
        """Connects; returns after so many seconds at the latest, connected or not."""
        ...

    async def close(self) -> None: ...


def shard_number(tag: str, count: int) -> int:
    """Jump consistent hash (Lamping and Veach, 2014): a shard more moves 1/count of the rooms."""
    key = int.from_bytes(hashlib.blake2b(tag.encode(), digest_size=8).digest(), "big")
    number, following = -1, 0
    while following < count:
        number = following
        key = (key * 2862933555777941757 + 1) & 0xFFFFFFFFFFFFFFFF
        following = int((number + 1) * ((1 << 31) / ((key >> 33) + 1)))
    return number


class ListedShards:
    """The Redis servers of the settings; each room lives on one of them.

    Args:
        probe_channel: (number of the shard) -> the channel on which this node hears itself there.
    """

    def __init__(
        self,
        *,
        settings: RedisSettings,
        clock: Clock,
        probe_channel: Callable[[int], str],
        heard: Heard,
        regained: Regained,
    ) -> None:
        self._shards = [
            Shard(
                url,
                probe_channel(number),
                CommandLink(url, clock=clock, settings=settings),
                SubscriberLink(url, settings=settings, heard=heard, regained=regained),
            )
            for number, url in enumerate(settings.urls)
        ]

    def all(self) -> Sequence[Shard]:
        return self._shards

    def of(self, tag: str) -> Shard:
        if len(self._shards) == 1:
            return self._shards[0]
        return self._shards[shard_number(tag, len(self._shards))]

    async def start(self, seconds: float) -> None:
        for shard in self._shards:
            shard.start()
        await asyncio.gather(*(shard.commands.wait_until_up(seconds) for shard in self._shards))

    async def close(self) -> None:
        await asyncio.gather(*(shard.close() for shard in self._shards))
