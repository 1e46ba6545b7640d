"""The report's pictures, one a question, as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Figures = dict[str, Any]
OURS, OTHERS, FAINT = "#0f766e", "#94a3b8", "#cbd5e1"
WARM = "#d97706"

mpl.rcParams.update(
    {
        "font.family": "sans-serif",
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        # The same figures give the same file.
        "svg.hashsalt": "livecommerce",
        "svg.fonttype": "none",
    }
)


def draw(question: str, figures: Figures, file: Path) -> bool:
    """Draws a question's answer; False when it holds nothing to draw."""
    drawing = DRAWINGS.get(question)
    if drawing is None:
        return False
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    try:
        drawing(figure, figures)
    except (KeyError, TypeError):
        # A run without peers, or one of an older form.
        return False
    figure.savefig(file, format="svg", metadata={"Date": None})
    return True


def bars(
    axes: Axes, names: Sequence[str], values: Sequence[float], colours: Sequence[str], title: str
) -> None:
    """Horizontal bars with their values, the first on top."""
    places = range(len(names))
    drawn = axes.barh(places, values, color=colours)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.bar_label(
        drawn,
        labels=[f"{value:,.3g}" if value < 1e3 else f"{value:,.0f}" for value in values],
        padding=3,
    )
    axes.margins(x=0.2)
    axes.set_title(title, fontsize=10)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def fan_out(figure: Figure, found: Figures) -> None:
    ours = found["delivered_per_cpu_s"]
    for place, variant in enumerate(("default", "batched")):
        axes = figure.add_subplot(1, 2, place + 1)
        times = {k: v for k, v in found[f"times_each_peer_{variant}"].items() if v}
        values = [ours, *(ours / each for each in times.values())]
        title = {
            "default": "delivered messages by CPU second\npeers as installed",
            "batched": "delivered messages by CPU second\npeers given our batches",
        }[variant]
        bars(axes, ["livecommerce", *times], values, [OURS, *[OTHERS] * len(times)], title)


def slow_viewers(figure: Figure, found: Figures) -> None:
    axes = figure.add_subplot(1, 2, 1)
    pairs = found["pairs"]
    axes.bar(range(1, len(pairs) + 1), pairs, color=OURS)
    axes.axhline(1.15, color=WARM, linestyle="--", linewidth=1)
    axes.set_title("p99 of the others, with over without, by pair", fontsize=10)
    axes.set_xticks(range(1, len(pairs) + 1))
    memory = found["memory"]
    bars(
        figure.add_subplot(1, 2, 2),
        ["process", "kernel", "allowed"],
        [memory["user_kib"], memory["kernel_kib"], 256],
        [OURS, OTHERS, FAINT],
        "KiB of a stalled viewer",
    )


def cross_node(figure: Figure, found: Figures) -> None:
    names = ["without_redis", "same_node", "other_node"]
    for place, (share, colour) in enumerate((("p50_ms", OTHERS), ("p99_ms", OURS))):
        values = [found[share][name] for name in names]
        labels = ["no Redis", "publishing node", "other node"]
        title = f"{share[:3]} from publishing to reading, ms"
        bars(figure.add_subplot(1, 2, place + 1), labels, values, [colour] * 3, title)


def memory(figure: Figure, found: Figures) -> None:
    peers = {name: each for name, each in (found.get("peers") or {}).items() if each}
    others = [each for name, each in peers.items() if name != "livecommerce"]
    names = ["livecommerce", *(each["title"] for each in others)]
    colours = [OURS, *[OTHERS] * len(others)]
    weights = [found["kib_per_connection"], *(each["kib_per_connection"] for each in others)]
    bars(figure.add_subplot(1, 2, 1), names, weights, colours, "KiB of an idle viewer, process")
    if others:
        costs = [peers["livecommerce"], *others]
        values = [each["join_cpu_us"] for each in costs]
        bars(figure.add_subplot(1, 2, 2), names, values, colours, "CPU of a join, µs")


def join_storm(figure: Figure, found: Figures) -> None:
    bars(
        figure.add_subplot(1, 2, 1),
        ["wide open", "as shipped"],
        [found["in_p99_s"], found["shipped_in_p99_s"]],
        [OTHERS, OURS],
        f"99 % of {found['comers']:,} are in after, s",
    )
    bars(
        figure.add_subplot(1, 2, 2),
        ["before", "wide open", "as shipped"],
        [found["p99_ms_before"], found["p99_ms_during"], found["shipped_p99_ms_during"]],
        [FAINT, OTHERS, OURS],
        "p99 of those who watch, ms",
    )


def reconnect_storm(figure: Figure, found: Figures) -> None:
    bars(
        figure.add_subplot(1, 2, 1),
        ["half", "99 %", "all"],
        [found["back_p50_s"], found["back_p99_s"], found["all_back_s"]],
        [OURS] * 3,
        f"of {found['viewers']:,} are back after, s",
    )
    bars(
        figure.add_subplot(1, 2, 2),
        ["before", "meanwhile"],
        [found["p99_ms_before"], found["p99_ms_during"]],
        [FAINT, OURS],
        "p99 of those who were there, ms",
    )


def deflate(figure: Figure, found: Figures) -> None:
    for place, (size, one) in enumerate(found["lines"].items()):
        bars(
            figure.add_subplot(2, 2, place + 1),
            ["plain", "deflated"],
            [one["bytes"], one["bytes_deflated"]],
            [OTHERS, OURS],
            f"bytes of a batch, chat lines: {size}",
        )


def flash_sale(figure: Figure, found: Figures) -> None:
    for place, name in enumerate(("sqlite", "postgresql")):
        one = found[name]
        bars(
            figure.add_subplot(1, 2, place + 1),
            ["in groups", "one by one"],
            [one["holds_per_s"], one["unbatched_holds_per_s"]],
            [OURS, OTHERS],
            f"durable holds a second, {name}",
        )


def capacity(figure: Figure, found: Figures) -> None:
    table = found["table"]
    nodes = [row["nodes"] for row in table]
    left = figure.add_subplot(1, 2, 1)
    left.plot(nodes, [row["core"] * 100 for row in table], color=OURS, label="a node's core, %")
    left.plot(nodes, [row["redis_cpu"] * 100 for row in table], color=OTHERS, label="Redis, %")
    left.axhline(found["limits"]["node_cpu"] * 100, color=WARM, linestyle="--", linewidth=1)
    left.set_xlabel("nodes")
    left.set_ylim(0, 105)
    left.legend(frameon=False, fontsize=9)
    left.set_title(f"{found['viewers']:,} viewers: CPU", fontsize=10)
    right = figure.add_subplot(1, 2, 2)
    right.plot(nodes, [row["p99_ms"] for row in table], color=OURS, label="p99")
    right.plot(nodes, [row["p50_ms"] for row in table], color=OTHERS, label="p50")
    right.set_xlabel("nodes")
    right.set_ylim(0)
    right.legend(frameon=False, fontsize=9)
    right.set_title("from publishing to reading, ms", fontsize=10)


DRAWINGS: dict[str, Callable[[Figure, Figures], None]] = {
    "fan_out": fan_out,
    "slow_viewers": slow_viewers,
    "cross_node": cross_node,
    "memory": memory,
    "join_storm": join_storm,
    "reconnect_storm": reconnect_storm,
    "deflate": deflate,
    "flash_sale": flash_sale,
    "capacity": capacity,
}
