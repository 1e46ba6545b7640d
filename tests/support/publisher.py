"""A Publisher that remembers: for tests of services, which end where publishing begins."""

from dataclasses import dataclass, field

from livecommerce.protocol.events import EVERYONE, Event


@dataclass
class RecordingPublisher:
    """Keeps what it was told; drops a repeated event id, as every Publisher does."""

    published: list[tuple[str, Event, str]] = field(default_factory=list)
    told: list[tuple[str, Event]] = field(default_factory=list)
    concerns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By event id: who is told in any case."""
    _ids: set[tuple[str, str]] = field(default_factory=set)

    def publish(
        self,
        room_id: str,
        event: Event,
        *,
        audience: str = EVERYONE,
        concerns: tuple[str, ...] = (),
    ) -> None:
        self.concerns[event.id] = concerns
        if (room_id, event.id) not in self._ids:
            self._ids.add((room_id, event.id))
            self.published.append((room_id, event, audience))

    def check_accepting(self) -> None:
        pass

    def tell(self, person_id: str, event: Event) -> None:
        self.told.append((person_id, event))
