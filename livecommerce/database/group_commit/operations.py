"""What a batch asks of the database: sets of rows to load and to save, a statement a set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from livecommerce.database.group_commit.shapes import Shape

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Load:
    """Read the rows with these ids, those that exist; hold them until the end when `lock`."""

    shape: Shape
    ids: list[str]
    lock: bool


@dataclass(frozen=True, slots=True)
class Insert:
    """Store new rows, values in the order of the columns.

    `contended` rows were looked for and not found, so another process may have just made them: a
    row that is there already makes the batch stale.
    """

    shape: Shape
    rows: list[tuple[Any, ...]]
    contended: bool


@dataclass(frozen=True, slots=True)
class Update:
    """Change rows that still have the loaded version; any that has not makes the batch stale.

    A row is (id, loaded version, rise of version, *new values, *deltas).
    """

    shape: Shape
    sets: tuple[str, ...]
    deltas: tuple[str, ...]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove rows: (id, loaded version) of a versioned table; otherwise (id,), there or not."""

    shape: Shape
    rows: list[tuple[Any, ...]]


Save: TypeAlias = Insert | Update | Delete


class WriteConnection(Protocol):
    """The one connection of the writer. Errors are those of `group_commit.errors`."""

    async def load(self, loads: Sequence[Load]) -> list[list[Row]]:
        """Begin a transaction and read. An open transaction is rolled back first."""
        ...

    async def save(self, saves: Sequence[Save]) -> None:
        """Run the statements and commit. After an error the transaction counts as rolled back."""
        ...

    async def rollback(self) -> None:
        """Give up the transaction, if there is one; never raises."""
        ...

    async def has_committed(self, commit_id: str, now: int) -> bool:
        """Settle whether a batch is in the database, for good."""
        ...

    async def close(self) -> None:
        """Close the connection; never raises."""
        ...


def is_checked(save: Save) -> bool:
    """Whether a number of rows other than asked for means that the batch is stale."""
    match save:
        case Insert(contended=contended):
            return contended
        case Update():
            return True
        case Delete(shape=shape):
            return shape.is_versioned
