"""Imports every module of rows, so that `ROWS` is complete. A new module is one line here."""

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


def rows_of(numbers: list[int] | None = None) -> list[Row]:
    """The rows with these numbers, or all. Raises ValueError for one that there is not."""
    wrong = set(numbers or ()) - {each.number for each in ROWS}
    if wrong:
        raise ValueError(f"there is no row {', '.join(map(str, sorted(wrong)))}")
    wanted = [each for each in ROWS if numbers is None or each.number in numbers]
    return sorted(wanted, key=lambda each: (each.number, each.part))
