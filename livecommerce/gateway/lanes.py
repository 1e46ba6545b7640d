"""In which order the commands of one connection run. Pure: says what may start, runs nothing.

Commands of one verb run one after another, as they arrived: chat lines keep their order. Verbs do
not wait for each other: a slow purchase blocks no chat. Commands of the session itself (hello,
join, leave, renew) change who and where everybody after them is, so they run alone.
"""

from __future__ import annotations

from collections import deque

from livecommerce.protocol.commands import Command, Hello, Join, Leave, Renew

BARRIERS = (Hello, Join, Leave, Renew)


class Lanes:
    """The commands of one connection that were accepted and not yet answered.

    A command class with `concurrent: ClassVar[bool] = True` runs beside its own kind, too.
    """

    __slots__ = ("_running", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Command] = deque()
        self._running: list[Command] = []

    def __bool__(self) -> bool:
        return bool(self._waiting or self._running)

    def add(self, command: Command) -> None:
        self._waiting.append(command)

    def done(self, command: Command) -> None:
        """`command`, which `start` gave out, was answered."""
        self._running.remove(command)

    def start(self) -> list[Command]:
        """Takes out what may run now, in arrival order."""
        if not self._running and len(self._waiting) == 1:
            # The usual case: a client that waits for its answer.
            self._running.append(self._waiting.popleft())
            return list(self._running)
        started: list[Command] = []
        still: deque[Command] = deque()
        passed: set[type[Command]] = set()
        while self._waiting:
            command = self._waiting[0]
            if isinstance(command, BARRIERS):
                if self._running or still:
                    break
                self._running.append(self._waiting.popleft())
                started.append(command)
                break
            if any(isinstance(running, BARRIERS) for running in self._running):
                break
            self._waiting.popleft()
            kind = type(command)
            busy = kind in passed or any(type(running) is kind for running in self._running)
            if busy and not getattr(kind, "concurrent", False):
                passed.add(kind)
                still.append(command)
            else:
                self._running.append(command)
                started.append(command)
        still.extend(self._waiting)
        self._waiting = still
        return started
