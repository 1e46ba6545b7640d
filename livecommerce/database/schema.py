"""The metadata every feature declares its tables on, and the rules all tables share.

A table has a text primary key `id`, and a `version` when its rows change: the writer guards every
change by it. Columns are of five types which SQLite (STRICT tables) and PostgreSQL store alike.
Every constraint has a name, because errors and migrations speak of constraints by name.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles

NAMES: Final = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}

_HOUSE = "house"
_TYPES = (sa.Text, sa.BigInteger, sa.Boolean, sa.Double, sa.LargeBinary)
_APPEND_ONLY = "append_only"
_POSTGRESQL_GUARD = "refuse_change_of_history"


def new_metadata() -> sa.MetaData:
    """Metadata whose tables follow the house's rules. The shop has one; a test may have its own."""
    return sa.MetaData(naming_convention=NAMES, info={_HOUSE: True, _APPEND_ONLY: set()})


metadata: Final = new_metadata()


def id_column() -> sa.Column[str]:
    """The primary key of every table."""
    return sa.Column("id", sa.Text, primary_key=True)


def version_column() -> sa.Column[int]:
    """Counts the changes of a row, from 1: a change is stored on the version it was made on."""
    return sa.Column(
        "version", sa.BigInteger, nullable=False, default=1, server_default=sa.text("1")
    )


def time_column(name: str, *, nullable: bool = False) -> sa.Column[int]:
    """A moment: epoch milliseconds of the server's clock. Named `*_at`."""
    assert name.endswith("_at"), name
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def text_column(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def number_column(name: str, *, default: int | None = None) -> sa.Column[int]:
    """A count, or an amount in minor units."""
    return sa.Column(name, sa.BigInteger, nullable=False, default=default)


def append_only(table: sa.Table) -> sa.Table:
    """Makes the database itself refuse to change or delete rows of this table."""
    table.metadata.info[_APPEND_ONLY].add(table.name)
    for dialect in ("sqlite", "postgresql"):
        for statement in append_only_ddl(table.name, dialect):
            ddl = sa.DDL(statement.replace("%", "%%"))  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", ddl.execute_if(dialect=dialect))
    return table


def append_only_tables(of: sa.MetaData) -> list[str]:
    """Names of the tables guarded by `append_only`."""
    return sorted(of.info[_APPEND_ONLY])


def append_only_guard(table_name: str) -> str:
    """The stem of the names of the triggers that guard a table."""
    return f"append_only_{table_name}"


def append_only_ddl(table_name: str, dialect: str) -> list[str]:
    """The statements that guard one table; migrations run the same ones."""
    guard = append_only_guard(table_name)
    if dialect == "sqlite":
        return [
            f'CREATE TRIGGER "{guard}_{action.lower()}" BEFORE {action} ON "{table_name}" '
            f"BEGIN SELECT RAISE(ABORT, 'append-only: {table_name}'); END"
            for action in ("UPDATE", "DELETE")
        ]
    # For each statement, not row: TRUNCATE is covered too, and an insert pays nothing.
    function = (
        f"CREATE OR REPLACE FUNCTION {_POSTGRESQL_GUARD}() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only: %', TG_TABLE_NAME "
        "USING ERRCODE = 'restrict_violation', TABLE = TG_TABLE_NAME, CONSTRAINT = TG_NAME; "
        "END $$"
    )
    trigger = (
        f'CREATE TRIGGER "{guard}" BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table_name}" '
        f"FOR EACH STATEMENT EXECUTE FUNCTION {_POSTGRESQL_GUARD}()"
    )
    return [function, trigger]


@event.listens_for(sa.Table, "after_parent_attach")
def _check_house_rules(table: sa.Table, parent: object) -> None:
    assert isinstance(parent, sa.MetaData)
    if _HOUSE not in parent.info:
        return
    assert [column.name for column in table.primary_key] == ["id"], f"{table.name}: key is not id"
    for column in table.columns:
        assert isinstance(column.type, _TYPES), f"{table.name}.{column.name}: {column.type!r}"
        default = column.default
        assert default is None or isinstance(default, sa.ColumnDefault), f"{table.name}: default"
        assert default is None or default.is_scalar, f"{column.name}: a default is a plain value"
    # Without STRICT, SQLite stores a text in an integer column and says nothing.
    table.dialect_options["sqlite"]["strict"] = True


# STRICT tables know INTEGER, REAL, TEXT and BLOB and no other word for them.
@compiles(sa.BigInteger, "sqlite")
@compiles(sa.Boolean, "sqlite")
def _integer(_type: Any, _compiler: Any, **_options: Any) -> str:
    return "INTEGER"


@compiles(sa.Double, "sqlite")
def _real(_type: Any, _compiler: Any, **_options: Any) -> str:
    return "REAL"
