"""Alembic's entry: runs the revisions on the connection it is given, in that one transaction."""

from __future__ import annotations

from alembic import context
from alembic.operations import ops

from livecommerce.database.migrations.operations import GuardAppendOnly
from livecommerce.database.schema import append_only_tables


def _guard_new_tables(
    _context: object, _revision: object, directives: list[ops.MigrationScript]
) -> None:
    """Add to a generated revision the triggers of its append-only tables."""
    metadata = context.config.attributes["metadata"]
    guarded = append_only_tables(metadata)
    for script in directives:
        upgrade = script.upgrade_ops
        assert upgrade is not None
        made = [one.table_name for one in upgrade.ops if isinstance(one, ops.CreateTableOp)]
        upgrade.ops += [GuardAppendOnly(name) for name in made if name in guarded]


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=context.config.attributes["metadata"],
    compare_type=True,
    render_as_batch=True,
    process_revision_directives=_guard_new_tables,
)
with context.begin_transaction():
    context.run_migrations()
