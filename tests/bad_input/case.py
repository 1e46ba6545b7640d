"""How a case of bad input is written down.

Strings that begin with `$` stand for facts of the scene (`$room`, `$lamp.variant`): they are known
only once the scene is set. `row` is the kind of bad input, numbered as in the design's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Fields = Mapping[str, Any]
NOBODY = "nobody"
"""Sends no token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Something sent on the socket by somebody who is in the room.

    Args:
        command: sent as JSON, with a fresh `id` unless it has one.
        raw: sent as it is, instead of a command.
        code: of the `err` that answers it; None: the socket closes without one.
        close: the code the socket closes with; None: it stays open.
    """

    row: int
    name: str
    who: str = "viewer"
    command: Fields | None = None
    raw: bytes | None = None
    opcode: int = 1
    room: str | None = "$room"
    code: str | None
    field: str | None = None
    close: int | None = None
    data: tuple[str, ...] = ()
    """Facts the error must tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request.

    Args:
        body: sent as JSON; `raw` instead is sent as it is.
    """

    row: int
    name: str
    who: str = "viewer"
    method: str = "POST"
    path: str
    body: Any = None
    raw: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    status: int
    code: str | None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Bytes on a fresh TCP connection, for what no HTTP library would send."""

    row: int
    name: str
    sent: bytes
    status: int
    code: str | None = None
