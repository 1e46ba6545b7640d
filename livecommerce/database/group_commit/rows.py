"""The rows of one batch in memory: what was loaded, and what the writes have decided so far.

Each write sees what the earlier ones of its batch decided. Its own changes stand on a sheet of
their own until it succeeds; when it raises, the sheet is thrown away.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from livecommerce.database.group_commit.operations import Delete, Insert, Row, Save, Update
from livecommerce.database.group_commit.shapes import Ranks, Shape, Values, shape_of
from livecommerce.database.group_commit.writes import Need
from livecommerce.protocol.events import EVERYONE, Event, StateEvent

Key = tuple[sa.Table, str]


class OutboxEntry(msgspec.Struct, frozen=True):
    """An event that was committed, and whom it is for: a room's audience, or one person."""

    id: str
    commit_id: str
    room_id: str | None
    person_id: str | None
    audience: str
    event: Event


class Said(msgspec.Struct, frozen=True):
    """An event to be told once the batch is committed."""

    id: str
    room_id: str | None
    person_id: str | None
    audience: str
    event: Event
    payload: bytes


_encoder = msgspec.msgpack.Encoder()


class _Draft:
    """What a changed row will be; `values` is None when it will be gone."""

    __slots__ = ("deltas", "rises", "sets", "values")

    def __init__(
        self, values: Row | None, sets: frozenset[str], deltas: Mapping[str, int], rises: int
    ) -> None:
        self.values = values
        self.sets = sets
        self.deltas = deltas
        self.rises = rises


_NOTHING: frozenset[str] = frozenset()
_NO_DELTAS: Mapping[str, int] = {}
_NO_ROWS: Mapping[str, Row] = {}


class Rows:
    """Reads and records for `Write.decide`."""

    def __init__(
        self,
        loaded: Mapping[sa.Table, Mapping[str, Row]],
        asked: Mapping[sa.Table, Collection[str]],
    ) -> None:
        self._loaded = loaded
        self._asked = asked
        self._kept: dict[Key, _Draft] = {}
        # New rows stand as they will be stored. A batch makes a thousand, which are hardly ever
        # looked at again; as dicts they would not fit into the processor's cache.
        self._kept_new: dict[Key, Values] = {}
        self._kept_said: dict[Hashable, Said] = {}
        self._mine: dict[Key, _Draft] = {}
        self._my_new: dict[Key, Values] = {}
        self._my_said: dict[Hashable, Said] = {}
        self._declared: set[Key] = set()

    # What a decision may do.

    def get(self, table: sa.Table, id: str) -> Mapping[str, Any] | None:
        """The row as it stands now, or None. It must have been declared, or inserted by this write.

        What is returned never changes afterwards.
        """
        assert (table, id) in self._declared, f"{table.name} {id} is not in needs()"
        return self._now(table, id)

    def insert(self, table: sa.Table, values: Mapping[str, Any]) -> None:
        """Record a new row. Columns left out get their default, or null."""
        key = (table, values["id"])
        assert self._now(*key) is None, f"{table.name} {key[1]} exists"
        self._declared.add(key)
        self._put(key, shape_of(table).complete(values))

    def change(self, table: sa.Table, id: str, **values: Any) -> None:
        """Record new values of some columns."""
        draft = self._touch(table, id)
        assert draft.values is not None
        assert values.keys() <= draft.values.keys(), (table.name, values.keys())
        draft.values = {**draft.values, **values}
        draft.sets = draft.sets.union(values)

    def add(self, table: sa.Table, id: str, **deltas: int) -> None:
        """Record differences to add to some columns; the database adds them to what it holds."""
        draft = self._touch(table, id)
        assert draft.values is not None
        row, sums = dict(draft.values), dict(draft.deltas)
        for column, delta in deltas.items():
            row[column] += delta
            sums[column] = sums.get(column, 0) + delta
        draft.values, draft.deltas = row, sums

    def delete(self, table: sa.Table, id: str) -> None:
        """Record that a row goes.

        A versioned row must have been declared and must exist. In a table without versions the row
        need be neither: one that is not there counts as deleted.
        """
        if shape_of(table).is_versioned:
            self._touch(table, id).values = None
        else:
            self._my_new.pop((table, id), None)
            self._mine[table, id] = _Draft(None, _NOTHING, _NO_DELTAS, 0)

    def version(self, table: sa.Table, id: str) -> int:
        """The version of a row that this write has made or changed, as it will be stored."""
        key = (table, id)
        row = self._now(table, id) if key in self._my_new or key in self._mine else None
        assert row is not None, f"{table.name} {id} is unchanged yet"
        version: int = row["version"]
        return version

    def publish(self, room_id: str, event: Event, *, audience: str = EVERYONE) -> None:
        """Tell a room, once this is committed.

        Of several values of one state key in a batch only the last is told: it replaces the others.
        """
        id = event.id if audience == EVERYONE else f"{event.id}#{audience}"
        key = (room_id, audience, event.key) if isinstance(event, StateEvent) else id
        self._my_said[key] = Said(id, room_id, None, audience, event, _encoder.encode(event))

    def tell(self, person_id: str, event: Event) -> None:
        """Tell one person, on all their connections, once this is committed."""
        id = f"{event.id}@{person_id}"
        self._my_said[id] = Said(id, None, person_id, EVERYONE, event, _encoder.encode(event))

    # What the batch does with it.

    def start_write(self, needs: Collection[Need]) -> None:
        """Begin a write's own sheet, with the rows it wants made."""
        self._mine = {}
        self._my_new = {}
        self._my_said = {}
        self._declared = {(need.table, need.id) for need in needs}
        for need in needs:
            if need.create is not None and self._now(need.table, need.id) is None:
                row = shape_of(need.table).complete({**need.create, "id": need.id})
                self._put((need.table, need.id), row)

    def keep_write(self) -> None:
        """Make the write's changes part of the batch."""
        for key, draft in self._mine.items():
            if key[1] in self._loaded.get(key[0], _NO_ROWS):
                self._kept[key] = draft
            elif draft.values is not None:
                self._kept_new[key] = shape_of(key[0]).values(draft.values)
            else:
                self._kept_new.pop(key, None)
                self._kept[key] = draft
        self._kept_new.update(self._my_new)
        self._kept_said.update(self._my_said)

    @property
    def said(self) -> Collection[Said]:
        """Everything to be told, in order."""
        return self._kept_said.values()

    @property
    def is_unchanged(self) -> bool:
        return not (self._kept or self._kept_new or self._kept_said)

    def saves(self, ranks: Ranks) -> list[Save]:
        """The statements that store the batch: deletions, then by table updates and inserts.

        Updates go before inserts of the same table, so that a row which gives up a unique value
        makes room for one that takes it; parents' inserts go before their children's.
        """
        plans: dict[sa.Table, _Plan] = {}
        for table in {table for table, _ in (*self._kept, *self._kept_new)}:
            loaded, asked = self._loaded.get(table, _NO_ROWS), self._asked.get(table, ())
            plans[table] = _Plan(shape_of(table), loaded, asked)
        for (table, id), draft in self._kept.items():
            plans[table].add(id, draft)
        for (table, id), row in self._kept_new.items():
            plans[table].add_new(id, row)
        ranked = sorted(plans.items(), key=lambda item: ranks[item[0]])
        saves: list[Save] = [delete for _, plan in reversed(ranked) for delete in plan.deletes()]
        for _, plan in ranked:
            saves += plan.updates()
            saves += plan.inserts()
        return saves

    def _now(self, table: sa.Table, id: str) -> Row | None:
        key = (table, id)
        if key in self._my_new:
            return shape_of(table).named(self._my_new[key])
        draft = self._mine.get(key)
        return self._before(key) if draft is None else draft.values

    def _before(self, key: Key) -> Row | None:
        """The row as the writes before this one leave it."""
        if key in self._kept_new:
            return shape_of(key[0]).named(self._kept_new[key])
        draft = self._kept.get(key)
        return self._loaded.get(key[0], _NO_ROWS).get(key[1]) if draft is None else draft.values

    def _put(self, key: Key, row: Values) -> None:
        stored = self._loaded.get(key[0], _NO_ROWS).get(key[1])
        if stored is None:
            self._my_new[key] = row
            return
        # Deleted earlier in this batch and now made anew: for the database that is a change.
        before = self._kept.get(key)
        rises = (before.rises if before is not None else 0) + 1
        values = shape_of(key[0]).named(row)
        if "version" in values:
            values["version"] = stored["version"] + rises
        self._mine[key] = _Draft(values, frozenset(values) - {"id", "version"}, _NO_DELTAS, rises)

    def _touch(self, table: sa.Table, id: str) -> _Draft:
        """This write's draft of a row; its first change of the row raises the version by one."""
        key = (table, id)
        draft = None if key in self._my_new else self._mine.get(key)
        if draft is not None:
            assert draft.values is not None, f"{table.name} {id} is deleted"
            return draft
        assert key in self._declared, f"{table.name} {id} is not in needs()"
        rise = 0 if key in self._my_new else 1
        row = self._now(table, id)
        self._my_new.pop(key, None)
        assert row is not None, f"{table.name} {id} does not exist"
        assert "version" in row, f"{table.name} has no version to guard a change"
        row = {**row, "version": row["version"] + rise}
        before = self._kept.get(key)
        if before is None:
            draft = _Draft(row, _NOTHING, _NO_DELTAS, rise)
        else:
            draft = _Draft(row, before.sets, before.deltas, before.rises + rise)
        self._mine[key] = draft
        return draft


class _Plan:
    """The changes of one table, sorted into as few statements as can be."""

    def __init__(self, shape: Shape, loaded: Mapping[str, Row], asked: Collection[str]) -> None:
        self._shape = shape
        self._loaded = loaded
        self._asked = asked
        self._new: list[Values] = []
        self._contended: list[tuple[str, Values]] = []
        self._gone: list[str] = []
        self._changed: dict[tuple[frozenset[str], frozenset[str]], list[tuple[str, _Draft]]] = {}

    def add(self, id: str, draft: _Draft) -> None:
        row = draft.values
        if row is None:
            if id in self._loaded or not self._shape.is_versioned:
                self._gone.append(id)
        elif not self._shape.is_versioned:
            # Deleted and made anew: without a version to guard a change, it happens just so.
            self._gone.append(id)
            self._new.append(self._shape.values(row))
        else:
            sets = draft.sets
            deltas = frozenset(draft.deltas) - sets
            self._changed.setdefault((sets, deltas), []).append((id, draft))

    def add_new(self, id: str, row: Values) -> None:
        if id in self._asked:
            self._contended.append((id, row))
        else:
            self._new.append(row)

    def deletes(self) -> Iterator[Delete]:
        if not self._gone:
            return
        gone = sorted(self._gone)
        if self._shape.is_versioned:
            rows: list[tuple[Any, ...]] = [(id, self._loaded[id]["version"]) for id in gone]
        else:
            rows = [(id,) for id in gone]
        yield Delete(self._shape, rows)

    def updates(self) -> Iterator[Update]:
        for (sets, deltas), drafts in self._changed.items():
            set_columns = tuple(column for column in self._shape.columns if column in sets)
            delta_columns = tuple(column for column in self._shape.columns if column in deltas)
            rows = []
            for id, draft in sorted(drafts, key=lambda item: item[0]):
                row = draft.values
                assert row is not None
                new = [row[column] for column in set_columns]
                sums = [draft.deltas[column] for column in delta_columns]
                rows.append((id, self._loaded[id]["version"], draft.rises, *new, *sums))
            yield Update(self._shape, set_columns, delta_columns, rows)

    def inserts(self) -> Iterator[Insert]:
        if self._contended:
            # Two processes that make the same rows wait for each other in the order of the ids.
            rows = [row for _, row in sorted(self._contended)]
            yield Insert(self._shape, rows, contended=True)
        if self._new:
            yield Insert(self._shape, self._new, contended=False)
