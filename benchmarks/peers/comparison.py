"""Our hub and its peers under the same loads, in one run on one machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.peers import usage
from benchmarks.peers.catalogue import OURS, PEERS, Absent, Peer
from benchmarks.peers.cells import Cell, Load, Outcome, cell_of, worse
from benchmarks.peers.served import Served
from benchmarks.peers.verdict import headline
from benchmarks.support.control import Child
from benchmarks.support.machine import on_core
from benchmarks.support.results import say
from livecommerce.realtime.settings import HubSettings

SERVER_CORE, AUDIENCE_CORE = 0, 1
WITNESSES = 100
HEADLINE = Load(rate=100.0, viewers=5_000)
CARRIED = 0.7
"""Of what a saturated server delivered, what it is then offered to carry."""
SHARED = 1.5
"""Events a batch, from which on they are batches."""
WINDOW_EVENTS, WINDOW_MAX_S = 12, 12.0


@dataclass(frozen=True, slots=True)
class Grid:
    """Which loads, and for how long each. Durations in seconds."""

    viewers: tuple[int, ...]
    rates: tuple[float, ...]
    warm_s: float
    window_s: float


QUICK = Grid(viewers=(1_000, 5_000), rates=(100.0,), warm_s=1.5, window_s=4.0)
LONG = Grid(viewers=(1_000, 5_000, 10_000), rates=(1.0, 20.0, 100.0), warm_s=2.0, window_s=8.0)


class Session:
    """One server with its audience; begun anew for another room's size, and when overload has left
    its queues full."""

    def __init__(self, peer: Peer, grid: Grid) -> None:
        self._peer = peer
        self._grid = grid
        self._stack = contextlib.ExitStack()
        self._served: Served | None = None
        self._audience: Child | None = None
        self._viewers = 0

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_problem: object) -> None:
        self._end()

    def outcome(self, load: Load, tick_ms: float = 0.0) -> Outcome:
        """Measures a load, and if that is too much, a second one that can be carried."""
        offered = self._measure(load, tick_ms)
        if not offered.saturated:
            return Outcome(offered)
        rate = max(CARRIED * offered.delivered_per_s / load.viewers, 0.5)
        return Outcome(offered, self._measure(Load(rate, load.viewers), tick_ms))

    def _measure(self, load: Load, tick_ms: float) -> Cell:
        served, audience = self._with(load.viewers)
        # A slow pace needs a longer look.
        window_s = max(self._grid.window_s, min(WINDOW_EVENTS / load.rate, WINDOW_MAX_S))
        report = audience.ask(
            "measure",
            pids=usage.family(served.pids),
            rate=load.rate,
            warm_s=self._grid.warm_s,
            window_s=window_s,
            tick_ms=tick_ms,
        )
        if report["gone"] or not report["is_quiet"]:
            self._end()
        return cell_of(load, report)

    def _with(self, viewers: int) -> tuple[Served, Child]:
        if self._viewers != viewers:
            self._end()
        if self._served is None or self._audience is None:
            self._served = self._stack.enter_context(self._peer.serve(SERVER_CORE))
            with on_core(AUDIENCE_CORE):
                self._audience = Child("benchmarks.peers.audience")
            self._stack.enter_context(self._audience)
            sinks = viewers - WITNESSES
            address = self._served.address()
            self._audience.ask("open", **address, sinks=sinks, witnesses=WITNESSES)
            self._audience.ask("call", **self._served.line())
            self._viewers = viewers
        return self._served, self._audience

    def _end(self) -> None:
        self._stack.close()
        self._served = self._audience = None
        self._viewers = 0


@dataclass(slots=True)
class Comparison:
    """What has been measured so far."""

    ours: dict[Load, Outcome] = field(default_factory=dict)
    default: dict[str, dict[Load, Outcome]] = field(default_factory=dict)
    batched: dict[str, dict[Load, Outcome]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def described(self) -> dict[str, Any]:
        table: dict[str, Any] = {"livecommerce": {"as_shipped": _cells(self.ours)}}
        for name in PEERS:
            table[name] = None
            if name in self.default:
                table[name] = {
                    "default": _cells(self.default[name]),
                    "batched": _cells(self.batched[name]),
                }
        told = {"livecommerce": OURS} | PEERS
        return {
            "peers": table,
            "absent": self.absent,
            "settings": {name: told[name].settings for name in told},
            "versions": self.versions,
        }

    def verdict(self) -> dict[str, Any]:
        billed = [name for name in self.default if PEERS[name].is_billed]
        return headline(self.ours, self.default, self.batched, HEADLINE, compared=billed)


def _cells(outcomes: dict[Load, Outcome]) -> list[dict[str, Any]]:
    return [outcome.described() for outcome in outcomes.values()]


def loads(grid: Grid) -> Iterator[Load]:
    """Small rooms first."""
    for viewers in grid.viewers:
        for rate in grid.rates:
            yield Load(rate, viewers)


def compare(grid: Grid, names: Sequence[str]) -> Comparison:
    """Measures ourselves, the named peers, and ourselves once more: of our two rounds the worse
    figures count, so that a machine that got quieter meanwhile does not flatter us."""
    found = Comparison()
    # Everything is brought here before anything is measured.
    for name in names:
        try:
            found.versions[name] = PEERS[name].install()
        except Absent as problem:
            found.absent[name] = str(problem)
            say(f"{PEERS[name].title}: {problem}")
    found.versions["livecommerce"] = OURS.install()
    found.ours = _round(OURS, grid)
    for name in [each for each in names if each not in found.absent]:
        try:
            _measure_peer(found, name, grid)
        except RuntimeError as problem:
            # It is no peer if it does not hold a room; the others still are.
            found.absent[name] = str(problem)
            say(f"{PEERS[name].title}: {problem}")
    again = _round(OURS, grid)
    found.ours = {load: worse(outcome, again[load]) for load, outcome in found.ours.items()}
    return found


def tick_of(ours: Cell) -> float:
    """How long peers gather events to get our batches: as long as we did, in milliseconds. Where
    events are too rare to share a batch, the shortest of our ticks."""
    gathered = ours.load.rate * ours.tick_ms / 1000
    return ours.tick_ms if gathered > SHARED else HubSettings().tick_min_ms


def _measure_peer(found: Comparison, name: str, grid: Grid) -> None:
    title = PEERS[name].title
    default, batched = {}, {}
    with Session(PEERS[name], grid) as session:
        for load in loads(grid):
            default[load] = _told(f"{title}, as installed", session.outcome(load))
            tick_ms = tick_of(found.ours[load].offered)
            batched[load] = _told(f"{title}, our batches", session.outcome(load, tick_ms))
    found.default[name], found.batched[name] = default, batched


def _round(peer: Peer, grid: Grid) -> dict[Load, Outcome]:
    with Session(peer, grid) as session:
        return {load: _told(peer.title, session.outcome(load)) for load in loads(grid)}


def _told(title: str, outcome: Outcome) -> Outcome:
    cell = outcome.offered
    say(
        f"{title}: {cell.load.viewers:,} viewers, {cell.load.rate:g} events/s:"
        f" {outcome.delivered_per_cpu_s:,.0f} delivered per CPU second,"
        f" p99 {cell.latency_ms_p99 or 0:.0f} ms{', saturated' if cell.saturated else ''}"
    )
    return outcome
