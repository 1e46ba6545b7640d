"""What the services of this folder answer; the events are the room's (`shows/wire.py`)."""

from __future__ import annotations

import msgspec


class SanctionView(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided about a person in a room."""

    person_id: str
    name: str
    kind: str
    """time_out · ban · lifted"""
    until: int | None
    by: str
    """Display name of who decided."""
    at: int


class SanctionList(msgspec.Struct, frozen=True, kw_only=True):
    sanctions: list[SanctionView]
