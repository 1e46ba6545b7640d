"""Compares the rules a database enforces with those that are declared.

Alembic compares tables, columns, indexes, unique and foreign keys, but neither CHECKs nor triggers,
and a CHECK that was lost is the one nobody would miss until it is needed.
"""

from __future__ import annotations

import sqlalchemy as sa

from livecommerce.database.schema import append_only_guard, append_only_tables


def missing_guards(connection: sa.Connection, declared: sa.MetaData) -> list[str]:
    """The declared constraints, unique indexes and append-only triggers that are not there."""
    inspector = sa.inspect(connection)
    present = set(inspector.get_table_names())
    missing = []
    for table in declared.sorted_tables:
        if table.name not in present:
            missing.append(f"table {table.name}")
            continue
        stored = _stored_names(inspector, table.name)
        missing += [
            f"constraint {constraint.name} on {table.name}"
            for constraint in table.constraints
            if constraint.name not in stored
        ]
        missing += [
            f"index {index.name} on {table.name}"
            for index in table.indexes
            if index.unique and index.name not in stored
        ]
    triggers = _triggers(connection)
    for name in append_only_tables(declared):
        stem = append_only_guard(name)
        wanted = {stem}
        if connection.dialect.name == "sqlite":
            wanted = {f"{stem}_update", f"{stem}_delete"}
        missing += [f"trigger {trigger}" for trigger in sorted(wanted - triggers)]
    return missing


def _stored_names(inspector: sa.Inspector, table: str) -> set[str | None]:
    names: set[str | None] = {check["name"] for check in inspector.get_check_constraints(table)}
    names |= {unique["name"] for unique in inspector.get_unique_constraints(table)}
    names |= {key["name"] for key in inspector.get_foreign_keys(table)}
    names |= {index["name"] for index in inspector.get_indexes(table)}
    names.add(inspector.get_pk_constraint(table)["name"])
    return names


def _triggers(connection: sa.Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        sql = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    else:
        # A trigger that is switched off is as good as none.
        sql = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
    return set(connection.exec_driver_sql(sql).scalars())
