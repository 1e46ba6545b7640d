"""Deadlines of many objects that all have the same patience: one ordered dict, one timer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

E = TypeVar("E")


class Deadlines(Generic[E]):
    """Every member gets `patience_s` from when it was added, so the first added is first due."""

    __slots__ = ("_due_s", "_overdue", "_patience_s")

    def __init__(self, patience_s: float, overdue: Callable[[E], None]) -> None:
        self._patience_s = patience_s
        self._overdue = overdue
        self._due_s: dict[E, float] = {}

    def __len__(self) -> int:
        return len(self._due_s)

    def add(self, member: E, now_s: float) -> None:
        self._due_s[member] = now_s + self._patience_s

    def remove(self, member: E) -> None:
        self._due_s.pop(member, None)

    def sweep(self, now_s: float) -> None:
        """Removes all whose time is over, and calls `overdue` for each."""
        due = []
        for member, due_s in self._due_s.items():
            if due_s > now_s:
                break
            due.append(member)
        for member in due:
            del self._due_s[member]
            self._overdue(member)
