"""What one node remembers of one room: a ring of events, keyed state, the recent list, counters.

Pure memory, no I/O. The law it keeps: a viewer that applies the events after a snapshot knows
exactly what a viewer who takes a fresh snapshot is told.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

from livecommerce.protocol.events import EVERYONE, Event, Lane
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.publications import Publication, publication_of
from livecommerce.realtime.settings import HubSettings

WITHDRAWN_MAX = 512
"""Redactions remembered, in case the text comes once more after them (a relay repeating it)."""

Seeded = Event | tuple[Event, str]
"""An event for everyone, or an event and its audience."""


@dataclass(frozen=True, slots=True)
class RoomSeed:
    """A room as the database knows it. `recent` is oldest first."""

    state: Sequence[Seeded] = field(default=())
    recent: Sequence[Seeded] = field(default=())
    volatile: Sequence[Seeded] = field(default=())

    def without(self, ids: Collection[str]) -> RoomSeed:
        """The same without these recent events."""
        events = [(each if isinstance(each, tuple) else (each, EVERYONE)) for each in self.recent]
        return replace(self, recent=[each for each in events if each[0].id not in ids])


class RoomLog:
    """The memory of one room on one node."""

    __slots__ = (
        "_by_id",
        "_bytes",
        "_recent",
        "_ring",
        "_sequence",
        "_settings",
        "_state",
        "_volatile",
        "_withdrawn",
        "epoch",
        "generation",
        "top",
    )

    def __init__(self, *, epoch: str, top: int, settings: HubSettings) -> None:
        self.epoch = epoch
        self.top = top
        """The offset of the last event. The ring ends here."""
        self.generation = 0
        """Grows with every change that a snapshot would show."""
        self._settings = settings
        self._ring: deque[Entry] = deque()
        self._bytes = 0
        self._sequence = 0
        self._by_id: dict[str, Entry] = {}
        self._state: dict[tuple[str, str], Entry] = {}
        self._volatile: dict[tuple[str, str], Entry] = {}
        self._recent: dict[tuple[str, bool], deque[Entry]] = {}
        """By audience, and whether it was left out: what viewers are not shown must not take the
        place of what they are."""
        self._withdrawn: OrderedDict[str, None] = OrderedDict()

    @property
    def events(self) -> int:
        """How many can still be told to those who come back."""
        return len(self._ring)

    def seed(self, seed: RoomSeed, now_s: float) -> None:
        """Takes what the database knows; it stands before everything in the ring."""
        for event in seed.state:
            self._keep_state(self._entry(_seeded(event), 0, now_s))
        for event in seed.volatile:
            self.set_volatile((_seeded(event),), now_s)
        for event in seed.recent:
            entry = self._entry(_seeded(event), 0, now_s)
            if entry.publication.id not in self._by_id:
                self._keep_recent(entry)

    def keep_values(self, publications: Iterable[Publication], now_s: float) -> None:
        """Takes state and counters read from the backplane; the highest version wins."""
        for publication in publications:
            if publication.lane is Lane.STATE:
                self._keep_state(self._entry(publication, 0, now_s))
            else:
                self.set_volatile((publication,), now_s)

    def append(
        self,
        publications: Sequence[Publication],
        now_s: float,
        *,
        left_out: Collection[str] = (),
    ) -> list[Entry]:
        """Appends at `top + 1` onward.

        Args:
            left_out: ids of those that viewers are not shown.

        Returns:
            One entry for each publication. What a redaction among them withdrew, what was seen
            before under another offset, and values that a later one overtook on its way (a relay
            told it first), are there and are shown to nobody.
        """
        entries = []
        for publication in publications:
            self.top += 1
            self.generation += 1
            entry = self._entry(publication, self.top, now_s)
            known = self._by_id.get(publication.id)
            # A seeded entry (offset 0) came from the database before its batch arrived: the ring
            # still needs the event, for viewers that come back to an offset before it.
            if (
                publication.id in self._withdrawn
                or (known is not None and known.offset != 0)
                or self._is_overtaken(publication)
            ):
                entry.withdraw()
            # What the database knew already is on somebody's screen.
            entry.is_left_out = known is None and publication.id in left_out
            self._ring.append(entry)
            self._bytes += len(entry.publication.json)
            entries.append(entry)
            if not entry.is_withdrawn:
                self._apply(entry, known)
        self._trim(now_s)
        return entries

    def set_volatile(self, publications: Iterable[Publication], now_s: float) -> list[Entry]:
        """Replaces counters. Ephemeral events pass through and are not kept."""
        entries = []
        for publication in publications:
            entry = self._entry(publication, 0, now_s)
            entries.append(entry)
            if publication.lane is Lane.VOLATILE:
                self._volatile[publication.slot] = entry
                self.generation += 1
        return entries

    def missed(self, epoch: str, offset: int, audience_class: str) -> list[Entry] | None:
        """What a viewer of this class that stands at this position has missed.

        Of one state key only the latest is told. None: the position is not in the ring, or telling
        it all would cost more than a snapshot.
        """
        first = self.top - len(self._ring) + 1
        if epoch != self.epoch or not first - 1 <= offset <= self.top:
            return None
        missed: list[Entry] = []
        latest: dict[tuple[str, str], Entry] = {}
        size = 0
        for entry in reversed(self._ring):
            if entry.offset <= offset:
                break
            if not entry.is_shown_to(audience_class):
                continue
            publication = entry.publication
            if publication.lane is Lane.STATE:
                rival = latest.get(publication.slot)
                if rival is None or publication.version > rival.publication.version:
                    latest[publication.slot] = entry
                continue
            size += len(publication.json)
            if size > self._settings.recover_bytes_max:
                return None
            missed.append(entry)
        missed.extend(latest.values())
        missed.sort(key=lambda entry: entry.offset)
        return missed

    def contradicts(self, first: int, publications: Sequence[Publication]) -> bool:
        """Tells whether one of these offsets, from `first` on, is another event's in the ring."""
        start = self.top - len(self._ring) + 1
        for offset, publication in enumerate(publications, first):
            if not start <= offset <= self.top:
                continue
            if self._ring[offset - start].publication.id != publication.id:
                return True
        return False

    def state_for(self, audience_class: str) -> list[Entry]:
        return [
            entry
            for entry in self._state.values()
            if entry.is_shown_to(audience_class) and not entry.publication.gone
        ]

    def volatile_for(self, audience_class: str) -> list[Entry]:
        return [entry for entry in self._volatile.values() if entry.is_shown_to(audience_class)]

    def recent_for(self, audience_class: str, bytes_max: int) -> list[Entry]:
        """The latest replayed events, oldest first, as many as fit."""
        shown = [
            entry
            for entries in self._recent.values()
            for entry in entries
            if entry.is_shown_to(audience_class)
        ]
        shown.sort(key=lambda entry: entry.sequence)
        kept: list[Entry] = []
        for entry in reversed(shown[-self._settings.recent_max :]):
            bytes_max -= len(entry.publication.json) + 1
            if bytes_max < 0:
                break
            kept.append(entry)
        kept.reverse()
        return kept

    def heard(self, most: int) -> list[Publication]:
        """The latest replayed events that stand and were told here, whoever may see them; the
        oldest first."""
        kept: list[Publication] = []
        for entry in reversed(self._ring):
            if len(kept) == most:
                break
            if entry.publication.replayed and not entry.is_withdrawn:
                kept.append(entry.publication)
        kept.reverse()
        return kept

    def _entry(self, publication: Publication, offset: int, now_s: float) -> Entry:
        self._sequence += 1
        return Entry(publication, offset=offset, sequence=self._sequence, at_s=now_s)

    def _apply(self, entry: Entry, known: Entry | None) -> None:
        publication = entry.publication
        self._by_id[publication.id] = entry
        entry.holders += 1
        if publication.lane is Lane.STATE:
            self._keep_state(entry)
        elif publication.replayed:
            if known is None:
                self._keep_recent(entry)
            else:
                self._replace_recent(known, entry)
        for redacted in publication.redacts:
            self._withdraw(redacted)

    def _is_overtaken(self, publication: Publication) -> bool:
        held = self._state.get(publication.slot) if publication.lane is Lane.STATE else None
        return held is not None and publication.version < held.publication.version

    def _keep_state(self, entry: Entry) -> None:
        held = self._state.get(entry.publication.slot)
        if held is None or entry.publication.version >= held.publication.version:
            self._state[entry.publication.slot] = entry
            self.generation += 1

    def _keep_recent(self, entry: Entry) -> None:
        recent = self._recent.setdefault(_shelf(entry), deque())
        recent.append(entry)
        entry.holders += 1
        self._by_id.setdefault(entry.publication.id, entry)
        while len(recent) > self._settings.recent_max:
            self._release(recent.popleft())

    def _replace_recent(self, known: Entry, entry: Entry) -> None:
        recent = self._recent[_shelf(known)]
        for index, held in enumerate(recent):
            if held is known:
                recent[index] = entry
                entry.holders += 1
                entry.sequence = known.sequence

    def _withdraw(self, publication_id: str) -> None:
        self._withdrawn[publication_id] = None
        if len(self._withdrawn) > WITHDRAWN_MAX:
            self._withdrawn.popitem(last=False)
        entry = self._by_id.get(publication_id)
        if entry is None or entry.is_withdrawn:
            return
        if entry.offset:
            self._bytes -= len(entry.publication.json)
        # The text itself must leave memory, not only the answers.
        entry.withdraw()
        recent = self._recent.get(_shelf(entry))
        if recent is not None and entry in recent:
            recent.remove(entry)
            self._release(entry)

    def _release(self, entry: Entry) -> None:
        entry.holders -= 1
        if entry.holders == 0 and self._by_id.get(entry.publication.id) is entry:
            del self._by_id[entry.publication.id]

    def _trim(self, now_s: float) -> None:
        oldest_s = now_s - self._settings.log_s
        while self._ring and (
            self._ring[0].at_s < oldest_s or self._bytes > self._settings.log_bytes_max
        ):
            entry = self._ring.popleft()
            self._bytes -= len(entry.publication.json)
            self._release(entry)


def _shelf(entry: Entry) -> tuple[str, bool]:
    """Which of the recent lists an entry belongs to."""
    return entry.publication.audience, entry.is_left_out


def _seeded(seeded: Seeded) -> Publication:
    if isinstance(seeded, tuple):
        return publication_of(*seeded)
    return publication_of(seeded, EVERYONE)
