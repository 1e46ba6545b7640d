"""What a torture found, and how it is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

SHOWN_MAX = 20


def say(text: str) -> None:
    """One line of progress, with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


@dataclass(slots=True)
class Finding:
    """One part of a torture: its figures, and every promise it saw broken."""

    name: str
    facts: dict[str, str] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def check(self, promise: str, *, holds: bool, found: str = "") -> None:
        """Note a promise; one that does not hold is a breach."""
        if not holds:
            self.breaches.append(f"{promise}: {found}" if found else promise)


def tell(findings: list[Finding]) -> bool:
    """Print the table of all parts, then the breaches; gives whether there is none."""
    table = Table("part", "what was done and found", "promises")
    for finding in findings:
        facts = "\n".join(f"{name}: {value}" for name, value in finding.facts.items())
        verdict = "kept" if not finding.breaches else f"{len(finding.breaches)} BROKEN"
        table.add_row(finding.name, facts, verdict, end_section=True)
    Console(width=118).print(table)
    for finding in findings:
        for breach in finding.breaches[:SHOWN_MAX]:
            print(f"BROKEN  {finding.name}: {breach}")
        if len(finding.breaches) > SHOWN_MAX:
            print(f"BROKEN  {finding.name}: and {len(finding.breaches) - SHOWN_MAX} more")
    return not any(finding.breaches for finding in findings)


def percentile(values: list[float], share: float) -> float:
    """The value that this share of the values does not exceed; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
