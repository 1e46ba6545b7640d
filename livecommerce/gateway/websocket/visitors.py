"""Who is on a connection, and the house behind the socket as the socket sees it."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from livecommerce.protocol.commands import Command


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is on the connection. Without a person they watch, and do nothing else."""

    person_id: str | None
    name: str | None
    kind: str
    expires_at: int | None = None
    sign_in_id: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The names under which the hub finds their connections."""
        if self.person_id is None:
            return ()
        return (self.person_id,) if self.sign_in_id is None else (self.person_id, self.sign_in_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a visitor may see and do in a room."""

    audience_class: str = "viewer"
    """"viewer" or "staff"."""
    capabilities: tuple[str, ...] = ()


class Gatekeeper(Protocol):
    """The house behind the socket; the composition root has it."""

    def admit(self, token: str | None) -> Coroutine[Any, Any, Visitor]:
        """Tells who holds a token. Raises Refused(UNAUTHENTICATED)."""
        ...

    def enter(self, visitor: Visitor, room_id: str) -> Coroutine[Any, Any, Entry]:
        """Tells what a visitor may do in a room. Raises Refused(NOT_FOUND or BANNED).

        Both should not wait for a visitor without a token: such joins then cost no task.
        """
        ...

    async def execute(
        self, visitor: Visitor, room_id: str | None, command: Command
    ) -> msgspec.Struct:
        """Returns the reply. Raises Refused; anything else becomes `internal`."""
        ...
