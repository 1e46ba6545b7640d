"""The flush: one frame a group, written to every live socket, in slices that yield.

Nothing here awaits. A slice is a loop of bound transport writes over a list; everything that may
happen meanwhile (joins, leaves, full buffers) is the business of `groups`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from livecommerce.kernel.clock import Clock
from livecommerce.realtime.groups import Group

CHUNK = 64
"""Writes between two looks at the clock: about 0.2 ms."""
SMOOTHING = 0.1


class WriteCost:
    """What one write costs on this machine, learned from the flushes. Sets the ticks."""

    __slots__ = ("frames", "seconds")

    def __init__(self) -> None:
        self.seconds = 5e-6
        self.frames = 0

    def learn(self, writes: int, elapsed_s: float) -> None:
        self.frames += writes
        self.seconds += SMOOTHING * (elapsed_s / writes - self.seconds)


class _Job:
    __slots__ = ("end", "frame", "group", "next")

    def __init__(self, group: Group, frame: bytes) -> None:
        self.group = group
        self.frame = frame
        self.end = group.begin_flush()
        self.next = 0


class Flush:
    """One flush after another of one room; at most one is under way."""

    __slots__ = (
        "_clock",
        "_cost",
        "_ended",
        "_jobs",
        "_loop",
        "_slice_s",
        "is_running",
        "write_errors",
    )

    def __init__(
        self,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        slice_s: float,
        cost: WriteCost,
        ended: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._slice_s = slice_s
        self._cost = cost
        self._ended = ended
        self._jobs: list[_Job] = []
        self.is_running = False
        self.write_errors = 0

    def start(self, frames: Iterable[tuple[Group, bytes]]) -> None:
        """Begins to write; what fits in the first slice is written before this returns."""
        assert not self.is_running
        self._jobs = [_Job(group, frame) for group, frame in frames]
        if self._jobs:
            self.is_running = True
            self._run()

    def abort(self) -> None:
        """Gives up what is not written yet; everyone is about to get a snapshot."""
        jobs, self._jobs = self._jobs, []
        for job in jobs:
            job.group.end_flush(self._clock.mono_s())
        self.is_running = False

    def _run(self) -> None:
        if not self._jobs:
            # Aborted between two slices.
            return
        deadline = time.perf_counter() + self._slice_s
        # CPU time: what another process took of this core says nothing about a write.
        started = time.thread_time()
        written = 0
        while self._jobs:
            job = self._jobs[-1]
            while job.next < job.end:
                chunk_end = min(job.next + CHUNK, job.end)
                self._write(job, chunk_end)
                written += chunk_end - job.next
                job.next = chunk_end
                is_over = time.perf_counter() >= deadline
                if is_over and (job.next < job.end or len(self._jobs) > 1):
                    self._cost.learn(written, time.thread_time() - started)
                    self._loop.call_soon(self._run)
                    return
            self._jobs.pop()
            job.group.end_flush(self._clock.mono_s())
        if written:
            self._cost.learn(written, time.thread_time() - started)
        self.is_running = False
        self._ended()

    def _write(self, job: _Job, chunk_end: int) -> None:
        frame = job.frame
        writes = iter(job.group.writes[job.next : chunk_end])
        while True:
            try:
                for write in writes:
                    write(frame)
            except Exception:  # noqa: BLE001 - one broken transport must not cost the others
                # The iterator stands behind the one that failed; its connection_lost follows.
                self.write_errors += 1
            else:
                return
