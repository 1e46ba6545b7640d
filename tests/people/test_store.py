"""What the database itself refuses, whatever the code above it believes."""

from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.database.engine import Database, changing_schema
from livecommerce.kernel.clock import FakeClock
from livecommerce.moderation.store import audit_heads, audit_log, sanctions
from livecommerce.people.store.tables import (
    address_refs,
    grants,
    logins,
    people,
    sign_in_links,
    sign_ins,
)
from livecommerce.people.store.vault import vault_access, vault_keys, vault_records

PERSON = {"id": "p", "kind": "guest", "name": "N", "market": "SA", "created_at": 1}
SIGN_IN = {"id": "s", "person_id": "p", "rotated_at": 1, "created_at": 1, "expires_at": 2}
LINK = {"id": "l", "person_id": "p", "uses_left": 1, "created_at": 1, "expires_at": 2}
GRANT = {"id": "r.p", "scope_id": "r", "person_id": "p", "role": "host", "granted_by": "p",
         "created_at": 1}  # fmt: skip
SANCTION = {"id": "r.p", "room_id": "r", "person_id": "p", "kind": "ban", "reason": "",
            "decided_by": "p", "decided_at": 1}  # fmt: skip
ENTRY = {"id": "r:1", "chain": "r", "seq": 1, "recorded_at": 1, "actor_id": "p", "action": "a",
         "details": "{}", "hash": "h"}  # fmt: skip
KEY = {"id": "p", "region": "home", "wrapped_key": b"k", "created_at": 1}
RECORD = {"id": "x", "person_id": "p", "kind": "contact", "sealed": b"s", "created_at": 1}

CHECKED = [
    (people, PERSON, "ck_people_kind", {"kind": "robot"}),
    (people, PERSON, "ck_people_address_count", {"address_count": -1}),
    (people, PERSON, "ck_people_address_count", {"address_count": 21}),
    (sign_ins, SIGN_IN, "ck_sign_ins_generation", {"generation": 0}),
    (sign_in_links, LINK, "ck_sign_in_links_uses_left", {"uses_left": -1}),
    (grants, GRANT, "ck_grants_role", {"role": "emperor"}),
    (sanctions, SANCTION, "ck_sanctions_kind", {"kind": "shame"}),
    (sanctions, SANCTION, "ck_sanctions_until", {"until_at": 5}),
    (sanctions, SANCTION, "ck_sanctions_until", {"kind": "time_out"}),
    (audit_log, ENTRY, "ck_audit_log_seq", {"seq": 0}),
    (vault_keys, KEY, "ck_vault_keys_records", {"records": -1}),
    (vault_records, RECORD, "ck_vault_records_kind", {"kind": "secret"}),
]


@pytest.fixture
async def database(url: str):
    opened = await Database.open(url, clock=FakeClock(), create=True)
    yield opened
    await opened.close()


async def insert(database: Database, table: sa.Table, row: dict[str, Any]) -> None:
    async with changing_schema(database.url) as connection:
        await connection.execute(table.insert().values(row))


@pytest.mark.parametrize(("table", "row", "name", "change"), CHECKED)
async def test_a_row_that_cannot_be(
    database: Database, table: sa.Table, row: dict[str, Any], name: str, change: dict[str, Any]
):
    await insert(database, table, row)
    with pytest.raises(sa.exc.IntegrityError, match=name):
        await insert(database, table, {**row, "id": "another", **change})


def test_every_check_has_its_case():
    ours = (people, logins, sign_ins, sign_in_links, grants, address_refs, sanctions, audit_log,
            audit_heads, vault_keys, vault_records, vault_access)  # fmt: skip
    declared = {
        str(constraint.name)
        for table in ours
        for constraint in table.constraints
        if isinstance(constraint, sa.CheckConstraint)
    }
    assert declared == {name for _, _, name, _ in CHECKED}


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (audit_log, ENTRY),
        (
            vault_access,
            {"id": "1", "person_id": "p", "record_id": "x", "reader_id": "r", "purpose": "o",
             "read_at": 1},
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = 'other'"])
async def test_history_is_only_added_to(
    database: Database, table: sa.Table, row: dict[str, Any], statement: str
):
    await insert(database, table, row)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        async with changing_schema(database.url) as connection:
            await connection.exec_driver_sql(statement.format(table.name))
