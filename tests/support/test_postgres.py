import os
import time
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.postgres import PostgresServer, database_of, running_postgres


async def scalar(url: str, statement: str) -> object:
    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            return (await connection.execute(text(statement))).scalar()
    finally:
        await engine.dispose()


async def run(url: str, *statements: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(text(statement))
    await engine.dispose()


async def test_answers_by_the_url_and_is_durable(postgres_url):
    assert str(await scalar(postgres_url, "SHOW server_version")).startswith("18")
    assert await scalar(postgres_url, "SHOW fsync") == "on"
    assert await scalar(postgres_url, "SHOW synchronous_commit") == "on"


async def test_databases_are_separate_and_copied_from_a_template(postgres_server: PostgresServer):
    prepared: list[str] = []

    def prepare(url: str) -> None:
        prepared.append(url)
        statement = "CREATE TABLE goods (id int PRIMARY KEY)"
        postgres_server.sql(statement, database=database_of(url))

    postgres_server.create_template("goods", prepare)
    postgres_server.create_template("goods", prepare)
    one = postgres_server.create_database(template="goods")
    other = postgres_server.create_database(template="goods")
    await run(one, "INSERT INTO goods VALUES (1)")

    assert len(prepared) == 1
    assert await scalar(one, "SELECT count(*) FROM goods") == 1
    assert await scalar(other, "SELECT count(*) FROM goods") == 0
    postgres_server.drop_database(one)
    postgres_server.drop_database(other)


@pytest.mark.slow
async def test_a_crash_loses_nothing_committed_and_the_end_leaves_nothing_behind():
    with running_postgres({"shared_buffers": "32MB"}) as server:
        url = server.create_database()
        await run(url, "CREATE TABLE kept (id int)", "INSERT INTO kept VALUES (7)")
        server.crash()
        with pytest.raises(RuntimeError, match="not running"):
            _ = server.pid
        server.start()
        assert await scalar(url, "SELECT id FROM kept") == 7
        pid, folder = server.pid, server.folder
        workers = psutil.Process(pid).children(recursive=True)
        assert workers
    assert not folder.exists()
    assert not psutil.pid_exists(pid)
    assert not [worker for worker in workers if worker.is_running()]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_root_needs_no_open_folders_above_the_binaries(tmp_path: Path, monkeypatch):
    """The binaries are copied when the unprivileged user could not reach them."""
    from tests.support import postgres

    monkeypatch.setattr(postgres, "_reachable_by_all", lambda path: False)
    started = time.monotonic()
    with running_postgres() as server:
        assert server.sql("SELECT 1 + 1") == "2"
    assert time.monotonic() - started < 30
