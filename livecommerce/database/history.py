"""Histories of state machines: every step is a row that stays, and an entity's own row stands where
its steps lead."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from livecommerce.database.group_commit import Rows
from livecommerce.database.schema import (
    append_only,
    id_column,
    metadata,
    number_column,
    text_column,
    time_column,
)
from livecommerce.database.verify import Breach


def history_table(name: str, *machines: str) -> sa.Table:
    """The steps of these machines, a row each."""
    known = ", ".join(f"'{machine}'" for machine in machines)
    return append_only(
        sa.Table(
            name,
            metadata,
            id_column(),
            text_column("machine"),
            text_column("entity_id"),
            number_column("seq"),
            text_column("from_state"),
            text_column("to_state"),
            text_column("reason"),
            time_column("created_at"),
            sa.CheckConstraint(f"machine IN ({known})", name="machine"),
        )
    )


def record_step(
    rows: Rows,
    history: sa.Table,
    entities: sa.Table,
    id: str,
    machine: str,
    change: tuple[str, str, str],
    now: int,
) -> None:
    """Writes one step into the history; `change` is (from, to, reason).

    Call it before the row's own change; it raises the row's `steps`. What has taken no step yet is
    in the state it was made in, so that a new entity costs no row here.
    """
    row = rows.get(entities, id)
    assert row is not None
    seq = row["steps"] + 1
    rows.add(entities, id, steps=1)
    rows.insert(
        history,
        {
            "id": f"{id}.{seq}",
            "machine": machine,
            "entity_id": id,
            "seq": seq,
            "from_state": change[0],
            "to_state": change[1],
            "reason": change[2],
            "created_at": now,
        },
    )


async def history_breaches(
    connection: AsyncConnection,
    name: str,
    entities: sa.Table,
    axes: Mapping[str, sa.Column[Any]],
    history: sa.Table,
    *,
    initial: Mapping[str, Collection[str]],
    allowed: Mapping[str, Mapping[Any, Collection[Any]]],
) -> list[Breach]:
    """Replays the steps of state machines and compares where they lead with where the rows stand.

    Args:
        axes: the machines of one table, and the column each of them moves.
        initial: the states an entity may begin in.
        allowed: the steps each machine may take.
    """
    columns = [column.label(f"axis_{machine}") for machine, column in axes.items()]
    stored = await connection.execute(sa.select(entities.c.id, entities.c.steps, *columns))
    steps: dict[str, list[Any]] = {}
    rows = await connection.execute(
        sa.select(history)
        .where(history.c.machine.in_(list(axes)))
        .order_by(history.c.entity_id, history.c.seq)
    )
    for step in rows.mappings():
        steps.setdefault(step["entity_id"], []).append(step)
    found = []
    for row in stored.mappings():
        taken = steps.pop(row["id"], [])
        if [step["seq"] for step in taken] != list(range(1, row["steps"] + 1)):
            found.append(Breach(name, row["id"], f"{len(taken)} of {row['steps']} steps recorded"))
            continue
        for machine in axes:
            fault = _replayed(
                [step for step in taken if step["machine"] == machine],
                row[f"axis_{machine}"],
                initial[machine],
                allowed[machine],
            )
            if fault is not None:
                found.append(Breach(name, row["id"], f"{machine}: {fault}"))
    found += [Breach(name, id, "has a history and no row") for id in steps]
    return found


def _replayed(
    steps: list[Any], stands: str, initial: Collection[str], allowed: Mapping[Any, Collection[Any]]
) -> str | None:
    at = steps[0]["from_state"] if steps else stands
    if at not in initial:
        return f"begins as {at}"
    for step in steps:
        if step["from_state"] != at or step["to_state"] not in allowed[at]:
            return f"{step['from_state']} to {step['to_state']} after {at}"
        at = step["to_state"]
    return None if at == stands else f"history ends as {at}, the row is {stands}"
