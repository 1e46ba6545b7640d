"""What the processes say of themselves at /metrics, over time, and what follows from it."""

from __future__ import annotations

import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.support.ports import LOOPBACK
from tests.torture.findings import Finding

COMPARED = {
    "livecommerce_process_resident_bytes": "resident memory",
    "livecommerce_process_memory_blocks": "blocks of objects",
    "livecommerce_process_tasks": "tasks",
    "livecommerce_process_open_files": "open files",
    "livecommerce_hub_rooms": "rooms",
    "livecommerce_hub_log_events": "events in rooms",
}
"""Compared with their baseline at the end."""
OF_MINUTES = frozenset({"livecommerce_hub_log_events"})
"""These fill for minutes before they are as full as they get."""
SHOWN = {"livecommerce_hub_told": "words remembered"}
"""Shown only: as many as were told in the last five minutes, which differs."""
EMPTY = {
    "livecommerce_hub_connections": "connections",
    "livecommerce_hub_people": "people with connections",
    "livecommerce_writer_backlog": "writes that wait",
}
"""Nothing is left of these when everybody has gone."""
_FEW = 3
"""So many more of a thing that there are dozens of are no growth."""

Gauges = Mapping[str, float]


def gauges(port: int) -> Gauges:
    """What a process says now."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {
        name: float(value)
        for name, _, value in (line.rpartition(" ") for line in text.splitlines())
        if name in COMPARED or name in SHOWN or name in EMPTY
    }


@dataclass(frozen=True, slots=True)
class Look:
    """All processes at one moment."""

    at_s: float
    """Since the load began."""
    of: Mapping[str, Gauges]
    """Figures by process."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Which of the looks at an empty shop are compared: by their numbers."""

    baseline: range
    end: range

    @classmethod
    def of(cls, looks: int) -> Windows:
        """The baseline follows a third of the time that is warm-up, and both are as long."""
        length = max(1, looks // 4)
        first = min(looks - 2 * length, max(1, looks // 3))
        if first < 1:
            raise ValueError(f"{looks} looks are too few to compare any")
        return cls(range(first, first + length), range(looks - length, looks))


def judge(
    looks: Sequence[Look], finding: Finding, *, tolerance: float, is_long: bool = True
) -> None:
    """Compares the end with the baseline.

    Args:
        looks: each after everybody had left.
        tolerance: how much more there may be, as a part of the baseline. Less is no fault.
        is_long: what fills for minutes is full when the baseline begins.
    """
    windows = Windows.of(len(looks))
    for process in looks[-1].of:
        for name, told in COMPARED.items():
            if name not in looks[-1].of[process] or (name in OF_MINUTES and not is_long):
                continue
            # The least of each: rubbish that is yet to be collected comes and goes.
            before, after = (
                min(looks[number].of[process][name] for number in window)
                for window in (windows.baseline, windows.end)
            )
            most = max(before * (1 + tolerance), before + _FEW)
            change = f"{after / before - 1:+.2%}" if before else f"+{after:.0f}"
            finding.facts[f"{process}: {told}"] = f"{_shown(name, before)} → {_shown(name, after)}"
            finding.facts[f"{process}: {told}"] += f" ({change})"
            finding.check(
                f"{process}: {told} back to baseline within {tolerance:.0%}",
                holds=after <= most,
                found=f"{before:.0f} → {after:.0f}, {change}",
            )
        for name, told in EMPTY.items():
            left = [look.of[process][name] for look in looks]
            finding.check(
                f"{process}: no {told} when everybody has left",
                holds=not any(left),
                found=f"{left}",
            )


def _shown(name: str, value: float) -> str:
    return f"{value / 2**20:.1f} MiB" if name.endswith("_bytes") else f"{value:,.0f}"
