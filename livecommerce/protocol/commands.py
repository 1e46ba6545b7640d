"""What a client asks for: the base of every command, and the three the protocol itself knows."""

from __future__ import annotations

from typing import Annotated

import msgspec

from livecommerce.protocol.patterns import whole

ClientId = Annotated[
    str,
    msgspec.Meta(
        pattern=whole(r"[A-Za-z0-9_-]{16,64}"),
        description="Made by the client; the same id sent twice has one effect.",
    ),
]
EntityId = Annotated[str, msgspec.Meta(pattern=whole(r"[!-~]{1,64}"))]
"""An id of ours. Only printable ASCII: neither database has to meet a NUL or half a character."""

PROTOCOL_VERSION = 1


class Command(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    # A client's defaults are not sent: a node of the version before may not know the field yet.
    omit_defaults=True,
    tag_field="t",
):
    """A request on a connection. Every one is answered by `ok` or `err` with the same id."""

    id: ClientId


class Hello(Command, frozen=True, kw_only=True, tag="hello"):
    """Opens the session; must be the first frame. May join a room in the same breath.

    `epoch` and `offset` are the position a returning client last saw; with them the server sends
    what was missed, or a snapshot when it no longer can.
    """

    version: int = PROTOCOL_VERSION
    token: str | None = None
    """Access token. Without one the visitor may watch, and do nothing else."""
    room: EntityId | None = None
    epoch: str | None = None
    offset: int | None = None
    visitor: ClientId | None = None
    """Made by a client without a token, and the same while its page is open: counts it once among
    those who came to the room, and does nothing else."""
    light: bool = False
    """Nobody looks at this page: what may be left out is (docs/protocol.md, *Thinning*)."""


class Join(Command, frozen=True, kw_only=True, tag="join"):
    """Enters a room (and leaves the one before: a connection is in one room at a time)."""

    room: EntityId
    epoch: str | None = None
    offset: int | None = None
    light: bool = False
    """As in `hello`. Join the same room again when that changes."""


class Leave(Command, frozen=True, kw_only=True, tag="leave"):
    """Leaves the room; the connection stays."""


class Renew(Command, frozen=True, kw_only=True, tag="renew"):
    """Gives the session a fresh access token before the old one ends, or after signing up."""

    token: str


class Ping(Command, frozen=True, kw_only=True, tag="ping"):
    """Asks for the server's clock; the client corrects its countdowns by the answer."""


class Done(msgspec.Struct, frozen=True):
    """The reply of a command that has nothing to tell but that it was done."""


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of `join`."""

    capabilities: tuple[str, ...] = ()


class Pong(msgspec.Struct, frozen=True, kw_only=True):
    now: int
