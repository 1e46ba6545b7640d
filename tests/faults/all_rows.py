"""Imports every module of rows, so that `ROWS` is complete. A new module is one line here."""

from tests.faults import redis_links, redis_memory, redis_messages
from tests.faults.rows import ROWS, Row

__all__ = ["ROWS", "redis_links", "redis_memory", "redis_messages", "rows_of"]


def rows_of(numbers: list[int] | None = None) -> list[Row]:
    """The rows with these numbers, or all. Raises ValueError for one that there is not."""
    known = {each.number: each for each in ROWS}
    wrong = set(numbers or ()) - known.keys()
    if wrong:
        raise ValueError(f"there is no row {', '.join(map(str, sorted(wrong)))}")
    return [known[number] for number in numbers or sorted(known)]
