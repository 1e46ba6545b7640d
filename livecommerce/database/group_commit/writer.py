"""The one writer of a process: what arrives while a batch commits is the next batch."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from livecommerce.database.group_commit.batch import Batch, Outcome, Pending
from livecommerce.database.group_commit.errors import (
    CommitUnknown,
    ConstraintViolated,
    Poisoned,
    Stale,
    Transient,
    Unreachable,
)
from livecommerce.database.group_commit.operations import WriteConnection
from livecommerce.database.group_commit.rows import OutboxEntry
from livecommerce.database.group_commit.shapes import Ranks
from livecommerce.database.group_commit.writes import Write
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.figures import Total
from livecommerce.kernel.ids import new_id

R = TypeVar("R")
Committed = Callable[[Sequence[OutboxEntry]], None]

_log = logging.getLogger(__name__)

QUEUE_MAX = 20_000
_TRIES_MAX = 5
# A caller who is told soon comes again; one who waits for a row held forever does not.
_TRYING_S = 4.0
_STALE_MAX = 8
_RETRY_S = 0.01
# With more to do, a batch is answered while the next one is saved, but at most this much after its
# commit. Answered at once, it would keep the event loop from sending the next one off.
_ANSWERED_WITHIN_S = 0.01
# How long the others on the event loop wait while a batch is decided.
_SLICE_S = 0.002
# With waits that grow to a second, about half a minute: a database that fails over is back by then.
_SETTLE_TRIES_MAX = 36


@dataclass(slots=True)
class WriterCounts:
    """What the writer has done since it started; for metrics and tests."""

    batches: Total = 0
    writes: Total = 0
    retries: Total = 0
    stale: Total = 0
    bisections: Total = 0
    unknown_commits: Total = 0
    last_batch_s: float = 0.0


class Writer:
    """Takes every write of this process and commits them in batches, in order of arrival."""

    def __init__(
        self,
        connection: WriteConnection,
        *,
        ranks: Ranks,
        clock: Clock,
        batch_max: int = 256,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        assert batch_max > 0
        self.batch_max = batch_max
        self.counts = WriterCounts()
        self._connection = connection
        self._ranks = ranks
        self._clock = clock
        self.queue_max = queue_max
        self._queue: deque[Pending[Any]] = deque()
        self._arrived = asyncio.Event()
        self._callbacks: list[Committed] = []
        self._unanswered: list[tuple[Pending[Any], Outcome]] = []
        self._is_closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to work. The task is the writer's own, ended by `close`."""
        self._task = asyncio.create_task(self._run(), name="writer")

    async def close(self) -> None:
        """Commit what has arrived, take nothing more, and let go of the connection."""
        self._is_closing = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        await self._connection.close()

    @property
    def backlog(self) -> int:
        """Writes that wait for their batch."""
        return len(self._queue)

    def on_committed(self, callback: Committed) -> None:
        """Call this with the events of each batch, after COMMIT and before any caller is answered.

        It must return at once. What it raises is logged; the relay tells the events again.
        """
        self._callbacks.append(callback)

    async def submit(self, write: Write[R]) -> R:
        """Decide and store a write; returns once it is durable.

        A caller that is cancelled gives up the answer, not the write.

        Raises:
            Refused: what the decision said; SERVER_BUSY when too many wait (nothing was done);
                UNAVAILABLE when the database is out of reach (repeat it with the same key);
                IDEMPOTENCY_MISMATCH when the key was used for something else.
            ConstraintViolated: the database refused, and the write knows no refusal for it.
        """
        answer, _ = await self.submit_replayable(write)
        return answer

    async def submit_replayable(self, write: Write[R]) -> tuple[R, bool]:
        """As `submit`, and tells whether the answer is the replay of an earlier one."""
        if self._is_closing or self._task is None or self._task.done():
            raise Refused(Code.UNAVAILABLE)
        if len(self._queue) >= self.queue_max:
            batches = len(self._queue) / self.batch_max
            wait_ms = int(1000 * batches * self.counts.last_batch_s)
            raise Refused(Code.SERVER_BUSY, retry_after_ms=max(100, wait_ms))
        future: asyncio.Future[tuple[R, bool]] = asyncio.get_running_loop().create_future()
        self._queue.append(Pending.of(write, future))
        self._arrived.set()
        return await future

    async def _run(self) -> None:
        while True:
            while not self._queue:
                if self._is_closing:
                    return
                self._arrived.clear()
                await self._arrived.wait()
            count = min(len(self._queue), self.batch_max)
            pendings = [self._queue.popleft() for _ in range(count)]
            started_s = self._clock.mono_s()
            try:
                await self._commit(pendings)
            except Exception as error:  # noqa: BLE001 - told to every caller of the batch
                # A bug of ours. Its batch must not hang, and the next one deserves its chance.
                _log.exception("a batch failed")
                await self._connection.rollback()
                for pending in pendings:
                    pending.answer(Outcome(error=error))
            self.counts.last_batch_s = self._clock.mono_s() - started_s

    async def _commit(self, pendings: Sequence[Pending[Any]]) -> None:
        """Try until every one of these writes has its answer."""
        tries = stale = 0
        gives_up_at_s = self._clock.mono_s() + _TRYING_S
        while True:
            try:
                await self._attempt(pendings, lock_all=stale > 0)
            except Stale:
                stale += 1
                self.counts.stale += 1
                if stale >= _STALE_MAX:
                    break
            except Transient as error:
                tries += 1
                self.counts.retries += 1
                _log.warning("batch is tried again", extra={"error": str(error), "tries": tries})
                if tries >= _TRIES_MAX or self._clock.mono_s() >= gives_up_at_s:
                    break
            except (ConstraintViolated, Poisoned) as error:
                if len(pendings) > 1:
                    # One of them is the culprit; the others must not pay for it.
                    self.counts.bisections += 1
                    middle = len(pendings) // 2
                    await self._commit(pendings[:middle])
                    await self._commit(pendings[middle:])
                    return
                pendings[0].answer(Outcome(error=_refusal(pendings[0].write, error)))
                return
            except Unreachable as error:
                _log.error("the database is out of reach", extra={"error": str(error)})
                break
            else:
                return
            await asyncio.sleep(_RETRY_S * 2 ** (tries + stale) * random.random())
        for pending in pendings:
            pending.answer(Outcome(error=Refused(Code.UNAVAILABLE)))

    async def _attempt(self, pendings: Sequence[Pending[Any]], *, lock_all: bool) -> None:
        try:
            await self._carry_out(pendings, lock_all=lock_all)
        except Exception:
            # Whatever becomes of this one: what was committed before it is told that, and first.
            self._answer()
            raise

    async def _carry_out(self, pendings: Sequence[Pending[Any]], *, lock_all: bool) -> None:
        batch = Batch(new_id(), pendings, self._ranks)
        loads = batch.loads(lock_all=lock_all)
        batch.take_in(loads, await self._connection.load(loads))
        now = self._clock.now_ms()
        await self._decide(batch, now)
        saves = batch.saves(now)
        if saves:
            try:
                saving = asyncio.ensure_future(self._connection.save(saves))
                # Behind the first step of saving: while the database works, the batch before this
                # one is answered, and its callers send what will be the next.
                asyncio.get_running_loop().call_soon(self._answer)
                await saving
            except CommitUnknown as error:
                if not await self._settle(batch.id):
                    raise Transient(str(error)) from error
        else:
            await self._connection.rollback()
        self.counts.batches += 1
        self.counts.writes += len(pendings)
        if batch.entries:
            self._tell(batch.entries)
        self._unanswered += zip(pendings, batch.outcomes, strict=True)
        if self._queue:
            asyncio.get_running_loop().call_later(_ANSWERED_WITHIN_S, self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        """Hand over what is committed."""
        unanswered, self._unanswered = self._unanswered, []
        for pending, outcome in unanswered:
            pending.answer(outcome)

    async def _decide(self, batch: Batch, now: int) -> None:
        """Decide in slices: sockets are served between them."""
        slice_ends_s = self._clock.mono_s() + _SLICE_S
        for _ in batch.decide(now):
            if self._clock.mono_s() >= slice_ends_s:
                await asyncio.sleep(0)
                slice_ends_s = self._clock.mono_s() + _SLICE_S

    async def _settle(self, commit_id: str) -> bool:
        """Find out whether a batch whose COMMIT got no answer is in the database."""
        self.counts.unknown_commits += 1
        _log.warning("COMMIT got no answer", extra={"commit_id": commit_id})
        wait_s = _RETRY_S
        for _ in range(_SETTLE_TRIES_MAX):
            try:
                return await self._connection.has_committed(commit_id, self._clock.now_ms())
            except (Transient, Unreachable):
                await asyncio.sleep(wait_s * (0.5 + random.random()))
                wait_s = min(1.0, wait_s * 2)
        raise Unreachable("COMMIT stays unknown")

    def _tell(self, entries: Sequence[OutboxEntry]) -> None:
        for callback in self._callbacks:
            try:
                callback(entries)
            except Exception:  # noqa: BLE001 - the relay tells it again
                _log.exception("telling a committed batch failed")


def _refusal(write: Write[Any], error: ConstraintViolated | Poisoned) -> Exception:
    if isinstance(error, ConstraintViolated):
        return write.refusal(error) or error
    return error
