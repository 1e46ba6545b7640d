"""How a batch can fail to be saved, told apart by what has to happen next.

The two connections translate their drivers' errors into these; no driver error leaves the folder
but inside a `Poisoned`.
"""

from __future__ import annotations

from typing import Literal

Violation = Literal["unique", "check", "foreign_key", "not_null", "append_only", "type"]


class ConstraintViolated(Exception):
    """A row that the database refuses to store. The write that caused it failed alone.

    Args:
        kind: which sort of rule was broken.
        constraint: its name, as in the metadata; empty where SQLite does not tell (foreign keys).
        table: the table's name; empty where SQLite does not tell.
    """

    def __init__(self, kind: Violation, constraint: str, table: str) -> None:
        super().__init__(f"{kind} {constraint or '?'} on {table or '?'}")
        self.kind = kind
        self.constraint = constraint
        self.table = table


class Poisoned(Exception):
    """A statement the database cannot run with these values; the cause is the driver's error."""


class Stale(Exception):
    """A row is not what it was when it was loaded: nothing was saved; load and decide again."""


class Transient(Exception):
    """Nothing was saved, and trying again may well succeed: busy, deadlock, connection lost."""


class Unreachable(Exception):
    """Nothing was saved, and trying again now is useless: no connection, disk full, read-only."""


class CommitUnknown(Exception):
    """The connection was lost between COMMIT and its answer."""
