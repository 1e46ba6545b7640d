"""What a feature hands to the writer: one command, the rows it needs, and its decision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec
import sqlalchemy as sa

from livecommerce.database.group_commit.errors import ConstraintViolated
from livecommerce.kernel.errors import Refused

if TYPE_CHECKING:
    from livecommerce.database.group_commit.rows import Rows

R = TypeVar("R")


class Need(msgspec.Struct, frozen=True):
    """A row that a decision reads or changes.

    Args:
        id: its primary key. The row may not exist; `Rows.get` then gives None.
        lock: many change this row at once (stock, quota, wallet): hold it from reading to commit
            rather than redo the batch when another process was quicker.
        create: the row to start from when there is none. It is stored only if the write succeeds.
    """

    table: sa.Table
    id: str
    lock: bool = False
    create: Mapping[str, Any] | None = None


class Made(msgspec.Struct, frozen=True):
    """The answer of a write that makes something: its id. A repetition answers the first one's."""

    id: str


class Idempotency(msgspec.Struct, Generic[R], frozen=True):
    """Makes a repeated command answer what the first one answered, and do nothing.

    Args:
        principal: who sent it; keys of two people never meet.
        op: the kind of command.
        key: the id the client made for it.
        fingerprint: a digest of what was asked; the same key for another wish is refused.
        answer: the type of the answer, which msgspec can store and read back.
    """

    principal: str
    op: str
    key: str
    fingerprint: bytes
    answer: type[R]

    @classmethod
    def of(
        cls, principal: str, op: str, key: str | None, asked: object, answer: type[R]
    ) -> Idempotency[R] | None:
        """The claim for a wish that carries a client's key; None when it carries none."""
        if key is None:
            return None
        digest = blake2b(msgspec.msgpack.encode(asked), digest_size=16).digest()
        return cls(principal, op, key, digest, answer)

    @property
    def id(self) -> str:
        assert "|" not in self.principal and "|" not in self.op, "the parts could not be told apart"
        # The key first: most clients' keys begin with the time, so what a batch stores lies side by
        # side in the index instead of a page apart each.
        return f"{self.key}|{self.op}|{self.principal}"


class Write(ABC, Generic[R]):
    """One command for the one writer. Subclass it as a frozen, slotted dataclass."""

    __slots__ = ()

    @property
    def idempotency(self) -> Idempotency[R] | None:
        """How a repetition is recognised; None when repeating does no harm."""
        return None

    @abstractmethod
    def needs(self) -> Iterable[Need]:
        """All rows the decision may look at or change, by primary key."""

    @abstractmethod
    def decide(self, rows: Rows, now: int) -> R:
        """Decide, and record the changes on `rows`.

        Pure: it may run again, on newer rows, when a batch is redone; ids are made beforehand. What
        it raises reaches the caller, and only this write's changes are forgotten.

        Args:
            now: epoch milliseconds, the same for the whole batch.
        """

    def refusal(self, violated: ConstraintViolated) -> Refused | None:
        """The refusal a caller gets when the database refused this write; None raises it as is."""
        return None
