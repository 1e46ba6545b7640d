"""What our revisions can do beyond Alembic's own operations: ``op.guard_append_only(table)``."""

from __future__ import annotations

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations

from livecommerce.database.schema import append_only_ddl


@Operations.register_operation("guard_append_only")
class GuardAppendOnly(MigrateOperation):
    """Makes the database refuse to change or delete rows of a table."""

    def __init__(self, table_name: str) -> None:
        self.table_name = table_name

    @classmethod
    def guard_append_only(cls, operations: Operations, table_name: str) -> None:
        operations.invoke(cls(table_name))


@Operations.implementation_for(GuardAppendOnly)
def _guard(operations: Operations, guard: GuardAppendOnly) -> None:
    for statement in append_only_ddl(guard.table_name, operations.get_bind().dialect.name):
        operations.get_bind().exec_driver_sql(statement)


@renderers.dispatch_for(GuardAppendOnly)
def _render(_context: AutogenContext, guard: GuardAppendOnly) -> str:
    return f"op.guard_append_only({guard.table_name!r})"
