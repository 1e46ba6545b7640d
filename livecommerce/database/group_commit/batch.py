"""One batch, load -> decide -> save, without any waiting of its own.

The writer carries what is asked for to the database and back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

from livecommerce.database.group_commit.operations import Insert, Load, Row, Save
from livecommerce.database.group_commit.rows import OutboxEntry, Rows
from livecommerce.database.group_commit.shapes import Ranks, shape_of
from livecommerce.database.group_commit.writes import Idempotency, Need, Write
from livecommerce.database.tables import commits, idempotency_keys, outbox
from livecommerce.kernel.errors import Code, Refused

R = TypeVar("R")


@dataclass(slots=True, eq=False)
class Pending(Generic[R]):
    """A write on its way, and the caller's future: the answer, and whether it is a replay."""

    write: Write[R]
    needs: tuple[Need, ...]
    future: asyncio.Future[tuple[R, bool]]
    key: Idempotency[R] | None

    @classmethod
    def of(cls, write: Write[R], future: asyncio.Future[tuple[R, bool]]) -> Pending[R]:
        key = write.idempotency
        needs = tuple(write.needs())
        # A bad id must not reach the batch, where it would cost the others too.
        assert all(type(need.id) is str for need in needs), needs
        if key is not None:
            needs = (*needs, Need(idempotency_keys, key.id))
        return cls(write, needs, future, key)

    def answer(self, outcome: Outcome) -> None:
        """Hand the outcome over, unless the caller has gone."""
        if self.future.done():
            return
        if isinstance(outcome.error, StopIteration):
            # The one exception a future does not take.
            self.future.set_exception(RuntimeError("a decision raised StopIteration"))
        elif outcome.error is not None:
            self.future.set_exception(outcome.error)
        else:
            self.future.set_result((outcome.answer, outcome.is_replay))


@dataclass(slots=True)
class Outcome:
    """What became of one write."""

    answer: Any = None
    error: Exception | None = None
    is_replay: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """Some writes in the order they arrived, to be committed together under one id."""

    id: str
    pendings: Sequence[Pending[Any]]
    ranks: Ranks
    outcomes: list[Outcome] = field(default_factory=list)
    entries: list[OutboxEntry] = field(default_factory=list)
    _asked: dict[sa.Table, dict[str, bool]] = field(default_factory=dict)
    _rows: Rows = field(init=False)

    def loads(self, *, lock_all: bool) -> list[Load]:
        """What to read: first the rows to lock, table by table in rank, then the others."""
        for pending in self.pendings:
            for need in pending.needs:
                ids = self._asked.setdefault(need.table, {})
                ids[need.id] = ids.get(need.id, False) or need.lock
        loads = []
        for table in sorted(self._asked, key=self.ranks.__getitem__):
            shape, ids = shape_of(table), self._asked[table]
            everything = lock_all and shape.is_versioned
            locked = [id for id, lock in ids.items() if lock or everything]
            others = [id for id, lock in ids.items() if not (lock or everything)]
            if locked:
                loads.append(Load(shape, sorted(locked), lock=True))
            if others:
                loads.append(Load(shape, others, lock=False))
        loads.sort(key=lambda load: not load.lock)
        return loads

    def take_in(self, loads: Sequence[Load], results: Sequence[list[Row]]) -> None:
        """Put the rows that were read before the decisions."""
        loaded: dict[sa.Table, dict[str, Row]] = {}
        for load, rows in zip(loads, results, strict=True):
            loaded.setdefault(load.shape.table, {}).update({row["id"]: row for row in rows})
        self._rows = Rows(loaded, self._asked)

    def decide(self, now: int) -> Iterator[None]:
        """Decide the writes in order; yields after each, so that the caller can let others run."""
        rows = self._rows
        for pending in self.pendings:
            rows.start_write(pending.needs)
            try:
                outcome = _decide(pending, rows, now)
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to this caller
                outcome = Outcome(error=error)
            else:
                if not outcome.is_replay:
                    rows.keep_write()
            self.outcomes.append(outcome)
            yield

    def saves(self, now: int) -> list[Save]:
        """The statements that store what was decided; none when nothing was changed."""
        if self._rows.is_unchanged:
            return []
        said = self._rows.said
        outbox_rows = []
        for position, one in enumerate(said):
            self.entries.append(
                OutboxEntry(one.id, self.id, one.room_id, one.person_id, one.audience, one.event)
            )
            kind = one.event.__struct_config__.tag
            outbox_rows.append(
                (one.id, self.id, position, one.room_id, one.person_id, one.audience, kind,
                 one.payload, now)
            )  # fmt: skip
        saves = self._rows.saves(self.ranks)
        if outbox_rows:
            saves.append(Insert(shape_of(outbox), outbox_rows, contended=False))
        # A batch with nothing to tell has nothing left to publish.
        published_at = None if outbox_rows else now
        marker = (self.id, False, len(outbox_rows), now, published_at, 1)
        saves.append(Insert(shape_of(commits), [marker], contended=False))
        return saves


_encoder = msgspec.msgpack.Encoder()


@cache
def _decoder(answer: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(answer)


def _decide(pending: Pending[Any], rows: Rows, now: int) -> Outcome:
    key = pending.key
    if key is None:
        return Outcome(answer=pending.write.decide(rows, now))
    first: Mapping[str, Any] | None = rows.get(idempotency_keys, key.id)
    if first is not None:
        if first["fingerprint"] != key.fingerprint:
            raise Refused(Code.IDEMPOTENCY_MISMATCH)
        decoder = _decoder(key.answer)  # type: ignore[arg-type]
        return Outcome(answer=decoder.decode(first["answer"]), is_replay=True)
    answer = pending.write.decide(rows, now)
    rows.insert(
        idempotency_keys,
        {
            "id": key.id,
            "fingerprint": key.fingerprint,
            "answer": _encoder.encode(answer),
            "created_at": now,
        },
    )
    return Outcome(answer=answer)
