"""What the writer must know of a table, worked out once from its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any, TypeAlias

import sqlalchemy as sa

Values: TypeAlias = tuple[Any, ...]
"""A row in the columns' order."""


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
    values: Callable[[Mapping[str, Any]], Values]
    """The values of a row in the columns' order."""
    booleans: tuple[int, ...]
    """Positions of the columns that SQLite gives back as 0 and 1."""

    def complete(self, given: Mapping[str, Any]) -> Values:
        """A whole row from the given values. KeyError: one that has no default is not given."""
        row = {**self.defaults, **given}
        # A misspelt column would otherwise vanish without a trace.
        assert len(row) == len(self.columns), (self.name, row.keys() ^ self.types.keys())
        return self.values(row)

    def named(self, values: Values) -> dict[str, Any]:
        """A row's values by column."""
        return dict(zip(self.columns, values, strict=True))


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
