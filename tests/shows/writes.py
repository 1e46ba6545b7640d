"""Writes that tests make by hand, through the one writer like all others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from livecommerce.database.group_commit import Need, Rows, Write


@dataclass(frozen=True, slots=True)
class Change(Write[int]):
    """Sets columns of a row; answers its version."""

    table: sa.Table
    id: str
    values: Mapping[str, Any]

    def needs(self) -> Iterable[Need]:
        yield Need(self.table, self.id)

    def decide(self, rows: Rows, now: int) -> int:
        rows.change(self.table, self.id, **self.values)
        return rows.version(self.table, self.id)


@dataclass(frozen=True, slots=True)
class Insert(Write[None]):
    """Inserts a row."""

    table: sa.Table
    values: Mapping[str, Any]

    def needs(self) -> Iterable[Need]:
        return ()

    def decide(self, rows: Rows, now: int) -> None:
        rows.insert(self.table, self.values)
