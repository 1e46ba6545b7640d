"""Imports every module of rows, so that `ROWS` is complete. A new module is one line here."""

from collections.abc import Collection

from tests.faults import (
    clients,
    last_viewer,
    lost_nodes,
    odd_nodes,
    redis_cluster,
    redis_links,
    redis_listening,
    redis_memory,
    redis_messages,
    sales,
    storms,
)
from tests.faults.rows import ROWS, Row

__all__ = [
    "ROWS",
    "clients",
    "last_viewer",
    "lost_nodes",
    "odd_nodes",
    "redis_cluster",
    "redis_links",
    "redis_listening",
    "redis_memory",
    "redis_messages",
    "rows_of",
    "sales",
    "storms",
]


def rows_of(names: Collection[str] | None = None) -> list[Row]:
    """The rows of these names, or all: "6a" is that one, "6" all parts of it. Raises ValueError for
    one that there is not."""
    known = {name for each in ROWS for name in (each.name, str(each.number))}
    asked = known if names is None else set(names)
    if wrong := asked - known:
        raise ValueError(f"there is no row {', '.join(sorted(wrong))}")
    wanted = [each for each in ROWS if not asked.isdisjoint((each.name, str(each.number)))]
    return sorted(wanted, key=lambda each: (each.number, each.part))
