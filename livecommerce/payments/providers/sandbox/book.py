"""The sandbox's book: what the provider knows, in a file of its own.

It is a witness apart from the shop's database: it survives the death of a server, several servers
of a machine share it, and `verify` asks it who has paid.
"""

from __future__ import annotations

import asyncio
import fcntl
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

T = TypeVar("T")

_BATCH_MAX = 256
_SCHEMA = """
CREATE TABLE IF NOT EXISTS intents(
  id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, attempt_id TEXT NOT NULL, order_id TEXT NOT NULL,
  amount_minor INTEGER NOT NULL CHECK(amount_minor > 0), currency TEXT NOT NULL,
  token TEXT NOT NULL, status TEXT NOT NULL, code TEXT, later TEXT, later_at INTEGER,
  refunded_minor INTEGER NOT NULL DEFAULT 0 CHECK(refunded_minor BETWEEN 0 AND amount_minor),
  created_at INTEGER NOT NULL, changed_at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS intents_later ON intents(later_at) WHERE later_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS refunds(
  key TEXT PRIMARY KEY, id TEXT NOT NULL, intent_id TEXT NOT NULL REFERENCES intents(id),
  amount_minor INTEGER NOT NULL CHECK(amount_minor > 0), created_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS webhooks(
  id TEXT PRIMARY KEY, intent_id TEXT NOT NULL, kind TEXT NOT NULL, due_at INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, sent_at INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS webhooks_due ON webhooks(due_at) WHERE sent_at IS NULL;
"""

Work = Callable[[sqlite3.Connection], T]
_Job = tuple[Work[Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Book:
    """Runs pieces of work one after the other, those that wait together in one transaction."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="sandbox-book", daemon=True)

    def open(self) -> None:
        """Makes the file if there is none, and starts. Blocking."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Nodes start together, and SQLite does not wait for another one's change to WAL: it fails.
        with self._path.with_suffix(".opening").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            connection = self._connect()
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executescript(_SCHEMA)
            connection.close()
        self._thread.start()

    async def do(self, work: Work[T]) -> T:
        """Runs `work` inside a transaction; when this returns, what it did is stored."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((work, future, loop))
        return cast(T, await future)

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA busy_timeout = 10000")
        # A killed process loses nothing this way; a power cut may, and this is a sandbox.
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _run(self) -> None:
        connection = self._connect()
        try:
            while (job := self._jobs.get()) is not None:
                jobs = [job]
                is_last = False
                while len(jobs) < _BATCH_MAX and not self._jobs.empty():
                    another = self._jobs.get()
                    if another is None:
                        is_last = True
                        break
                    jobs.append(another)
                self._do_all(connection, jobs)
                if is_last:
                    return
        finally:
            connection.close()

    def _do_all(self, connection: sqlite3.Connection, jobs: list[_Job]) -> None:
        answers: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                connection.execute("SAVEPOINT job")
                try:
                    answers.append((job, job[0](connection), None))
                except Exception as error:  # noqa: BLE001  (it is the caller's, and told to them)
                    connection.execute("ROLLBACK TO job")
                    answers.append((job, None, error))
                connection.execute("RELEASE job")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            answers = [(job, None, error) for job in jobs]
        for (_work, future, loop), answer, fault in answers:
            try:
                loop.call_soon_threadsafe(_resolve, future, answer, fault)
            except RuntimeError:
                continue  # the asker's loop is closed


def _resolve(future: asyncio.Future[Any], answer: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(answer)
