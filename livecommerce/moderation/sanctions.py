"""Time-outs and bans: what they are, who may pass them on whom, and how one follows another."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from livecommerce.kernel.errors import Code, Refused
from livecommerce.people.roles import Capability, Role, outranks

TIME_OUT_MIN_S: Final = 5
TIME_OUT_MAX_S: Final = 14 * 86_400
REASON_MAX: Final = 200


class SanctionKind(StrEnum):
    TIME_OUT = "time_out"
    """May watch, may not speak, until a moment."""
    BAN = "ban"
    """May not be in the room, until lifted."""
    LIFTED = "lifted"


@dataclass(frozen=True, slots=True)
class Sanction:
    """What is passed on one person in one room."""

    kind: SanctionKind
    until: int | None
    """Epoch milliseconds; None for what has no end."""
    by: str
    """Id of who passed it."""
    at: int


def in_force(sanction: Sanction | None, now: int) -> Sanction | None:
    """Returns the sanction if it counts at `now`."""
    if sanction is None or sanction.kind is SanctionKind.LIFTED:
        return None
    if sanction.until is not None and sanction.until <= now:
        return None
    return sanction


def needed_for(kind: SanctionKind, held: Sanction | None) -> Capability:
    """Returns what somebody must be able to do to pass `kind` on a person who is under `held`."""
    ends_ban = kind is SanctionKind.LIFTED and held is not None and held.kind is SanctionKind.BAN
    if kind is SanctionKind.BAN or ends_ban:
        return Capability.PERSON_BAN
    return Capability.CHAT_MODERATE


def check_rank(*, actor_id: str, actor: Role | None, person_id: str, person: Role | None) -> None:
    """Raises Refused(FORBIDDEN) unless the actor stands above the person, and is another one.

    A moderator has no power over hosts, nor one moderator over another.
    """
    if actor_id == person_id or not outranks(actor, person):
        raise Refused(Code.FORBIDDEN, reason="rank")


def time_out(held: Sanction | None, *, duration_s: int, by: str, now: int) -> Sanction:
    """Returns the time-out that takes the place of what holds now.

    Raises:
        Refused: BAD_FIELD for a duration outside 5 s to 14 days; BAD_TRANSITION for a banned
            person, whom a time-out would let back in.
    """
    if not TIME_OUT_MIN_S <= duration_s <= TIME_OUT_MAX_S:
        raise Refused(Code.BAD_FIELD, field="duration_s", least=TIME_OUT_MIN_S, most=TIME_OUT_MAX_S)
    held = in_force(held, now)
    if held is not None and held.kind is SanctionKind.BAN:
        raise Refused(Code.BAD_TRANSITION, held=held.kind.value)
    return Sanction(SanctionKind.TIME_OUT, now + duration_s * 1000, by, now)


def ban(held: Sanction | None, *, by: str, now: int) -> Sanction:
    """Returns the ban. Raises Refused(BAD_TRANSITION) for a person who is banned already."""
    held = in_force(held, now)
    if held is not None and held.kind is SanctionKind.BAN:
        raise Refused(Code.BAD_TRANSITION, held=held.kind.value)
    return Sanction(SanctionKind.BAN, None, by, now)


def lift(held: Sanction | None, *, by: str, now: int) -> Sanction:
    """Returns the end of what holds. Raises Refused(BAD_TRANSITION) when nothing does."""
    if in_force(held, now) is None:
        raise Refused(Code.BAD_TRANSITION, held=None)
    return Sanction(SanctionKind.LIFTED, None, by, now)
