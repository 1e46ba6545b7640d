"""What the parts of a process tell of themselves in numbers."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Annotated, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Total = Annotated[int, "only grows"]
"""The type of a field that counts from the start of the process. The others go up and down."""


def figures_of(statistics: DataclassInstance) -> dict[str, float]:
    """The numbers of a dataclass under the names that Prometheus wants: totals end in `_total`."""
    return {name: getattr(statistics, field) for field, name in _names(type(statistics))}


@cache
def _names(kind: type[DataclassInstance]) -> tuple[tuple[str, str], ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        (field.name, f"{field.name}_total" if hints[field.name] == Total else field.name)
        for field in fields(kind)
    )
