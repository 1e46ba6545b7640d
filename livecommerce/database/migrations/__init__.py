"""Brings a database to the tables of this version, and tells where the two differ.

Revision files say in plain operations what they do; they never read today's metadata, so that an
old one does tomorrow what it did when it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from livecommerce.database.engine import changing_schema, checked_url, dialect_of
from livecommerce.database.guards import missing_guards

_FOLDER = Path(__file__).parent
VERSIONS = _FOLDER / "versions"


async def upgrade(url: str, revision: str = "head", *, versions: Path = VERSIONS) -> None:
    """Run the migrations a database lacks: all of them, or none when one fails.

    Processes that start together wait for each other here, and only the first has work to do.
    """
    async with changing_schema(checked_url(url)) as connection:
        await connection.run_sync(_run, lambda config: command.upgrade(config, revision), versions)


async def current(url: str) -> str | None:
    """The revision a database is at; None when it is empty, or a file that is not there."""
    if _is_missing(sa.make_url(url)):
        # To look is not to make one.
        return None
    async with changing_schema(checked_url(url)) as connection:
        return await connection.run_sync(
            lambda sync: MigrationContext.configure(sync).get_current_revision()
        )


def head(*, versions: Path = VERSIONS) -> str | None:
    """The newest revision there is."""
    return ScriptDirectory.from_config(_config(versions)).get_current_head()


async def drift(url: str, metadata: sa.MetaData) -> list[str]:
    """How a database differs from the declared tables; nothing when they agree.

    The caller has imported every feature, so that `metadata` holds all tables.
    """
    async with changing_schema(checked_url(url)) as connection:
        return await connection.run_sync(_differences, metadata)


async def revise(
    url: str, metadata: sa.MetaData, *, message: str, number: str, versions: Path = VERSIONS
) -> Path:
    """Write the revision that leads from a database (at head) to the declared tables, for review.

    Args:
        number: the revision's id, say ``0002``; it begins the file's name.
    """
    before = _files(versions)
    async with changing_schema(checked_url(url)) as connection:
        await connection.run_sync(
            _run,
            lambda config: command.revision(config, message, autogenerate=True, rev_id=number),
            versions,
            metadata,
        )
    (made,) = _files(versions) - before
    return made


def _files(versions: Path) -> set[Path]:
    return set(versions.glob("*.py"))


def _config(versions: Path) -> Config:
    # Options are read with interpolation, where a bare % would mean something.
    config = Config(stdout=StringIO())
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(versions).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _run(
    connection: sa.Connection,
    run: Callable[[Config], object],
    versions: Path,
    metadata: sa.MetaData | None = None,
) -> None:
    config = _config(versions)
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    run(config)


def _differences(connection: sa.Connection, metadata: sa.MetaData) -> list[str]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    found = [repr(difference) for difference in compare_metadata(context, metadata)]
    return found + [f"missing: {guard}" for guard in missing_guards(connection, metadata)]


def _is_missing(url: sa.URL) -> bool:
    return dialect_of(url) == "sqlite" and not Path(url.database or "").exists()
