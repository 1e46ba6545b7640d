"""The checker finds what is broken, and nothing else."""

import pytest

from livecommerce.database import verify
from livecommerce.database.engine import Database, changing_schema
from livecommerce.database.verify import Breach
from tests.database.shop import buy, key_of


async def broken(database: Database, *statements: str) -> list[Breach]:
    async with changing_schema(database.url) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)
    return await verify.run(database)


@pytest.fixture
async def used(database: Database) -> Database:
    await database.writer.submit(buy("mona", idempotency=key_of("key")))
    return database


async def test_a_used_database_is_whole(used: Database):
    checked: list[str] = []
    assert await verify.run(used, on_checked=lambda one: checked.append(one.name)) == []
    assert {"D1", "D2", "D3", "D4"} <= set(checked)


async def test_a_lost_event_is_found(used: Database):
    found = await broken(used, "DELETE FROM outbox WHERE kind = 'order_placed'")
    assert [(breach.invariant, breach.message) for breach in found] == [
        ("D2", "2 events committed, 1 stored")
    ]


async def test_an_event_of_nothing_is_found(used: Database):
    found = await broken(used, "DELETE FROM commits WHERE published_at IS NULL")
    assert [breach.invariant for breach in found] == ["D2", "D2"]


async def test_an_event_that_waits_too_long_is_found(used: Database):
    found = await broken(
        used, "UPDATE commits SET created_at = created_at - 61000 WHERE published_at IS NULL"
    )
    assert [breach.invariant for breach in found] == ["D3"]


async def test_an_unreadable_answer_is_found(used: Database):
    empty = "X''" if used.dialect == "sqlite" else "''::bytea"
    found = await broken(used, f"UPDATE idempotency_keys SET answer = {empty}, id = 'key'")
    assert [breach.invariant for breach in found] == ["D4", "D4"]


async def test_a_lost_constraint_is_found(used: Database):
    if used.dialect == "sqlite":
        found = await broken(
            used,
            "ALTER TABLE outbox RENAME TO old_outbox",
            "CREATE TABLE outbox AS SELECT * FROM old_outbox",
        )
        lost = {"constraint ck_outbox_one_address on outbox", "constraint pk_outbox on outbox"}
    else:
        found = await broken(used, "ALTER TABLE outbox DROP CONSTRAINT ck_outbox_one_address")
        lost = {"constraint ck_outbox_one_address on outbox"}
    assert {breach.subject for breach in found if breach.invariant == "D1"} == lost


async def test_a_name_stands_for_one_invariant():
    with pytest.raises(AssertionError, match="taken"):
        verify.invariant("D1", "something else")(verify.invariants()[0].check)
