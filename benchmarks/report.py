"""The report: benchmarks/results/README.md with the figures that matter, and a picture for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.support.results import stored

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A figure that is promised: where it stands, what it means, and its bound."""

    name: str
    meaning: str
    at_most: float | None = None
    at_least: float | None = None

    def value(self, figures: Figures) -> Any:
        found: Any = figures
        for part in self.name.split("."):
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def verdict(self, value: Any) -> str:
        """What the report says of a value: nothing where nothing was promised."""
        if self.at_most is None and self.at_least is None:
            return ""
        if value is None:
            return "not measured"
        kept = (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )
        return "kept" if kept else "**missed**"

    def bound(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:g}" if self.at_least is not None else ""


QUESTIONS: dict[str, tuple[str, tuple[Line, ...]]] = {
    "fan_out": (
        "What a delivered message costs",
        (
            Line("times_best_peer_default", "ours over the best peer as installed", at_least=5),
            Line("times_best_peer_batched", "over the best peer given our batches", at_least=1.3),
            Line("p99_to_best_peer", "p99 over theirs, where none keeps up", at_most=1),
            Line("p99_ms_where_a_peer_keeps_up", "p99 where one does, ms", at_most=100),
            Line("ratio_to_raw_send.1000", "of bare os.write, 1,000 viewers", at_least=0.85),
            Line("ratio_to_raw_send.5000", "of bare os.write, 5,000 viewers", at_least=0.85),
            Line("ratio_at_15000_to_that_at_1000", "15,000 viewers over 1,000", at_least=0.9),
            Line("join_to_aiohttp", "CPU of a join over the same through aiohttp"),
        ),
    ),
    "slow_viewers": (
        "What viewers that read nothing cost the others",
        (
            Line("others_p99_ratio", "p99 of the others with 1 % stalled over without", 1.15),
            Line("kib_per_stalled", "KiB of process and kernel for one", at_most=256),
            Line("p99_ms_with", "p99 of the others with them, ms"),
            Line("p99_ms_without", "p99 of the others without, ms"),
        ),
    ),
    "cross_node": (
        "What a second node and Redis add",
        (
            Line("added_p99_ms", "p99 at the other node, less without Redis, ms", at_most=5),
            Line("added_p50_ms", "the same of the median, ms"),
            Line("other_minus_same_p99_ms", "p99 at the other node less the publishing one, ms"),
            Line("redis_requests_per_event", "round trips to Redis by event"),
            Line("redis_calls_per_event", "commands Redis executed by event, in scripts too"),
            Line("redis_cpu_us_per_event", "CPU of Redis by event, µs"),
        ),
    ),
    "memory": (
        "What an idle viewer weighs",
        (
            Line("kib_per_connection", "KiB of the process by viewer", at_most=3),
            Line("kernel_kib", "KiB of the kernel by viewer"),
        ),
    ),
    "join_storm": (
        "Everybody comes at once",
        (
            Line("joins_per_server_cpu_s", "joins by CPU second of the server"),
            Line("in_p99_s", "99 % are in after, door wide open, s"),
            Line("shipped_in_p99_s", "99 % are in after, admission as shipped, s"),
            Line("p99_ms_before", "p99 of those who watch, before, ms"),
            Line("shipped_p99_ms_during", "p99 of those who watch, meanwhile, as shipped, ms"),
        ),
    ),
    "reconnect_storm": (
        "A node dies and its viewers come to the other",
        (
            Line("missing", "events not given to those who came back", at_most=0),
            Line("snapshots", "who had to be shown the room anew", at_most=0),
            Line("back_p50_s", "half are back after, s"),
            Line("back_p99_s", "99 % are back after, s"),
            Line("p99_ms_during", "p99 of those who were there, meanwhile, ms"),
        ),
    ),
    "deflate": (
        "Batches deflated once for everybody",
        (
            Line("lines.20.times_smaller", "times smaller, a batch of 20 chat lines"),
            Line("lines.20.us_deflated", "CPU of making that frame, once a batch, µs"),
            Line("lines.20.us", "the same undeflated, µs"),
        ),
    ),
    "flash_sale": (
        "Units sold",
        (
            Line("sqlite.holds_per_s", "durable holds a second, SQLite"),
            Line("postgresql.holds_per_s", "durable holds a second, PostgreSQL"),
            Line("sqlite.group_commit_ratio", "group commit over one by one, SQLite"),
            Line("postgresql.group_commit_ratio", "group commit over one by one, PostgreSQL"),
        ),
    ),
    "capacity": (
        "A million viewers, on paper",
        (
            Line("nodes", "nodes of a core it takes"),
            Line("p99_ms", "p99 there, ms"),
            Line("first_bottleneck", "nearest to its limit there"),
            Line("worst_error", "farthest a checked prediction was off", at_most=0.25),
        ),
    ),
}
"""In the order in which they are asked: capacity last, as it takes memory's word for a viewer."""


def write(folder: Path) -> None:
    """Draws what can be drawn and writes README.md into the folder of results."""
    # Only who draws needs the library for it.
    from benchmarks.pictures import draw

    drawn = {
        question
        for question in QUESTIONS
        if (figures := stored(question, folder)) is not None
        and draw(question, figures, folder / f"{question}.svg")
    }
    (folder / "README.md").write_text("\n".join(text(folder, drawn)) + "\n")


def text(folder: Path, drawn: set[str]) -> Iterator[str]:
    """The report's lines."""
    yield "# Results"
    yield ""
    yield "Written by `make bench` from the JSON files beside it. What is measured, and what is"
    yield "not: [docs/performance.md](../../docs/performance.md)."
    for question, (title, lines) in QUESTIONS.items():
        figures = stored(question, folder)
        yield f"\n## {title}\n"
        if figures is None:
            yield f"Not measured yet: `python -m benchmarks.{question}`."
            continue
        yield "| figure | meaning | value | promise | |"
        yield "|---|---|---|---|---|"
        for line in lines:
            value = line.value(figures)
            shown = "–" if value is None else f"{value:,}" if not isinstance(value, str) else value
            row = (f"`{line.name}`", line.meaning, shown, line.bound(), line.verdict(value))
            yield f"| {' | '.join(row)} |"
        yield ""
        if question in drawn:
            yield f"![{title}]({question}.svg)\n"
        yield provenance(question, figures)


def provenance(question: str, figures: Figures) -> str:
    """On which machine, of which code, when."""
    machine, run = figures["machine"], figures["run"]
    changed = f" and {run['changed_files']} changed files" if run["changed_files"] else ""
    command = " ".join((f"python -m benchmarks.{question}", *run["arguments"]))
    return (
        f"`{command}` at {run['at']}, commit `{run['commit']}`{changed}; {machine['cpu']},"
        f" {machine['cores']} cores, {machine['memory_gib']} GiB, {machine['system']},"
        f" Python {machine['python']}."
    )
