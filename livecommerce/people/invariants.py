"""What must hold of stored people (`livecommerce verify`)."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.verify import Breach, breaches, invariant
from livecommerce.people.store.tables import (
    address_refs,
    grant_id,
    grants,
    logins,
    people,
    sign_ins,
)
from livecommerce.people.store.vault import vault_keys, vault_records


@invariant("P1", "a person's address count is the number of addresses on the list")
async def _addresses_are_counted(connection: AsyncConnection) -> list[Breach]:
    listed = (
        sa.select(sa.func.count(address_refs.c.id))
        .where(address_refs.c.person_id == people.c.id, address_refs.c.removed_at.is_(None))
        .scalar_subquery()
    )
    wrong = sa.select(
        people.c.id.label("subject"), people.c.address_count, listed.label("listed")
    ).where(people.c.address_count != listed)
    return await breaches(connection, "P1", wrong, "{address_count} counted, {listed} listed")


@invariant("P2", "logins, sign-ins and addresses belong to somebody")
async def _nothing_is_orphaned(connection: AsyncConnection) -> list[Breach]:
    found = []
    for table in (logins, sign_ins, address_refs):
        orphans = (
            sa.select(table.c.id.label("subject"), table.c.person_id)
            .select_from(table.outerjoin(people, people.c.id == table.c.person_id))
            .where(people.c.id.is_(None))
        )
        found += await breaches(connection, "P2", orphans, f"{table.name} of nobody: {{person_id}}")
    return found


@invariant("P3", "of an erased person only the id is left")
async def _the_erased_are_gone(connection: AsyncConnection) -> list[Breach]:
    living = [
        sa.exists().where(logins.c.person_id == people.c.id),
        sa.exists().where(grants.c.person_id == people.c.id),
        sa.exists().where(sign_ins.c.person_id == people.c.id, sign_ins.c.ended_at.is_(None)),
        people.c.name != "",
        people.c.has_phone,
    ]
    left = sa.select(people.c.id.label("subject")).where(
        people.c.erased_at.is_not(None), sa.or_(*living)
    )
    return await breaches(connection, "P3", left, "something of it is left")


@invariant("P4", "a person holds one role a scope")
async def _grants_have_their_id(connection: AsyncConnection) -> list[Breach]:
    rows = await connection.execute(sa.select(grants.c.id, grants.c.scope_id, grants.c.person_id))
    return [
        Breach("P4", row.id, "is not the grant of its scope and person")
        for row in rows
        if row.id != grant_id(row.scope_id, row.person_id)
    ]


@invariant("P5", "every sealed record has its person's key, and the key counts it")
async def _records_have_keys(connection: AsyncConnection) -> list[Breach]:
    closed = (
        sa.select(vault_records.c.id.label("subject"), vault_records.c.person_id)
        .select_from(
            vault_records.outerjoin(vault_keys, vault_keys.c.id == vault_records.c.person_id)
        )
        .where(vault_keys.c.id.is_(None))
    )
    sealed = (
        sa.select(sa.func.count(vault_records.c.id))
        .where(vault_records.c.person_id == vault_keys.c.id)
        .scalar_subquery()
    )
    wrong = sa.select(
        vault_keys.c.id.label("subject"), vault_keys.c.records, sealed.label("sealed")
    ).where(vault_keys.c.records != sealed)
    return [
        *await breaches(connection, "P5", closed, "{person_id} has no key to open it"),
        *await breaches(connection, "P5", wrong, "{records} counted, {sealed} sealed"),
    ]
