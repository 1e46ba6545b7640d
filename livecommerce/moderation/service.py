"""Moderation: decides about people and records what staff do. The room carries it out (`shows`)."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Collection, Mapping
from typing import Final

import sqlalchemy as sa
import structlog

from livecommerce.database.engine import Database
from livecommerce.kernel.clock import Clock
from livecommerce.kernel.errors import Code, Refused
from livecommerce.moderation.audit import first_fault
from livecommerce.moderation.sanctions import (
    REASON_MAX,
    Sanction,
    SanctionKind,
    check_rank,
    in_force,
)
from livecommerce.moderation.store import (
    TRAIL,
    Consequence,
    PassSanction,
    audit_heads,
    read_chain,
    sanction_of,
    sanctions,
)
from livecommerce.moderation.wire import SanctionView
from livecommerce.people.accounts import Actor
from livecommerce.people.roles import Capability
from livecommerce.people.service import People
from livecommerce.people.service.cache import RecentValues

__all__ = ["TRAIL", "Consequence", "Moderation", "Sanction", "SanctionKind", "SanctionView"]

log = structlog.get_logger()

REFRESH_S: Final = 1.0
LISTED_MAX: Final = 500
"""Sanctions a list shows; whoever has passed more than these looks for the newest."""
_ROOMS_MAX: Final = 10_000

Passed = Mapping[str, Sanction]
"""Sanctions of a room by person."""


class Moderation:
    """Who may not speak, or not be here. Keep `run` going beside the server."""

    def __init__(self, *, database: Database, clock: Clock, people: People) -> None:
        self._database = database
        self._clock = clock
        self._people = people
        self._rooms = RecentValues(self._load, clock=clock)
        # Each room as last read, and the number of its last audit entry then: no sanction is
        # passed without an entry, so a room whose number stands still need not be read again.
        self._read: dict[str, tuple[int, Passed]] = {}
        self._callbacks: list[Callable[[str, str, Sanction | None], None]] = []

    async def run(self) -> None:
        """Keeps the rooms in use up to date, until cancelled."""
        while True:
            try:
                await self.refresh()
            except Refused as refused:
                log.warning("sanctions not refreshed", refused=str(refused))
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """One round of `run`."""
        await self._rooms.refresh()

    def on_sanctioned(self, callback: Callable[[str, str, Sanction | None], None]) -> None:
        """Has `callback(room_id, person_id, sanction)` called when a sanction starts or is lifted.

        At once for what is decided here, within two seconds for what another process decides about
        a room in use. None: it was lifted.
        """
        self._callbacks.append(callback)

    # ---- asked with every message ------------------------------------------------------------

    async def sanction_of(self, room_id: str, person_id: str) -> Sanction | None:
        """Returns what is in force on a person in a room; from memory, two seconds old at most."""
        passed = await self._rooms.get(room_id)
        return in_force(passed.get(person_id), self._clock.now_ms())

    async def sanctions(self, actor: Actor, room_id: str) -> list[SanctionView]:
        """Returns what is in force in a room, the newest first. Raises Refused(FORBIDDEN)."""
        await self._people.require(actor, room_id, Capability.CHAT_MODERATE)
        passed = await self._rooms.get(room_id)
        now = self._clock.now_ms()
        held = [(id, one) for id, one in passed.items() if in_force(one, now) is not None]
        newest = sorted(held, key=lambda pair: pair[1].at, reverse=True)[:LISTED_MAX]
        names = await self._people.names([id for pair in newest for id in (pair[0], pair[1].by)])
        return [
            SanctionView(
                person_id=person_id,
                name=names.get(person_id, ""),
                kind=one.kind.value,
                until=one.until,
                by=names.get(one.by, ""),
                at=one.at,
            )
            for person_id, one in newest
        ]

    async def check_may_enter(self, room_id: str, person_id: str) -> None:
        """Raises Refused(BANNED) for somebody who may not be in the room."""
        sanction = await self.sanction_of(room_id, person_id)
        if sanction is not None and sanction.kind is SanctionKind.BAN:
            raise Refused(Code.BANNED)

    async def check_may_speak(self, room_id: str, person_id: str) -> None:
        """Raises Refused: BANNED, or MUTED with the wait."""
        sanction = await self.sanction_of(room_id, person_id)
        if sanction is None:
            return
        if sanction.kind is SanctionKind.BAN:
            raise Refused(Code.BANNED)
        assert sanction.until is not None
        wait_ms = max(1, sanction.until - self._clock.now_ms())
        raise Refused(Code.MUTED, retry_after_ms=wait_ms, until=sanction.until)

    # ---- decided by staff --------------------------------------------------------------------

    async def time_out(
        self,
        actor: Actor,
        *,
        room_id: str,
        person_id: str,
        duration_s: int,
        reason: str,
        command_id: str,
        then: Consequence | None = None,
    ) -> SanctionView:
        """Silences a person for 5 s to 14 days. Raises Refused as `ban`."""
        return await self._pass(
            actor,
            SanctionKind.TIME_OUT,
            room_id=room_id,
            person_id=person_id,
            duration_s=duration_s,
            reason=reason,
            command_id=command_id,
            then=then,
        )

    async def ban(
        self,
        actor: Actor,
        *,
        room_id: str,
        person_id: str,
        reason: str,
        command_id: str,
        then: Consequence | None = None,
    ) -> SanctionView:
        """Shuts a person out until lifted. The same command id has one effect.

        Args:
            then: happens in the same transaction.

        Raises:
            Refused: FORBIDDEN without the capability, or for somebody of equal or higher role;
                NOT_FOUND for nobody; BAD_FIELD; BAD_TRANSITION for somebody banned already.
        """
        return await self._pass(
            actor,
            SanctionKind.BAN,
            room_id=room_id,
            person_id=person_id,
            duration_s=0,
            reason=reason,
            command_id=command_id,
            then=then,
        )

    async def lift(
        self,
        actor: Actor,
        *,
        room_id: str,
        person_id: str,
        command_id: str,
        then: Consequence | None = None,
    ) -> SanctionView:
        """Ends a time-out or ban. Raises Refused as `ban`; BAD_TRANSITION when there is none."""
        return await self._pass(
            actor,
            SanctionKind.LIFTED,
            room_id=room_id,
            person_id=person_id,
            duration_s=0,
            reason="",
            command_id=command_id,
            then=then,
        )

    async def first_fault(self, chain: str) -> int | None:
        """Returns the number of the first audit entry that is not as written; None: all are."""
        async with self._database.reading() as connection:
            entries, head = await read_chain(connection, chain)
        return first_fault(entries, head)

    async def _pass(
        self,
        actor: Actor,
        kind: SanctionKind,
        *,
        room_id: str,
        person_id: str,
        duration_s: int,
        reason: str,
        command_id: str,
        then: Consequence | None,
    ) -> SanctionView:
        capabilities = await self._people.capabilities(room_id, actor.person_id)
        if not capabilities & {Capability.CHAT_MODERATE, Capability.PERSON_BAN}:
            raise Refused(Code.FORBIDDEN, capability=Capability.CHAT_MODERATE.value)
        check_rank(
            actor_id=actor.person_id,
            actor=await self._people.role(room_id, actor.person_id),
            person_id=person_id,
            person=await self._people.role(room_id, person_id),
        )
        name = (await self._people.names([person_id])).get(person_id)
        if name is None:
            raise Refused(Code.NOT_FOUND, field="person_id")
        view, is_replay = await self._database.writer.submit_replayable(
            PassSanction(
                command_id=command_id,
                kind=kind,
                room_id=room_id,
                person_id=person_id,
                person_name=name,
                actor_id=actor.person_id,
                actor_name=actor.name,
                capabilities=capabilities,
                reason=_clean_reason(reason),
                duration_s=duration_s,
                then=then,
            )
        )
        if not is_replay:
            passed = Sanction(SanctionKind(view.kind), view.until, actor.person_id, view.at)
            self._take_note(room_id, person_id, passed)
        return view

    def _take_note(self, room_id: str, person_id: str, passed: Sanction) -> None:
        if room_id in self._read:
            seq, known = self._read[room_id]
            # The number stays the old one: other entries may have come with this.
            self._read[room_id] = seq, {**known, person_id: passed}
        self._rooms.forget(room_id)
        self._tell(room_id, person_id, passed)

    def _tell(self, room_id: str, person_id: str, passed: Sanction) -> None:
        in_effect = in_force(passed, self._clock.now_ms())
        for callback in self._callbacks:
            callback(room_id, person_id, in_effect)

    async def _load(self, room_ids: Collection[str]) -> Mapping[str, Passed]:
        async with self._database.reading() as connection:
            heads = await connection.execute(
                sa.select(audit_heads.c.id, audit_heads.c.seq).where(audit_heads.c.id.in_(room_ids))
            )
            seqs = dict.fromkeys(room_ids, 0)
            seqs.update({row.id: row.seq for row in heads})
            changed = [
                room_id
                for room_id, seq in seqs.items()
                if room_id not in self._read or self._read[room_id][0] != seq
            ]
            rows = []
            if changed:
                found = await connection.execute(
                    sa.select(sanctions).where(sanctions.c.room_id.in_(changed))
                )
                rows = list(found.mappings())
        fresh: dict[str, dict[str, Sanction]] = {room_id: {} for room_id in changed}
        for row in rows:
            fresh[row["room_id"]][row["person_id"]] = sanction_of(row)
        for room_id, passed in fresh.items():
            self._compare(room_id, passed)
            self._read[room_id] = seqs[room_id], passed
        values = {room_id: self._read[room_id][1] for room_id in room_ids}
        while len(self._read) > _ROOMS_MAX:
            del self._read[next(iter(self._read))]
        return values

    def _compare(self, room_id: str, passed: Passed) -> None:
        """Tells of what another process decided since the room was last read."""
        if room_id not in self._read:
            return
        _, known = self._read[room_id]
        for person_id, sanction in passed.items():
            if known.get(person_id) != sanction:
                self._tell(room_id, person_id, sanction)


def _clean_reason(text: str) -> str:
    clean = "".join(char for char in text if unicodedata.category(char)[0] != "C").strip()
    if len(clean) > REASON_MAX:
        raise Refused(Code.BAD_FIELD, field="reason")
    return clean
