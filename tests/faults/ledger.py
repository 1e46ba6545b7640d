"""The books of a room: what its publishers published, what its viewers were shown, and the audit.

Publishers and viewers write down what they know and judge nothing. The audit compares: of the log
lane every viewer was shown everything that was accepted, once, and in one order; of the state lane
the last value of every key arrived, and no key ever went back.

A snapshot begins a room anew with the last lines that fit into it. Lines between what a viewer had
and the first of these are skipped, not lost: the viewer was told. They are counted apart; so are
those of them that come after all, late, because they had to wait for Redis themselves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import NamedTuple

from livecommerce.protocol.events import Lane

SHOWN_MAX = 5
"""Examples named in one complaint."""


class Fate(StrEnum):
    """What a publisher knows about what it tried to publish."""

    TOLD = "told"
    """Accepted: everybody has to be shown it."""
    REFUSED = "refused"
    """Refused with a reason: nobody may be shown it."""
    UNKNOWN = "unknown"
    """No answer came: shown to everybody or to nobody, both are right."""


class Published(NamedTuple):
    publisher: str
    lane: Lane
    id: str
    """Of the log lane: names the event among all of the room."""
    key: str = ""
    version: int = 0
    """Of the state lane: every key has one publisher, who counts its values upward."""
    fate: Fate = Fate.TOLD


class Shown(NamedTuple):
    lane: Lane
    id: str
    key: str
    version: int
    epoch: str
    is_snapshot: bool


class View:
    """What one viewer was shown, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.shown: list[Shown] = []
        self.holes: list[str] = []
        """Places where the offsets themselves say that something is missing or comes again."""
        self.cuts: list[int] = []
        """Places in `shown` at which a snapshot began that had no room for all the lines."""

    def log(self, id: str, *, epoch: str = "", is_snapshot: bool = False) -> None:
        """Was shown an event. `epoch` is empty where the viewer does not know it."""
        self.shown.append(Shown(Lane.LOG, id, "", 0, epoch, is_snapshot))

    def state(self, key: str, version: int, *, epoch: str = "", is_snapshot: bool = False) -> None:
        """Was shown a value."""
        self.shown.append(Shown(Lane.STATE, "", key, version, epoch, is_snapshot))

    def cut(self) -> None:
        """Is shown a snapshot now which is full. Not for the one a viewer joins with."""
        self.cuts.append(len(self.shown))

    def of(self, lane: Lane) -> Iterator[Shown]:
        return (each for each in self.shown if each.lane is lane)

    def missing(
        self, published: Sequence[Published], *, without: Container[str] = ()
    ) -> tuple[list[str], list[str]]:
        """What was told and not shown: what is lost, and what snapshots have skipped.

        Args:
            without: lines that are taken for such as were not shown.
        """
        at: dict[str, int] = {}
        for place, shown in enumerate(self.shown):
            if shown.lane is Lane.LOG and shown.id not in without:
                at.setdefault(shown.id, place)
        lost: list[str] = []
        skipped: list[str] = []
        before: dict[str, int] = {}
        gaps: dict[str, list[str]] = {}
        for each in published:
            if each.lane is not Lane.LOG:
                continue
            index = at.get(each.id)
            if index is None:
                if each.fate is Fate.TOLD:
                    gaps.setdefault(each.publisher, []).append(each.id)
                continue
            gap = gaps.pop(each.publisher, [])
            since = before.get(each.publisher, -1)
            (skipped if any(since < cut <= index for cut in self.cuts) else lost).extend(gap)
            before[each.publisher] = index
        lost += [id for gap in gaps.values() for id in gap]
        return lost, skipped


@dataclass(slots=True)
class Verdict:
    """What the audit found. The lists name viewer and event; all must be empty."""

    published: int = 0
    """Accepted events, of both lanes."""
    refused: int = 0
    unknown: int = 0
    seen: int = 0
    """Sum over the viewers, what a snapshot repeated not counted."""
    skipped: int = 0
    """Sum over the viewers of the lines for which a snapshot had no room."""
    late: int = 0
    """The same of those that came later."""
    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    inverted: list[str] = field(default_factory=list)
    forged: list[str] = field(default_factory=list)
    """Shown, and refused or never published."""

    @property
    def complaints(self) -> list[str]:
        return [
            f"{len(found)} {what}: {', '.join(found[:SHOWN_MAX])}"
            for what, found in (
                ("lost", self.lost),
                ("duplicated", self.duplicated),
                ("inverted", self.inverted),
                ("forged", self.forged),
            )
            if found
        ]

    def add(self, other: Verdict) -> None:
        """Takes the findings of another room's books."""
        self.published += other.published
        self.refused += other.refused
        self.unknown += other.unknown
        self.seen += other.seen
        self.skipped += other.skipped
        self.late += other.late
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.inverted += other.inverted
        self.forged += other.forged


class Ledger:
    """The books of one room."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.views: list[View] = []

    def write(self, published: Published) -> None:
        """Notes a publication, once its publisher knows what became of it. Those of one publisher
        are noted in the order in which they were made."""
        self.published.append(published)

    def view(self, name: str) -> View:
        """Opens the book of a viewer who sees all that is published from now on."""
        view = View(name)
        self.views.append(view)
        return view

    def told(self) -> list[Published]:
        return [each for each in self.published if each.fate is Fate.TOLD]

    def everybody_knows(self, told: Sequence[Published] | None = None) -> bool:
        """Whether every viewer was shown all of this (or everything), what replaced it, or a
        snapshot that skips it; the audit says whether rightly."""
        told = self.told() if told is None else told
        ids = {each.id for each in told if each.lane is Lane.LOG}
        newest = _newest(each for each in told if each.lane is Lane.STATE)
        for view in self.views:
            versions = _newest(view.of(Lane.STATE))
            if any(versions.get(key, -1) < version for key, version in newest.items()):
                return False
            if not ids.isdisjoint(view.missing(self.published)[0]):
                return False
        return True

    def audit(self) -> Verdict:
        """Compares the books. Raises ValueError when the publishers' own are not in order."""
        fates = Counter(each.fate for each in self.published)
        verdict = Verdict(
            published=fates[Fate.TOLD], refused=fates[Fate.REFUSED], unknown=fates[Fate.UNKNOWN]
        )
        _check_publishers(self.published)
        logged = [each for each in self.published if each.lane is Lane.LOG]
        valued = [each for each in self.published if each.lane is Lane.STATE]
        for view in self.views:
            verdict.seen += len({_name(each) for each in view.shown})
            verdict.lost += [f"{view.name} {hole}" for hole in view.holes]
            _audit_log(view, logged, verdict)
            _audit_state(view, valued, verdict)
        _audit_agreement(self.views, verdict)
        return verdict


def _name(shown: Shown) -> str:
    return shown.id or f"{shown.key}={shown.version}"


def _newest(values: Iterable[Shown | Published]) -> dict[str, int]:
    newest: dict[str, int] = {}
    for each in values:
        newest[each.key] = max(each.version, newest.get(each.key, each.version))
    return newest


def _check_publishers(published: Sequence[Published]) -> None:
    ids = [each.id for each in published if each.lane is Lane.LOG]
    if len(set(ids)) < len(ids):
        raise ValueError("an id was published twice")
    versions: dict[str, int] = {}
    for each in published:
        if each.lane is Lane.STATE:
            if each.version <= versions.get(each.key, -1):
                raise ValueError(f"{each.key}={each.version} is not above what was published")
            versions[each.key] = each.version


def _audit_log(view: View, logged: Sequence[Published], verdict: Verdict) -> None:
    shown = list(view.of(Lane.LOG))
    allowed = {each.id for each in logged if each.fate is not Fate.REFUSED}
    lost, skipped = view.missing(logged)
    verdict.lost += [f"{view.name} {id}" for id in lost]
    verdict.skipped += len(skipped)
    verdict.forged += [
        f"{view.name} {id}" for id in dict.fromkeys(i.id for i in shown) if id not in allowed
    ]
    verdict.duplicated += _repeated(view, shown)
    # Each publisher's own order is the order in which it was answered.
    places = {each.id: (each.publisher, place) for place, each in enumerate(logged)}
    latest: dict[str, int] = {}
    overtaken: dict[str, str] = {}
    for id in dict.fromkeys(each.id for each in shown):
        if id not in places:
            continue
        publisher, place = places[id]
        if place < latest.get(publisher, -1):
            overtaken[id] = logged[latest[publisher]].id
        latest[publisher] = max(place, latest.get(publisher, -1))
    late = set(view.missing(logged, without=overtaken)[1]) & overtaken.keys()
    verdict.late += len(late)
    verdict.inverted += [
        f"{view.name} {id} after {other}" for id, other in overtaken.items() if id not in late
    ]


def _audit_state(view: View, valued: Sequence[Published], verdict: Verdict) -> None:
    shown = list(view.of(Lane.STATE))
    allowed = {(each.key, each.version) for each in valued if each.fate is not Fate.REFUSED}
    newest = _newest(shown)
    for key, version in _newest(each for each in valued if each.fate is Fate.TOLD).items():
        if newest.get(key, -1) < version:
            verdict.lost.append(f"{view.name} {key}={version}, has {newest.get(key)}")
    verdict.forged += [
        f"{view.name} {_name(each)}"
        for each in dict.fromkeys(shown)
        if (each.key, each.version) not in allowed
    ]
    verdict.duplicated += _repeated(view, shown)
    for key in newest:
        versions = [each.version for each in shown if each.key == key]
        verdict.inverted += [
            f"{view.name} {key}={after} after {before}"
            for before, after in pairwise(versions)
            if after < before
        ]


def _repeated(view: View, shown: Sequence[Shown]) -> list[str]:
    """What was shown twice under one epoch. A snapshot may repeat: it begins anew."""
    times = Counter((each.epoch, _name(each)) for each in shown if not each.is_snapshot)
    return [f"{view.name} {name}, {count} times" for (_, name), count in times.items() if count > 1]


def _audit_agreement(views: Sequence[View], verdict: Verdict) -> None:
    """All who know the epochs were shown its log in one order, whoever published."""
    orders: dict[str, list[tuple[View, list[str]]]] = {}
    for view in views:
        by_epoch: dict[str, dict[str, None]] = {}
        for each in view.of(Lane.LOG):
            if each.epoch and not each.is_snapshot:
                by_epoch.setdefault(each.epoch, {})[each.id] = None
        for epoch, ids in by_epoch.items():
            orders.setdefault(epoch, []).append((view, list(ids)))
    for seen in orders.values():
        reference, longest = max(seen, key=lambda each: len(each[1]))
        places = {id: place for place, id in enumerate(longest)}
        for view, order in seen:
            for before, after in pairwise(id for id in order if id in places):
                if places[after] < places[before]:
                    verdict.inverted.append(
                        f"{view.name} {after} after {before}, unlike {reference.name}"
                    )
