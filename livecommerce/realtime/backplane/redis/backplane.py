"""The port of backplane/base.py on Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import structlog

from livecommerce.kernel.clock import Clock
from livecommerce.kernel.ids import new_id
from livecommerce.protocol.events import Lane
from livecommerce.realtime.backplane.base import AnySignal, History, Receiver
from livecommerce.realtime.backplane.redis import scripts
from livecommerce.realtime.backplane.redis.cluster import ClusterShards
from livecommerce.realtime.backplane.redis.envelopes import (
    SignalEnvelope,
    pack,
    slot_of,
    tail_of,
    unpack_batch,
    unpack_publication,
    unpack_signal,
)
from livecommerce.realtime.backplane.redis.keys import Keys
from livecommerce.realtime.backplane.redis.links import Away, shown
from livecommerce.realtime.backplane.redis.settings import RedisSettings
from livecommerce.realtime.backplane.redis.shards import ListedShards, Shard, Shards
from livecommerce.realtime.publications import Batch, Delivery, Position, Publication

log = structlog.get_logger()

VISITORS_AT_ONCE = 1_000


class RedisBackplane:
    """Nodes hear each other through Redis, which may forget everything at any time.

    A restart, a failover, FLUSHALL or an old dump begin new epochs; the hubs read their rooms anew
    from the database and tell their viewers by a snapshot.
    """

    def __init__(self, *, node_id: str, clock: Clock, settings: RedisSettings) -> None:
        self._node_id = node_id
        self._settings = settings
        self._keys = Keys(settings.prefix)
        self._how = "SPUBLISH" if settings.is_cluster else "PUBLISH"
        self._receiver: Receiver | None = None
        self._probes: dict[bytes, asyncio.Future[None]] = {}
        self._probed = 0
        make = ClusterShards if settings.is_cluster else ListedShards
        self._shards: Shards = make(
            settings=settings,
            clock=clock,
            probe_channel=lambda number: self._keys.probe(node_id, number),
            heard=self._hear,
            regained=self._regain,
        )

    def attach(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def start(self) -> None:
        await self._shards.start(self._settings.read_wait_s)
        signals = self._keys.signals
        self._shards.of("signals").subscriber.want(signals.encode())

    def is_accepting(self) -> bool:
        return all(shard.commands.is_accepting for shard in self._shards.all())

    def publish(self, room_id: str, batch: Batch, *, floor: int = 0) -> asyncio.Future[Position]:
        shard = self._shards.of(room_id)
        loose = batch.loose
        if not shard.commands.is_serving and loose:
            # Counters are worth nothing later, and the viewers of this node can have them now.
            self._deliver(Delivery(room_id, "", 0, (), loose))
            loose = ()
            if not batch.logged:
                shown_here: asyncio.Future[Position] = asyncio.get_running_loop().create_future()
                shown_here.set_result(Position("", 1, 0))
                return shown_here
        keys = self._keys.room(room_id)
        settings = self._settings
        arguments: list[str | bytes | int] = [
            *(self._how, new_id(), floor, int(settings.keep_s * 1000), settings.keep_bytes),
            *(settings.ids_max, settings.values_max),
            *(int(settings.meta_ttl_s * 1000), int(settings.ttl_s * 1000)),
        ]
        logged = {publication.id: publication for publication in batch.logged}
        arguments.append(len(logged))
        for id, publication in logged.items():
            arguments += (id, slot_of(publication), publication.version, pack(publication))
        for publication in loose:
            slot = slot_of(publication) if publication.lane is Lane.VOLATILE else ""
            arguments += (slot, pack(publication))
        return shard.commands.send(
            *arguments,
            script=scripts.PUBLISH,
            keys=(keys.meta, keys.stream, keys.ids, keys.values, keys.channel),
            wait_s=settings.publish_wait_s,
            read=lambda reply: Position(reply[0].decode(), reply[1], reply[2]),
        )

    def signal(self, signal: AnySignal) -> asyncio.Future[None]:
        if self._receiver is not None:
            self._receiver.on_signal(signal)
        return self._shards.of("signals").commands.send(
            self._how,
            self._keys.signals,
            pack(SignalEnvelope(self._node_id, signal)),
            wait_s=self._settings.publish_wait_s,
            read=lambda reply: None,
        )

    async def subscribe(self, room_id: str) -> None:
        channel = self._keys.channel(room_id).encode()
        try:
            await self._shards.of(room_id).subscriber.subscribe(channel)
        except BaseException:
            self._shards.of(room_id).subscriber.unsubscribe(channel)
            raise

    async def unsubscribe(self, room_id: str) -> None:
        self._shards.of(room_id).subscriber.unsubscribe(self._keys.channel(room_id).encode())

    async def history(self, room_id: str, *, after: int = 0, epoch: str | None = None) -> History:
        keys = self._keys.room(room_id)
        reply = await self._shards.of(room_id).commands.send(
            new_id(),
            int(self._settings.meta_ttl_s * 1000),
            epoch or "",
            after if epoch else 0,
            script=scripts.READ,
            keys=(keys.meta, keys.stream),
            wait_s=self._settings.read_wait_s,
        )
        found, top = reply[0].decode(), reply[1]
        if len(reply) < 3:
            return History(found, top, None)
        entries = [unpack_batch(entry) for entry in reply[2]]
        continued = after if epoch else None
        return History(found, top, tail_of(entries, epoch=found, top=top, after=continued))

    async def keyed(self, room_id: str) -> tuple[Publication, ...]:
        reply: list[bytes] = await self._shards.of(room_id).commands.send(
            "HVALS", self._keys.room(room_id).values, wait_s=self._settings.read_wait_s
        )
        return tuple(unpack_publication(value.partition(b":")[2]) for value in reply)

    async def positions(self, room_ids: Iterable[str]) -> Mapping[str, tuple[str, int]]:
        wanted = list(room_ids)
        found = await asyncio.gather(*(self._position(room_id) for room_id in wanted))
        return {room_id: at for room_id, at in zip(wanted, found, strict=True) if at is not None}

    async def report_viewers(
        self, node_id: str, counts: Mapping[str, int], *, lease_s: float
    ) -> Mapping[str, int]:
        sums = await asyncio.gather(
            *(
                self._shards.of(room_id).commands.send(
                    node_id,
                    count,
                    int(lease_s * 1000),
                    script=scripts.VIEWERS,
                    keys=(self._keys.room(room_id).viewers,),
                    # The next report is under way by then.
                    wait_s=lease_s / 2,
                )
                for room_id, count in counts.items()
            )
        )
        return dict(zip(counts, sums, strict=True))

    async def count_visitors(
        self, seen: Mapping[str, Collection[str]], *, keep_s: float
    ) -> Mapping[str, int]:
        counts = await asyncio.gather(
            *(self._count_visitors(room_id, list(names), keep_s) for room_id, names in seen.items())
        )
        return dict(zip(seen, counts, strict=True))

    async def probe(self) -> bool:
        """See `Backplane.probe`. A link that was spoken to and stays deaf is made anew."""
        heard = await asyncio.gather(*(self._probe(shard) for shard in self._shards.all()))
        return bool(heard) and all(heard)

    async def close(self) -> None:
        await self._shards.close()
        self._receiver = None

    # Inside

    async def _position(self, room_id: str) -> tuple[str, int] | None:
        commands = self._shards.of(room_id).commands

        def read(reply: list[Any]) -> tuple[str, int] | None:
            epoch, top, generation = reply
            if epoch is None or generation.decode() != commands.generation:
                # As good as missing: a Redis that is gone said it, and may have said more.
                return None
            return epoch.decode(), int(top)

        fields = ("epoch", "top", "generation")
        meta = self._keys.room(room_id).meta
        wait_s = self._settings.read_wait_s
        at: tuple[str, int] | None = await commands.send(
            "HMGET", meta, *fields, wait_s=wait_s, read=read
        )
        return at

    async def _count_visitors(self, room_id: str, names: list[str], keep_s: float) -> int:
        commands = self._shards.of(room_id).commands
        count = 0
        # In pieces: Lua takes a few thousand arguments in a call.
        for start in range(0, max(1, len(names)), VISITORS_AT_ONCE):
            count = await commands.send(
                int(keep_s * 1000),
                *names[start : start + VISITORS_AT_ONCE],
                script=scripts.VISITORS,
                keys=(self._keys.room(room_id).visitors,),
                wait_s=self._settings.read_wait_s,
            )
        return count

    async def _probe(self, shard: Shard) -> bool:
        self._probed += 1
        word = b"%d" % self._probed
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._probes[word] = heard
        wait_s = self._settings.probe_s
        try:
            await shard.commands.send(self._how, shard.probe_channel, word, wait_s=wait_s)
            async with asyncio.timeout(wait_s):
                await heard
        except Away as error:
            # It could not be said, so whether it would be heard is not known.
            log.warning("probe not sent", url=shown(shard.url), error=str(error))
            return False
        except TimeoutError:
            await shard.subscriber.restart()
            return False
        finally:
            del self._probes[word]
        return True

    def _hear(self, channel: bytes, body: bytes) -> None:
        try:
            self._take(channel, body)
        except Exception:
            # One message that cannot be read must not end the link that all others come over. If
            # it was a batch, the next one shows the gap.
            log.exception("a message is dropped", channel=channel, size=len(body))

    def _take(self, channel: bytes, body: bytes) -> None:
        room_id = self._keys.room_of(channel)
        if room_id is not None:
            self._deliver(unpack_batch(body).delivery(room_id))
        elif body in self._probes:
            if not self._probes[body].done():
                self._probes[body].set_result(None)
        elif channel == self._keys.signals.encode():
            envelope = unpack_signal(body)
            if envelope.node_id != self._node_id and self._receiver is not None:
                self._receiver.on_signal(envelope.signal)

    def _deliver(self, delivery: Delivery) -> None:
        if self._receiver is not None:
            self._receiver.on_delivery(delivery)

    def _regain(self, channels: Collection[bytes]) -> None:
        rooms = [room for each in channels if (room := self._keys.room_of(each)) is not None]
        if rooms and self._receiver is not None:
            self._receiver.on_interrupted(rooms)
