"""The nodes of a Redis Cluster as shards, by sharded pub/sub (Redis 7).

Each primary has links of its own; there is no redirecting client in between. When the map changes,
what waits is moved to the links it belongs to now, and so are subscriptions, which count as
interrupted meanwhile.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from redis.crc import key_slot
from redis.exceptions import RedisError

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.backplane.redis.commands import Command, CommandLink
from livecommerce.realtime.backplane.redis.links import connection_to, end, hang_up, shown
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.backplane.redis.shards import Heard, Regained, Shard
from livecommerce.realtime.backplane.redis.subscriber import SubscriberLink

log = structlog.get_logger()

LOOK_EVERY_S = 0.2
"""The map is not asked for more often than this."""

SlotRange = tuple[int, str]
"""First slot, and the address of the primary that has it and those up to the next range."""


class ClusterShards:
    """See `Shards`. Until a map was read, everything goes to the first address of the settings."""

    def __init__(
        self,
        *,
        settings: RedisSettings,
        clock: Clock,
        probe_channel: Callable[[int], str],
        heard: Heard,
        regained: Regained,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._probe_channel = probe_channel
        self._heard = heard
        self._regained = regained
        self._is_started = False
        self._looking: asyncio.Task[None] | None = None
        self._shards: dict[str, Shard] = {}
        first = settings.urls[0]
        self._starts: list[int] = [0]
        self._owners: list[str] = [first]
        self._shards[first] = self._make(first)

    def all(self) -> Sequence[Shard]:
        return list(self._shards.values())

    def of(self, tag: str) -> Shard:
        return self._shard_at(key_slot(tag.encode()))

    async def start(self, seconds: float) -> None:
        self._is_started = True
        self._look()
        assert self._looking is not None
        await asyncio.wait([self._looking], timeout=seconds)
        for shard in self.all():
            shard.start()
        await asyncio.gather(*(each.commands.wait_until_up(seconds) for each in self.all()))

    async def close(self) -> None:
        self._is_started = False
        if self._looking is not None:
            await end(self._looking)
        await asyncio.gather(*(shard.close() for shard in self.all()))

    # The map

    def _shard_at(self, slot: int) -> Shard:
        return self._shards[self._owners[bisect_right(self._starts, slot) - 1]]

    def _look(self) -> None:
        """Reads the map anew, unless that is under way."""
        if self._is_started and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._read_map(), name="redis cluster map")

    async def _read_map(self) -> None:
        for url in dict.fromkeys((*self._shards, *self._settings.urls)):
            connection = connection_to(url, self._settings)
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                await connection.send_command("CLUSTER SLOTS")
                ranges = ranges_of(await connection.read_response(), url)
            except (RedisError, OSError) as error:
                log.warning("no cluster map", url=shown(url), error=str(error))
                continue
            finally:
                await hang_up(connection)
            if ranges:
                await self._take(ranges)
                break
        await asyncio.sleep(LOOK_EVERY_S)

    async def _take(self, ranges: list[SlotRange]) -> None:
        owners = [url for _, url in ranges]
        for url in owners:
            if url not in self._shards:
                self._shards[url] = self._make(url)
        self._starts, self._owners = [start for start, _ in ranges], owners
        gone = [self._shards[url] for url in self._shards.keys() - set(owners)]
        for shard in self.all():
            self._move_away(shard)
        for shard in gone:
            del self._shards[shard.url]
        for shard in self.all():
            self._give_probe(shard)
            shard.start()
        for shard in gone:
            for command in await shard.commands.retire():
                self._owner_of(command).put(command)
            await shard.close()

    def _move_away(self, shard: Shard) -> None:
        """Gives to others what is not this shard's any more."""
        link = shard.commands
        for command in link.take_back(lambda command: self._owner_of(command) is link):
            self._owner_of(command).put(command)
        for channel in list(shard.subscriber.channels):
            owner = self._shard_at(key_slot(channel))
            if owner is not shard and channel != shard.probe_channel.encode():
                shard.subscriber.hand_over(channel, owner.subscriber)

    def _owner_of(self, command: Command) -> CommandLink:
        return self._shard_at(key_slot(command.key.encode())).commands

    def _give_probe(self, shard: Shard) -> None:
        """A channel whose slot is this shard's: it can be heard nowhere else."""
        if shard.probe_channel and self._shard_at(key_slot(shard.probe_channel.encode())) is shard:
            return
        shard.subscriber.unsubscribe(shard.probe_channel.encode())
        for number in count():
            channel = self._probe_channel(number)
            if self._shard_at(key_slot(channel.encode())) is shard:
                shard.probe_channel = channel
                shard.subscriber.want(channel.encode())
                return

    def _make(self, url: str) -> Shard:
        return Shard(
            url,
            "",
            CommandLink(url, clock=self._clock, settings=self._settings, on_doubt=self._look),
            SubscriberLink(
                url,
                settings=self._settings,
                heard=self._heard,
                regained=self._regained,
                on_doubt=self._look,
                is_sharded=True,
            ),
        )


def ranges_of(reply: list[Any], asked: str) -> list[SlotRange]:
    """Reads the answer to CLUSTER SLOTS, first slots rising.

    Args:
        asked: the address that answered; its scheme and password are those of all.
    """
    parts = urlsplit(asked)
    credentials, at, _ = parts.netloc.rpartition("@")
    ranges = []
    for start, _, (host, port, *_), *_ in sorted(reply, key=lambda each: each[0]):
        # An empty name stands for whoever was asked.
        name = host.decode() if host else (parts.hostname or "")
        if ":" in name:
            name = f"[{name}]"
        ranges.append((start, urlunsplit(parts._replace(netloc=f"{credentials}{at}{name}:{port}"))))
    return ranges
