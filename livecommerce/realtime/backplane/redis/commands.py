"""The link on which this node speaks to one Redis: commands wait in a bounded queue and leave in
pipelines.

Smart batching: while one pipeline is under way the next one gathers, so a quiet node has the
latency of one round trip and a busy one few of them. What was sent and not answered is sent again
after a reconnect, in order; every command of ours may be repeated.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from redis.asyncio import Connection
from redis.exceptions import NoScriptError, RedisError, ResponseError

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.backplane.redis.links import (
    Away,
    Backoff,
    Doubtful,
    connection_to,
    end,
    facts_of,
    hang_up,
    is_doubtful,
    is_refusal,
    shown,
)
from livecommerce.realtime.backplane.redis.scripts import ALL, Script
from livecommerce.realtime.backplane.redis.settings import RedisSettings

log = structlog.get_logger()

Argument = str | bytes | int
EXPIRE_EVERY_S = 0.25
REFUSED_S = 10.0
"""A Redis that refused to write is believed to do so for this long, unless it writes sooner. The
viewer counts of a node that has rooms try it more often."""


class Command:
    """One command, waiting or sent. `arguments` are the script's after the generation, or all."""

    __slots__ = ("answer", "arguments", "keys", "read", "script", "size", "until_s")

    def __init__(
        self,
        *,
        script: Script | None,
        keys: Sequence[str],
        arguments: Sequence[Argument],
        read: Callable[[Any], Any],
        until_s: float,
        answer: asyncio.Future[Any],
    ) -> None:
        self.script = script
        self.keys = keys
        self.arguments = arguments
        self.read = read
        self.until_s = until_s
        self.answer = answer
        self.size = 64 + sum(len(each) for each in arguments if isinstance(each, bytes))

    @property
    def key(self) -> str:
        """What a cluster places the command by."""
        return self.keys[0] if self.script is not None else str(self.arguments[1])

    def parts(self, generation: str) -> tuple[Argument, ...]:
        if self.script is None:
            return tuple(self.arguments)
        digest = self.script.digest
        return ("EVALSHA", digest, len(self.keys), *self.keys, generation, *self.arguments)

    def settle(self, reply: Any) -> None:
        """Answers whoever waits, with the value or the error that came."""
        if self.answer.done():
            return
        if isinstance(reply, ResponseError):
            refused = Away(f"Redis refuses: {reply}")
            refused.__cause__ = reply
            self.answer.set_exception(refused)
            return
        try:
            self.answer.set_result(self.read(reply))
        except Exception as error:  # noqa: BLE001 - a reply nobody foresaw is its asker's trouble
            self.answer.set_exception(error)

    def give_up(self, why: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(Away(why))


class CommandLink:
    """A supervised, pipelined connection. `start` it; it connects and reconnects by itself.

    Args:
        on_doubt: called when the link is lost or Redis answers that it cannot serve, before the
            reconnect; a cluster's map may have changed.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        settings: RedisSettings,
        on_doubt: Callable[[], None] = lambda: None,
    ) -> None:
        self.url = url
        self.generation = ""
        """Names the Redis process that is spoken to. What another one said may be older."""
        self.reconnects = 0
        self.is_up = False
        self._clock = clock
        self._settings = settings
        self._on_doubt = on_doubt
        self._queue: deque[Command] = deque()
        self._sent: deque[Command] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._came_up = asyncio.Event()
        self._down_since_s = clock.mono_s()
        self._refused_s = float("-inf")
        self._task: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._is_closing = False

    def start(self) -> None:
        if self._task is None and not self._is_closing:
            self._task = asyncio.create_task(self._run(), name=f"redis commands {shown(self.url)}")
            self._expire()

    async def wait_until_up(self, seconds: float) -> bool:
        """Waits for the connection; False when it does not come in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._came_up.wait()
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Sends what waits, for `flush_s` at most, and hangs up."""
        self._is_closing = True
        deadline_s = self._clock.mono_s() + self._settings.flush_s
        if self.is_up:
            while self.backlog and self._clock.mono_s() < deadline_s:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for command in await self.retire():
            command.give_up("the link was closed")

    async def retire(self) -> list[Command]:
        """Hangs up at once; returns what has no answer, for another link."""
        self._is_closing = True
        if self._expiry is not None:
            self._expiry.cancel()
        if self._task is not None:
            await end(self._task)
        left = [each for each in (*self._sent, *self._queue) if not each.answer.done()]
        self._sent.clear()
        self._queue.clear()
        return left

    @property
    def is_accepting(self) -> bool:
        """False once Redis has been away for more than a blip, refuses to write, or the queue is
        half full."""
        if self._is_refused or len(self._queue) * 2 > self._settings.queue_max:
            return False
        return self.is_up or self._clock.mono_s() - self._down_since_s < self._settings.blip_s

    @property
    def is_serving(self) -> bool:
        """Whether what is sent now is likely to be carried out at once."""
        return self.is_up and not self._is_refused

    @property
    def _is_refused(self) -> bool:
        return self._clock.mono_s() - self._refused_s < REFUSED_S

    @property
    def backlog(self) -> int:
        return len(self._queue) + len(self._sent)

    def send(
        self,
        *arguments: Argument,
        wait_s: float,
        script: Script | None = None,
        keys: Sequence[str] = (),
        read: Callable[[Any], Any] = lambda reply: reply,
    ) -> asyncio.Future[Any]:
        """Queues a command; the future has what `read` makes of the reply.

        Raises (in the future):
            Away: not answered within `wait_s`, refused by Redis, or the queue is full.
        """
        command = Command(
            script=script,
            keys=keys,
            arguments=arguments,
            read=read,
            until_s=self._clock.mono_s() + wait_s,
            answer=asyncio.get_running_loop().create_future(),
        )
        if self._is_closing:
            command.give_up("the link is closed")
        elif (
            len(self._queue) >= self._settings.queue_max
            or self._bytes + command.size > self._settings.queue_bytes_max
        ):
            command.give_up("too much waits for Redis already")
        else:
            self._queue.append(command)
            self._bytes += command.size
            self._wake.set()
        return command.answer

    def take_back(self, is_mine: Callable[[Command], bool]) -> list[Command]:
        """Gives up what belongs to other links, in order, what is under way included: whatever is
        sent after it must not overtake it. An answer that still comes here counts."""
        taken = []
        for waiting in (self._sent, self._queue):
            for _ in range(len(waiting)):
                command = waiting.popleft()
                if is_mine(command):
                    waiting.append(command)
                    continue
                if waiting is self._queue:
                    self._bytes -= command.size
                if not command.answer.done():
                    taken.append(command)
        return taken

    def put(self, command: Command) -> None:
        """Queues a command that another link had."""
        self._queue.append(command)
        self._bytes += command.size
        self._wake.set()

    # The link

    async def _run(self) -> None:
        backoff = Backoff(self._settings)
        while True:
            connection = connection_to(self.url, self._settings)
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                await self._greet(connection)
                self._came_back()
                if not self._is_refused:
                    backoff.reset()
                await self._serve(connection)
            except (RedisError, OSError, Doubtful) as error:
                self._went_away(error)
            except Exception:
                # A bug must not make a node mute for ever.
                log.exception("the link to Redis failed", url=shown(self.url))
                self._went_away(None)
            finally:
                await hang_up(connection)
            await asyncio.sleep(backoff.pause_s())

    async def _greet(self, connection: Connection) -> None:
        await connection.send_command("INFO", "server")
        self.generation = facts_of(await connection.read_response()).get("run_id", "")
        await self._load_scripts(connection)

    async def _load_scripts(self, connection: Connection) -> None:
        for script in ALL:
            await connection.send_command("SCRIPT LOAD", script.text)
            await connection.read_response()

    async def _serve(self, connection: Connection) -> None:
        while True:
            while not self._queue:
                self._wake.clear()
                await self._wake.wait()
            self._take()
            await self._exchange(connection)

    def _take(self) -> None:
        """Moves what goes into the next pipeline from the queue to what is under way."""
        size = 0
        settings = self._settings
        while self._queue and len(self._sent) < settings.pipeline_max:
            command = self._queue.popleft()
            self._bytes -= command.size
            if command.answer.done():
                continue
            self._sent.append(command)
            size += command.size
            if size >= settings.pipeline_bytes_max:
                break

    async def _exchange(self, connection: Connection) -> None:
        """Sends what is under way and reads the answers, in order."""
        while self._sent:
            packed = connection.pack_commands(each.parts(self.generation) for each in self._sent)
            await connection.send_packed_command(packed, check_health=False)
            is_unknown = False
            doubt: ResponseError | None = None
            for command in tuple(self._sent):
                try:
                    reply = await connection.read_response()
                except ResponseError as error:
                    reply = error
                if isinstance(reply, NoScriptError):
                    is_unknown = True
                elif isinstance(reply, ResponseError) and is_doubtful(reply):
                    doubt = reply
                    if is_refusal(reply):
                        self._refused_s = self._clock.mono_s()
                else:
                    command.settle(reply)
                    if command.script is not None:
                        # All of ours write, or would be refused as if they did.
                        self._refused_s = float("-inf")
            # What had no answer stays, in its order, and goes before everything later.
            self._sent = deque(each for each in self._sent if not each.answer.done())
            if doubt is not None:
                raise Doubtful(str(doubt))
            if is_unknown:
                # Somebody flushed the scripts.
                await self._load_scripts(connection)

    def _came_back(self) -> None:
        self.reconnects += 1
        self.is_up = True
        self._came_up.set()
        log.info("speaking to Redis", url=shown(self.url), waiting=len(self._queue))

    def _went_away(self, error: Exception | None) -> None:
        if self.is_up or not self._came_up.is_set():
            log.error("Redis is away", url=shown(self.url), error=str(error))
        if self.is_up:
            self._down_since_s = self._clock.mono_s()
        self.is_up = False
        # Put back in front, in order: repeating what was done already does nothing.
        while self._sent:
            command = self._sent.pop()
            if not command.answer.done():
                self._queue.appendleft(command)
                self._bytes += command.size
        self._on_doubt()

    def _expire(self) -> None:
        """Gives up what has waited too long, also while a connection attempt hangs."""
        self._expiry = asyncio.get_running_loop().call_later(EXPIRE_EVERY_S, self._expire)
        now_s = self._clock.mono_s()
        for command in self._sent:
            if command.until_s <= now_s:
                command.give_up("Redis did not answer in time")
        if not any(command.until_s <= now_s for command in self._queue):
            return
        kept = deque(command for command in self._queue if command.until_s > now_s)
        for command in self._queue:
            if command.until_s <= now_s:
                self._bytes -= command.size
                command.give_up("Redis did not answer in time")
        self._queue = kept
