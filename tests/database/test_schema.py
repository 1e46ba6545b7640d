"""Tables that break the house's rules cannot be declared."""

import pytest
import sqlalchemy as sa

from livecommerce.database import schema
from livecommerce.database.engine import Database, changing_schema
from livecommerce.database.schema import id_column, time_column
from tests.database.shop import declared, history, insert


@pytest.mark.parametrize(
    "columns",
    [
        [sa.Column("name", sa.Text, primary_key=True)],
        [id_column(), sa.Column("n", sa.Integer)],
        [id_column(), sa.Column("n", sa.String(20))],
        [id_column(), sa.Column("n", sa.JSON)],
        [id_column(), sa.Column("n", sa.BigInteger, default=lambda: 1)],
    ],
)
def test_a_table_against_the_rules_is_refused(columns):
    with pytest.raises(AssertionError):
        sa.Table("wrong", schema.new_metadata(), *columns)


def test_a_moment_is_named_at():
    assert time_column("paid_at").name == "paid_at"
    with pytest.raises(AssertionError):
        time_column("paid")


@pytest.mark.parametrize("metadata", [schema.metadata, declared])
def test_every_constraint_has_a_name(metadata: sa.MetaData):
    for table in metadata.tables.values():
        assert all(constraint.name for constraint in table.constraints)
        assert all(index.name for index in table.indexes)


@pytest.mark.parametrize(
    "statement", ["UPDATE history SET what = 'other'", "DELETE FROM history", "TRUNCATE history"]
)
async def test_history_is_guarded_by_the_database_itself(database: Database, statement: str):
    await database.writer.submit(insert(history, id="fact"))
    with pytest.raises(sa.exc.DBAPIError, match=r"append-only|syntax error"):
        async with changing_schema(database.url) as connection:
            await connection.exec_driver_sql(statement)
    assert schema.append_only_tables(declared) == ["history"]
