"""What every act of a room's staff shares: done once per command, and written into the audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from livecommerce.database.group_commit import Idempotency, Need, Rows, Write
from livecommerce.moderation.service import TRAIL
from livecommerce.people.accounts import Actor
from livecommerce.protocol.commands import Command

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffWrite(Write[R]):
    """A command of somebody with a power in a room. Powers are checked before it is submitted."""

    actor: Actor
    room_id: str
    command: Command
    answer: type[R]

    @property
    def idempotency(self) -> Idempotency[R] | None:
        return Idempotency.of(
            self.actor.person_id,
            self.verb,
            self.command.id,
            (self.room_id, self.command),
            self.answer,
        )

    @property
    def verb(self) -> str:
        return str(self.command.__struct_config__.tag)

    def trail(self) -> Iterator[Need]:
        yield TRAIL.need(self.room_id)

    def log(self, rows: Rows, now: int, *, subject: str, **details: Any) -> None:
        """Writes this act into the room's audit log, in the transaction of the act itself."""
        TRAIL.record(
            rows,
            now,
            chain=self.room_id,
            actor_id=self.actor.person_id,
            action=self.verb,
            subject=subject,
            details=details,
        )
