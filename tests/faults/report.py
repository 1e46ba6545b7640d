"""What a row of the failure suite found, and how all rows are told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.faults.ledger import Verdict


@dataclass(slots=True)
class Bound:
    """A figure that was measured, and what it may not exceed."""

    what: str
    measured: float
    limit: float
    unit: str = "s"

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.what} {self.measured:.3g}{unit} (≤ {self.limit:g}{unit})"


@dataclass(slots=True)
class Report:
    """One row. It holds when the ledger has no complaint and nothing is in `breaches`."""

    row: str
    title: str
    injections: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    bounds: list[Bound] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    took_s: float = 0.0

    def check(self, promise: str, *, holds: bool, found: object = "") -> None:
        """Notes a promise; one that does not hold is a breach."""
        if not holds:
            self.breaches.append(f"{promise}: {found}" if found != "" else promise)

    def bound(self, what: str, measured: float, limit: float, unit: str = "s") -> None:
        """Notes a figure with its limit. Measured again in the same row, the worst is kept."""
        for known in self.bounds:
            if known.what == what:
                known.measured = max(known.measured, measured)
                break
        else:
            self.bounds.append(Bound(what, measured, limit, unit))
        self.check(f"{what} ≤ {limit:g} {unit}", holds=measured <= limit, found=f"{measured:.3g}")

    def take(self, verdict: Verdict, where: str = "") -> None:
        """Adds a ledger's verdict."""
        self.verdict.add(verdict)
        self.breaches += [f"{where}{each}" for each in verdict.complaints]


COLUMNS = (
    *("row", "fault", "injected", "published", "seen", "lost", "twice", "out of order"),
    *("skipped", "late", "measured"),
)


def cells(report: Report) -> tuple[str, ...]:
    """A report as the words of a table's row."""
    verdict = report.verdict
    return (
        report.row,
        report.title,
        f"{report.injections:,}",
        f"{verdict.published:,}",
        f"{verdict.seen:,}",
        str(len(verdict.lost)),
        str(len(verdict.duplicated)),
        str(len(verdict.inverted)),
        f"{verdict.skipped:,}",
        f"{verdict.late:,}",
        "; ".join([*map(str, report.bounds), *report.facts]),
    )


def markdown(reports: Iterable[Report]) -> str:
    """The table of docs/reliability.md."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"]
    lines += [f"| {' | '.join(cells(each))} |" for each in reports]
    return "\n".join(lines)


def broken(reports: Sequence[Report]) -> list[str]:
    """All breaches, each with its row."""
    return [f"row {each.row}: {breach}" for each in reports for breach in each.breaches]
