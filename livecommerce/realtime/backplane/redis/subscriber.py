"""The link on which this node hears one Redis: subscribed to what it serves, and nothing else."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Collection

import structlog
from redis.asyncio import Connection
from redis.exceptions import RedisError

from livecommerce.realtime.backplane.redis.links import (
    Away,
    Backoff,
    connection_to,
    end,
    hang_up,
    shown,
)
from livecommerce.realtime.backplane.redis.settings import RedisSettings

log = structlog.get_logger()


class SlotMoved(Exception):
    """A cluster took a channel away from this Redis."""


class SubscriberLink:
    """A supervised subscriber connection that always wants a set of channels.

    Args:
        heard: (channel, body), for every message.
        regained: channels that are heard again after a time in which they were not; what was said
            meanwhile is missing.
        on_doubt: called when the link is lost, or Redis says that a channel is not its any more.
        is_sharded: SSUBSCRIBE instead of SUBSCRIBE.
    """

    def __init__(
        self,
        url: str,
        *,
        settings: RedisSettings,
        heard: Callable[[bytes, bytes], None],
        regained: Callable[[Collection[bytes]], None],
        on_doubt: Callable[[], None] = lambda: None,
        is_sharded: bool = False,
    ) -> None:
        self.url = url
        self.reconnects = 0
        self._settings = settings
        self._heard = heard
        self._regained_all = regained
        self._on_doubt = on_doubt
        self._is_sharded = is_sharded
        self._wanted: set[bytes] = set()
        self._asked: set[bytes] = set()
        """What this connection was asked for."""
        self._unanswered: Counter[bytes] = Counter()
        self._confirmed: set[bytes] = set()
        self._lost: set[bytes] = set()
        self._regained: list[bytes] = []
        self._waiting: dict[bytes, list[asyncio.Future[None]]] = {}
        self._changed = asyncio.Event()
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def start(self) -> None:
        if self._task is None and not self._is_closed:
            self._task = asyncio.create_task(self._run(), name=f"redis hears {shown(self.url)}")

    async def close(self) -> None:
        self._is_closed = True
        if self._task is not None:
            await end(self._task)
        for waiting in self._waiting.values():
            for each in waiting:
                if not each.done():
                    each.set_exception(Away("the link was closed"))
        self._waiting.clear()

    @property
    def channels(self) -> Collection[bytes]:
        return self._wanted

    def want(self, channel: bytes) -> None:
        """Subscribes as soon as possible, and again after every reconnect."""
        self._wanted.add(channel)
        self._changed.set()

    async def subscribe(self, channel: bytes) -> None:
        """Returns once Redis has confirmed the channel.

        Raises:
            Away: not within `read_wait_s`. The channel stays wanted; unsubscribe it.
        """
        self.want(channel)
        if channel in self._confirmed and not self._unanswered[channel]:
            return
        confirmed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(channel, []).append(confirmed)
        try:
            async with asyncio.timeout(self._settings.read_wait_s):
                await confirmed
        except TimeoutError:
            raise Away("Redis did not confirm a subscription in time") from None
        finally:
            if confirmed.cancelled():
                self._forget(channel, confirmed)

    def _forget(self, channel: bytes, waiter: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(channel, [])
        if waiter in waiting:
            waiting.remove(waiter)
        if not waiting:
            self._waiting.pop(channel, None)

    def unsubscribe(self, channel: bytes) -> None:
        self._wanted.discard(channel)
        self._changed.set()

    def hand_over(self, channel: bytes, other: SubscriberLink) -> None:
        """Has another link hear a channel, and answer those who wait for it."""
        self.unsubscribe(channel)
        waiting = self._waiting.pop(channel, [])
        if waiting:
            other._waiting.setdefault(channel, []).extend(waiting)
        else:
            # Somebody was told that it is heard.
            other._lost.add(channel)
        other.want(channel)

    async def restart(self) -> None:
        """Drops the connection: it seems to be deaf. Another one is made at once."""
        if self._connection is not None:
            log.error("a deaf link is dropped", url=shown(self.url))
            await hang_up(self._connection)

    # The link

    async def _run(self) -> None:
        backoff = Backoff(self._settings)
        was_hearing = True
        while True:
            connection = connection_to(self.url, self._settings)
            asking: asyncio.Task[None] | None = None
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                self._connection = connection
                was_hearing = True
                self.reconnects += 1
                self._asked.clear()
                self._unanswered.clear()
                self._changed.set()
                asking = asyncio.create_task(self._keep_asking(connection))
                while True:
                    self._take(await connection.read_response(timeout=math.inf))
                    backoff.reset()
            except (RedisError, OSError, SlotMoved) as error:
                if was_hearing:
                    log.error("not hearing Redis", url=shown(self.url), error=str(error))
                was_hearing = False
                self._on_doubt()
            except Exception:
                # A bug must not make a node deaf for ever.
                log.exception("the subscriber failed", url=shown(self.url))
            finally:
                self._connection = None
                self._lost |= self._confirmed | set(self._regained)
                self._confirmed.clear()
                self._regained.clear()
                if asking is not None:
                    await end(asking)
                await hang_up(connection)
            await asyncio.sleep(backoff.pause_s())

    async def _keep_asking(self, connection: Connection) -> None:
        """Brings what Redis sends in line with what is wanted, many channels a command."""
        try:
            while True:
                await self._changed.wait()
                # Joiners of many rooms in one turn share a command.
                await asyncio.sleep(0)
                self._changed.clear()
                gone = list(self._asked - self._wanted)
                new = list(self._wanted - self._asked)
                self._asked = set(self._wanted)
                self._confirmed.difference_update(gone)
                self._lost.difference_update(gone)
                self._tell_regained()
                self._unanswered.update(new)
                prefix = "S" if self._is_sharded else ""
                commands: list[tuple[str | bytes, ...]] = []
                for verb, channels in ((f"{prefix}UNSUBSCRIBE", gone), (f"{prefix}SUBSCRIBE", new)):
                    # Channels of different slots may not share a command.
                    size = 1 if self._is_sharded else self._settings.subscribe_max
                    commands += [
                        (verb, *channels[start : start + size])
                        for start in range(0, len(channels), size)
                    ]
                if commands:
                    packed = connection.pack_commands(commands)
                    await connection.send_packed_command(packed, check_health=False)
        except (RedisError, OSError) as error:
            # redis-py has closed the connection, so the reader ends too.
            log.error("subscribing failed", url=shown(self.url), error=str(error))

    def _take(self, reply: list[bytes]) -> None:
        match reply:
            case [b"message" | b"smessage", channel, body]:
                if channel in self._wanted:
                    self._heard(channel, body)
            case [b"subscribe" | b"ssubscribe", channel, _]:
                self._confirm(channel)
            case [b"sunsubscribe", channel, _] if channel in self._asked:
                raise SlotMoved(channel.decode())

    def _confirm(self, channel: bytes) -> None:
        self._unanswered[channel] -= 1
        if self._unanswered[channel] > 0:
            return
        del self._unanswered[channel]
        if channel not in self._asked:
            return
        self._confirmed.add(channel)
        for waiting in self._waiting.pop(channel, ()):
            if not waiting.done():
                waiting.set_result(None)
        if channel in self._lost:
            self._lost.discard(channel)
            self._regained.append(channel)
            self._tell_regained()

    def _tell_regained(self) -> None:
        """Once all that was lost is heard again, in one go: it is answered by one pipeline."""
        if self._regained and not self._lost:
            regained, self._regained = self._regained, []
            log.info("hearing Redis again", url=shown(self.url), channels=len(regained))
            self._regained_all(regained)
