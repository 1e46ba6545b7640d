"""A show: one live event in a room. scheduled → lobby → live ⇄ paused → ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from livecommerce.kernel.errors import Code, Refused


class State(StrEnum):
    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"


# A show that is called off goes straight to its end, from wherever it stands.
NEXT: dict[State, frozenset[State]] = {
    State.SCHEDULED: frozenset({State.LOBBY, State.LIVE, State.ENDED}),
    State.LOBBY: frozenset({State.LIVE, State.ENDED}),
    State.LIVE: frozenset({State.PAUSED, State.ENDED}),
    State.PAUSED: frozenset({State.LIVE, State.ENDED}),
    State.ENDED: frozenset(),
}

CHAT_OPEN = frozenset({State.LOBBY, State.LIVE, State.PAUSED})
ON_AIR = frozenset({State.LIVE, State.PAUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Times are epoch milliseconds. `started_at` is the first time it went live."""

    id: str
    room_id: str
    title_en: str
    title_ar: str
    state: State = State.SCHEDULED
    starts_at: int | None = None
    started_at: int | None = None
    ended_at: int | None = None

    @property
    def is_chat_open(self) -> bool:
        return self.state in CHAT_OPEN


def plan(current: Show | None, draft: Show) -> Show:
    """Returns the show that stands in the room after planning `draft`.

    A show that is planned already is planned anew and keeps its id. One that has begun must end
    before the next is planned.

    Raises:
        Refused: `bad_transition`, the room's show has begun.
    """
    if current is None or current.state is State.ENDED:
        return draft
    if current.state is not State.SCHEDULED:
        raise Refused(Code.BAD_TRANSITION, held=current.state.value, to="scheduled")
    return replace(
        current,
        title_en=draft.title_en,
        title_ar=draft.title_ar,
        starts_at=draft.starts_at,
    )


def move(show: Show, to: State, *, now: int) -> Show:
    """Moves a show along.

    Raises:
        Refused: `bad_transition`, there is no way from where it stands.
    """
    if to not in NEXT[show.state]:
        raise Refused(Code.BAD_TRANSITION, held=show.state.value, to=to.value)
    if to is State.LIVE and show.started_at is None:
        return replace(show, state=to, started_at=now)
    if to is State.ENDED:
        return replace(show, state=to, ended_at=now)
    return replace(show, state=to)
