"""What the writer must know of a table, worked out once from its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One table: its columns in their order, and what an insert may leave out."""

    table: sa.Table
    name: str
    columns: tuple[str, ...]
    defaults: Mapping[str, Any]
    is_versioned: bool
    types: Mapping[str, str]
    """PostgreSQL's name of each column's type."""
    values: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The values of a row in the columns' order."""
    booleans: tuple[int, ...]
    """Positions of the columns that SQLite gives back as 0 and 1."""

    def complete(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """A whole row from the given values, in the columns' order."""
        row = {**self.defaults, **values}
        # A misspelt column would otherwise vanish without a trace.
        assert row.keys() == self.types.keys(), (self.name, row.keys() ^ self.types.keys())
        return row


@cache
def shape_of(table: sa.Table) -> Shape:
    """The shape of a table."""
    types = {
        sa.Text: "text",
        sa.BigInteger: "bigint",
        sa.Boolean: "boolean",
        sa.Double: "double precision",
        sa.LargeBinary: "bytea",
    }
    defaults: dict[str, Any] = {}
    for column in table.columns:
        if column.default is not None:
            assert isinstance(column.default, sa.ColumnDefault)
            defaults[column.name] = column.default.arg
        elif column.nullable:
            defaults[column.name] = None
    columns = tuple(column.name for column in table.columns)
    return Shape(
        table=table,
        name=table.name,
        columns=columns,
        defaults=defaults,
        is_versioned="version" in table.columns,
        types={
            column.name: next(name for kind, name in types.items() if isinstance(column.type, kind))
            for column in table.columns
        },
        # With a single column itemgetter gives the bare value.
        values=itemgetter(*columns) if len(columns) > 1 else lambda row: (row[columns[0]],),
        booleans=tuple(
            place
            for place, column in enumerate(table.columns)
            if isinstance(column.type, sa.Boolean)
        ),
    )


class Ranks:
    """The one order in which every process locks, inserts and updates: parents before children.

    It depends on nothing but the set of tables, so two processes that imported the features in
    different orders still lock in the same one.
    """

    def __init__(self, declared: Sequence[sa.MetaData]) -> None:
        self._declared = declared
        self._rank: dict[sa.Table, int] = {}

    def __getitem__(self, table: sa.Table) -> int:
        rank = self._rank.get(table)
        if rank is None:
            tables = [known for metadata in self._declared for known in metadata.sorted_tables]
            self._rank = {known: at for at, known in enumerate(tables)}
            rank = self._rank[table]
        return rank
