"""What must hold of stored sanctions and of the audit log (`livecommerce verify`)."""

from __future__ import annotations

from itertools import groupby

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.verify import Breach, breaches, invariant
from livecommerce.moderation.audit import Head, first_fault
from livecommerce.moderation.store import audit_heads, audit_log, entry_of, sanctions


@invariant("M1", "each audit chain is whole: no entry changed, dropped, added or moved")
async def _chains_are_whole(connection: AsyncConnection) -> list[Breach]:
    rows = await connection.execute(
        sa.select(audit_heads.c.id, audit_heads.c.seq, audit_heads.c.hash)
    )
    heads = {row.id: Head(row.seq, row.hash) for row in rows}
    entries = await connection.execute(
        sa.select(audit_log).order_by(audit_log.c.chain, audit_log.c.seq)
    )
    found = []
    seen = set()
    for chain, of_chain in groupby(map(entry_of, entries.mappings()), key=lambda one: one.chain):
        seen.add(chain)
        fault = first_fault(of_chain, heads.get(chain))
        if fault is not None:
            found.append(Breach("M1", chain, f"entry {fault} is not as it was written"))
    found += [
        Breach("M1", chain, "has a head and no entries")
        for chain, head in heads.items()
        if chain not in seen and head.seq > 0
    ]
    return found


@invariant("M2", "every sanction has an entry in the audit log of its room")
async def _sanctions_are_recorded(connection: AsyncConnection) -> list[Breach]:
    recorded = sa.exists().where(
        audit_log.c.chain == sanctions.c.room_id,
        audit_log.c.subject == sanctions.c.person_id,
        audit_log.c.recorded_at == sanctions.c.decided_at,
    )
    silent = sa.select(sanctions.c.id.label("subject"), sanctions.c.kind).where(~recorded)
    return await breaches(connection, "M2", silent, "{kind} was passed without an entry")
