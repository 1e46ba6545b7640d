"""The command line as a process, and `serve` as a host runs it."""

import asyncio
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from livecommerce import __version__
from livecommerce.database import migrations
from livecommerce.payments.providers.port import Rejected
from tests.support.house import SECRET, running_house
from tests.support.postgres import PostgresServer
from tests.support.server import running_server
from tests.support.shop import Api, Shop, furnish
from tests.support.sockets import LiveSocket

pytestmark = pytest.mark.slow


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("LIVECOMMERCE_")}
    env |= {"LIVECOMMERCE_DATA_DIR": str(folder), "COLUMNS": "200", **settings}
    return subprocess.run(
        [sys.executable, "-c", "from livecommerce.cli import main; main()", *arguments],
        env=env,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version(tmp_path: Path):
    assert run(tmp_path, "version").stdout.strip() == __version__


def test_wrong_settings_are_told_all_at_once(tmp_path: Path):
    done = run(
        tmp_path,
        "migrate",
        LIVECOMMERCE_PORT="eighty",
        LIVECOMMERCE_PROT="1",
        LIVECOMMERCE_SECRET="x",
    )
    assert done.returncode == 2
    for name in ("LIVECOMMERCE_PORT", "LIVECOMMERCE_PROT", "LIVECOMMERCE_SECRET"):
        assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_from_an_empty_folder_to_a_breach(tmp_path: Path):
    """doctor finds nothing, migrate makes it, verify likes it until somebody meddles."""
    for command in ("verify", "refunds"):
        early = run(tmp_path, command)
        assert early.returncode == 2
        assert early.stderr.startswith("The database: ")
        assert "no tables yet. Run `livecommerce migrate`." in early.stderr
        assert "Traceback" not in early.stderr

    before = run(tmp_path, "doctor", LIVECOMMERCE_SECRET=(secret := "s" * 40))
    assert before.returncode == 1
    assert "livecommerce migrate" in before.stdout
    # What is in force is told: what was set first, then what was not, and no secret.
    assert re.search(r"LIVECOMMERCE_DATA_DIR\W+" + str(tmp_path), before.stdout)
    assert re.search(r"LIVECOMMERCE_CONNECTIONS_MAX\W+20000", before.stdout)
    assert before.stdout.index("LIVECOMMERCE_DATA_DIR") < before.stdout.index("LIVECOMMERCE_BEAT")
    assert secret not in before.stdout

    migrated = run(tmp_path, "migrate")
    assert migrated.returncode == 0
    assert f"shop: at {migrations.head()}" in migrated.stdout

    nobody = run(tmp_path, "link", "nobody@example.com")
    assert nobody.returncode == 1
    assert "not_found" in nobody.stderr
    assert "Traceback" not in nobody.stderr

    verified = run(tmp_path, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "every invariant holds" in verified.stdout

    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("PRAGMA ignore_check_constraints = ON")
        columns = [row[1] for row in database.execute("PRAGMA table_info(stock_levels)")]
        values = dict.fromkeys(columns, 1) | {"id": "v@main", "on_hand": -5}
        places = ", ".join("?" * len(values))
        database.execute(
            f"INSERT INTO stock_levels ({', '.join(values)}) VALUES ({places})",
            tuple(values.values()),
        )
    broken = run(tmp_path, "verify")
    assert broken.returncode == 1
    assert "v@main" in broken.stdout


@pytest.mark.postgres
def test_a_database_that_keeps_us_out_is_told_in_a_sentence(
    tmp_path: Path, postgres_server: PostgresServer
):
    url = postgres_server.create_database()
    assert run(tmp_path, "migrate", LIVECOMMERCE_DATABASE_URL=url).returncode == 0
    postgres_server.sql("CREATE ROLE rightless LOGIN")
    postgres_server.sql("CREATE ROLE guarded LOGIN PASSWORD 'right'")
    rules = postgres_server.data / "pg_hba.conf"
    rules.write_text(f"local all guarded scram-sha-256\n{rules.read_text()}")
    postgres_server.sql("SELECT pg_reload_conf()")
    for wrong, why in (
        (url.replace("postgres@", "rightless@"), "permission denied"),
        (url.replace("postgres@", "guarded:wrong@"), "password authentication failed"),
        (re.sub(r"@/\w+", "@/nothing", url), 'database "nothing" does not exist'),
        ("postgresql+asyncpg://postgres@127.0.0.1:1/shop", "refused"),
    ):
        for command in ("verify", "migrate"):
            done = run(tmp_path, command, LIVECOMMERCE_DATABASE_URL=wrong)
            assert done.returncode == 2
            (told,) = done.stderr.strip().splitlines()
            assert why.lower() in told.lower()
            assert "wrong" not in told


def test_a_database_that_is_none_is_told_in_a_sentence(tmp_path: Path):
    assert run(tmp_path, "migrate").returncode == 0
    (tmp_path / "shop.db").write_bytes(b"not a database" * 1_000)
    for command in ("verify", "serve"):
        done = run(tmp_path, command)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        assert done.stderr.strip().endswith("shop.db: file is not a database")


@pytest.mark.parametrize(
    "command", [("serve", "--workers", "2"), ("serve", "--no-work"), ("work",)], ids=" ".join
)
def test_several_processes_need_postgresql_and_redis(tmp_path: Path, command: tuple[str, ...]):
    done = run(tmp_path, *command)
    assert done.returncode == 2
    assert "LIVECOMMERCE_DATABASE_URL" in done.stderr
    assert "needs PostgreSQL" in done.stderr
    assert "LIVECOMMERCE_REDIS_URL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"LIVECOMMERCE_REDIS_URL": ""}, "LIVECOMMERCE_REDIS_URL"),
        ({"LIVECOMMERCE_VAULT_URL": "sqlite+aiosqlite:///vault.db"}, "LIVECOMMERCE_VAULT_URL"),
        ({"LIVECOMMERCE_OWN_PORT": "8079"}, "LIVECOMMERCE_OWN_PORT: 8079 to 8081"),
        ({"LIVECOMMERCE_HOST": "192.0.2.1"}, "LIVECOMMERCE_PORT: 192.0.2.1:8080"),
    ],
)
def test_what_keeps_nodes_from_starting_is_named(tmp_path: Path, wrong: dict[str, str], named: str):
    shared = {
        "LIVECOMMERCE_DATABASE_URL": "postgresql+asyncpg://nobody@127.0.0.1:1/nothing",
        "LIVECOMMERCE_REDIS_URL": "redis://127.0.0.1:1",
    }
    done = run(tmp_path, "serve", "--workers", "3", **shared | wrong)
    assert done.returncode == 2
    assert named in done.stderr
    assert done.stderr.count("LIVECOMMERCE_") == named.count("LIVECOMMERCE_") + (
        "OWN_PORT" in named  # and the one it collides with
    )
    assert "Traceback" not in done.stderr


async def test_what_a_provider_would_not_pay_back_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async def refused(*args: object, **kwargs: object) -> str:
        raise Rejected("card_closed")

    async def list_refunds() -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(run, tmp_path, "refunds", LIVECOMMERCE_SECRET=SECRET)

    async with running_house(tmp_path) as house:
        monkeypatch.setattr(house.services.sandbox, "refund", refused)
        shop = await house.shop()
        goods = await shop.add_goods("abaya", on_hand=3)
        buyer = await house.person()
        wallet = await furnish(house.api, buyer.token, number=1)
        total = goods.price_minor + await shop.delivery_minor()
        bought = await buyer.command(
            shop.room_id,
            "buy",
            variant_id=goods.variant_id,
            offer_id=goods.offer_id,
            expected_total_minor=total,
            currency="SAR",
            address_id=wallet.address_id,
            payment={"method": "card", "card_id": wallet.card_id},
        )
        path = f"/v1/orders/{bought['id']}"
        async with asyncio.timeout(10):
            while (await buyer.ask("GET", path))["state"] != "confirmed":
                await asyncio.sleep(0.05)
        none_yet = await list_refunds()
        assert none_yet.returncode == 0, none_yet.stderr
        assert "no refund was refused" in none_yet.stdout
        await buyer.ask("POST", f"{path}/cancel")
        async with asyncio.timeout(10):
            while not await house.services.payments.refused_refunds():
                await asyncio.sleep(0.05)
    listed = await list_refunds()
    assert listed.returncode == 1, listed.stderr
    assert bought["id"] in listed.stdout
    assert f"{total // 100}.{total % 100:02} SAR" in listed.stdout
    (refund_id,) = {row["id"] for row in _rows(tmp_path / "shop.db", "refunds")}
    assert refund_id in listed.stdout

    def close(*how: str) -> subprocess.CompletedProcess[str]:
        return run(tmp_path, "refunds", "--close", refund_id, *how, LIVECOMMERCE_SECRET=SECRET)

    unreasoned = close()
    assert unreasoned.returncode == 2
    assert "--reason" in unreasoned.stderr
    closed = close("--reason", "bank transfer 4711")
    assert closed.returncode == 0, closed.stderr
    again = close("--reason", "once more")
    assert (again.returncode, again.stderr.strip()) == (
        1,
        "Refused: bad_transition(state='succeeded')",
    )
    unknown = run(tmp_path, "refunds", "--close", "r1", "--reason", "x", LIVECOMMERCE_SECRET=SECRET)
    assert (unknown.returncode, "r1: " in unknown.stderr) == (2, True)
    assert (await list_refunds()).returncode == 0
    assert run(tmp_path, "verify").returncode == 0


def _rows(path: Path, table: str) -> list[sqlite3.Row]:
    with sqlite3.connect(path) as database:
        database.row_factory = sqlite3.Row
        return database.execute(f"SELECT * FROM {table}").fetchall()


def test_serve_takes_the_open_files_it_is_allowed(tmp_path: Path):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        with running_server({"LIVECOMMERCE_DATA_DIR": str(tmp_path)}) as server:
            assert resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[0] > 512
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_serve_drains_and_goes_on_with_the_same_data(tmp_path: Path):
    settings = {"LIVECOMMERCE_DATA_DIR": str(tmp_path), "LIVECOMMERCE_DRAIN_S": "1"}
    with running_server(settings) as server:
        async with Api(server.url) as api:
            shop = await Shop.open(api)
            link = run(tmp_path, "link", shop.host.login)
            assert link.returncode == 0, link.stderr
            _, found, token = link.stdout.strip().partition("#link=")
            assert found
            assert (await api.post("/v1/auth/link", {"token": token}))["access_token"]
            socket = await LiveSocket.open(server.port, room=shop.room_id)
            started_s = time.monotonic()
            code = await asyncio.to_thread(server.stop)
            assert code == 0, server.output()
            assert time.monotonic() - started_s < 6
            assert socket.close_code == 4001
        server.start()
        async with Api(server.url) as api:
            assert (await api.get(f"/v1/rooms/{shop.slug}"))["id"] == shop.room_id
            # The person's token is still good: the secret was kept.
            me = await api.get("/v1/me", token=shop.host.token)
            assert me["id"] == shop.host.person_id
        assert server.stop() == 0
        assert "Traceback" not in server.output()


def test_serve_on_a_port_that_is_taken_ends_with_a_reason(tmp_path: Path):
    with running_server({"LIVECOMMERCE_DATA_DIR": str(tmp_path / "one")}) as server:
        done = run(tmp_path, "serve", LIVECOMMERCE_PORT=str(server.port))
        assert done.returncode == 2
        assert f"LIVECOMMERCE_PORT: 127.0.0.1:{server.port}: " in done.stderr
        assert "address already in use" in done.stderr.lower()
        assert "Traceback" not in done.stderr


def test_a_second_signal_does_not_wait_for_the_drain(tmp_path: Path):
    settings = {"LIVECOMMERCE_DATA_DIR": str(tmp_path), "LIVECOMMERCE_DRAIN_S": "30"}
    with running_server(settings) as server:

        async def stay() -> None:
            socket = await LiveSocket.open(server.port)
            started_s = time.monotonic()
            os.kill(server.pid, signal.SIGTERM)
            await asyncio.sleep(0.5)
            assert not socket.is_lost
            os.kill(server.pid, signal.SIGTERM)
            while not socket.is_lost:
                assert time.monotonic() - started_s < 5
                await asyncio.sleep(0.05)

        asyncio.run(stay())


@pytest.mark.parametrize("name", ["metrics", "healthz", "readyz"])
def test_a_server_of_its_own_answers_its_operator(name: str, served: str):
    with urllib.request.urlopen(f"{served}/{name}", timeout=5) as answer:
        assert answer.status == 200


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("served")
    with running_server({"LIVECOMMERCE_DATA_DIR": str(folder)}) as server:
        yield server.url
