"""The port through which services tell rooms and people what happened."""

from __future__ import annotations

from typing import Protocol

from livecommerce.protocol.events import EVERYONE, Event


class Publisher(Protocol):
    """Tells rooms and people. Never waits and never fails: a viewer's socket is not the caller's
    problem, and what must not be lost is in the outbox already."""

    def publish(
        self,
        room_id: str,
        event: Event,
        *,
        audience: str = EVERYONE,
        concerns: tuple[str, ...] = (),
    ) -> None:
        """Tells everyone of this audience in the room, with the room's next batch.

        An event whose id was published before is dropped.

        Args:
            concerns: people who are told in any case, when the event is `spare`.
        """
        ...

    def check_accepting(self) -> None:
        """For what is only told and not stored first, a line of chat: call it before saying yes.

        Raises:
            Refused: UNAVAILABLE while the nodes do not hear each other.
        """
        ...

    def tell(self, person_id: str, event: Event) -> None:
        """Tells all connections of one person, at once and outside of any room's order."""
        ...
