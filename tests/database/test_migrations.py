"""Revisions bring a database to the declared tables, all or nothing, and drift is noticed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from livecommerce.database import migrations, schema
from livecommerce.database.engine import changing_schema, checked_url
from livecommerce.database.schema import append_only, id_column, version_column


def shop_of(version: int) -> sa.MetaData:
    """The tables of a small program at its first and at its second version."""
    metadata = schema.new_metadata()
    columns: list[sa.Column[Any]] = [sa.Column("name", sa.Text, nullable=False)]
    if version == 2:
        columns.append(sa.Column("price_minor", sa.BigInteger, server_default="0", nullable=False))
    sa.Table(
        "goods",
        metadata,
        id_column(),
        *columns,
        sa.Column("is_sold", sa.Boolean, nullable=False),
        sa.Column("picture", sa.LargeBinary),
        sa.Column("weight", sa.Double),
        version_column(),
        sa.CheckConstraint("name <> ''", name="named"),
        sa.UniqueConstraint("name"),
    )
    append_only(
        sa.Table(
            "facts",
            metadata,
            id_column(),
            sa.Column("good_id", sa.ForeignKey("goods.id"), type_=sa.Text, nullable=False),
        )
    )
    return metadata


async def run(url: str, *statements: str) -> None:
    async with changing_schema(checked_url(url)) as connection:
        for statement in statements:
            await connection.exec_driver_sql(statement)


@pytest.fixture
async def at_first(url: str, tmp_path: Path) -> Path:
    """A database at revision 0001; gives the folder of revisions."""
    versions = tmp_path / "versions"
    versions.mkdir()
    await migrations.revise(url, shop_of(1), message="first", number="0001", versions=versions)
    await migrations.upgrade(url, versions=versions)
    return versions


async def test_a_revision_makes_what_is_declared(url: str, at_first: Path):
    assert await migrations.current(url) == migrations.head(versions=at_first) == "0001"
    assert await migrations.drift(url, shop_of(1)) == []
    await run(
        url,
        "INSERT INTO goods (id, name, is_sold) VALUES ('g', 'shirt', "
        + ("false)" if "postgresql" in url else "0)"),
        "INSERT INTO facts (id, good_id) VALUES ('f', 'g')",
    )
    for forbidden in (
        "UPDATE facts SET good_id = 'g'",
        "DELETE FROM facts",
        "INSERT INTO goods (id, name, is_sold) SELECT 'h', '', is_sold FROM goods",
        "INSERT INTO goods (id, name, is_sold) SELECT 'h', name, is_sold FROM goods",
        "INSERT INTO facts (id, good_id) VALUES ('g', 'nobody')",
        "INSERT INTO goods (id, name, is_sold) SELECT 'h', 'hat', 'text' FROM goods",
    ):
        if "nobody" in forbidden and "sqlite" in url:
            continue  # a connection must ask SQLite to look at foreign keys; the writer's does
        with pytest.raises(sa.exc.DBAPIError):
            await run(url, forbidden)


async def test_the_next_revision_is_written_and_run(url: str, at_first: Path):
    assert any("price_minor" in found for found in await migrations.drift(url, shop_of(2)))
    made = await migrations.revise(
        url, shop_of(2), message="prices", number="0002", versions=at_first
    )
    assert "price_minor" in made.read_text()
    await migrations.upgrade(url, versions=at_first)
    assert await migrations.current(url) == "0002"
    assert await migrations.drift(url, shop_of(2)) == []


async def test_an_upgrade_that_fails_changes_nothing(url: str, at_first: Path):
    (at_first / "0002_broken.py").write_text(
        "import sqlalchemy as sa\nfrom alembic import op\n"
        "revision, down_revision = '0002', '0001'\n\n"
        "def upgrade():\n"
        "    op.create_table('half', sa.Column('id', sa.Text, primary_key=True))\n"
        "    op.execute('SELECT * FROM nowhere')\n"
    )
    with pytest.raises(sa.exc.DBAPIError):
        await migrations.upgrade(url, versions=at_first)
    assert await migrations.current(url) == "0001"
    assert await migrations.drift(url, shop_of(1)) == []


async def test_processes_that_start_together_upgrade_once(url: str, tmp_path: Path):
    versions = tmp_path / "versions"
    versions.mkdir()
    await migrations.revise(url, shop_of(1), message="first", number="0001", versions=versions)
    await asyncio.gather(*(migrations.upgrade(url, versions=versions) for _ in range(3)))
    assert await migrations.drift(url, shop_of(1)) == []


async def test_a_lost_guard_is_drift(url: str, at_first: Path):
    if "postgresql" in url:
        await run(
            url,
            "ALTER TABLE facts DISABLE TRIGGER append_only_facts",
            "ALTER TABLE goods DROP CONSTRAINT ck_goods_named",
        )
        lost = ["constraint ck_goods_named on goods", "trigger append_only_facts"]
    else:
        await run(url, "DROP TRIGGER append_only_facts_delete")
        lost = ["trigger append_only_facts_delete"]
    assert await migrations.drift(url, shop_of(1)) == [f"missing: {guard}" for guard in lost]


async def test_an_empty_database_has_no_revision(url: str):
    assert await migrations.current(url) is None
    assert len(await migrations.drift(url, shop_of(1))) > 2


async def test_looking_for_a_database_makes_none(tmp_path: Path):
    path = tmp_path / "elsewhere" / "shop.db"
    assert await migrations.current(f"sqlite+aiosqlite:///{path}") is None
    assert not path.parent.exists()
