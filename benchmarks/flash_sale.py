"""How fast units of one hot variant are sold: `python -m benchmarks.flash_sale [--quick]`.

A real server process on one core, the buyers on another one; PostgreSQL shares the buyers' core
(`postgresql_cpu` says how much of it). Both databases are as durable as in production: SQLite WAL
with synchronous=FULL, PostgreSQL with fsync and synchronous_commit.

Measured, per database:

* `holds_per_s`: 1,024 buyers with a socket each ask for one unit of the same variant, one command
  under way each, no payment. Counted are replies `ok`, which come after COMMIT. The buyers are in
  no room, so that what the room is told does not mix in (`benchmarks.fan_out` measures that).
* `holds_per_server_cpu_s`: the same holds by the CPU time of the server: what other programs of a
  busy machine take away hardly changes it.
* `holds_per_s_in_room`: the same with all of them in the room, which is told the counter.
* `hold_p50_ms`, `hold_p99_ms`: with 64 buyers, from the frame written to the reply read.
* `confirmed_per_s`: 256 buyers buy in one click and wait until their order is confirmed; every
  order is a hold, an intent made, stored and confirmed at the sandbox, and a capture: three commits
  of the shop and two of the sandbox.
* `group_commit_ratio`: holds a second with LIVECOMMERCE_BATCH_MAX 256 : 1. Two servers of the same
  code over two databases, driven in turns by the same 1,024 buyers; the median of the pairs.

Limits meant for single people (messages a second, unpaid orders) are lifted: a thousand buyers who
never stop to think stand for a crowd. In production whoever buys that often costs a read more.

The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.support.buyers import Buyers, Round
from benchmarks.support.machine import cpu_s, on_core
from benchmarks.support.results import conclude
from tests.support.postgres import PostgresServer, running_postgres
from tests.support.server import ServerProcess, running_server
from tests.support.shop import PLATFORM_SETTINGS, Api, Shop
from tests.support.sockets import allow_many_sockets
from tests.torture.findings import percentile

SERVER_CORE, BUYERS_CORE = 0, 1
MANY, FEW, PAYING = 1_024, 64, 256
ON_HAND = 10_000_000


@dataclass(frozen=True, slots=True)
class Length:
    """How long it takes. Durations in seconds."""

    round_s: float
    pairs: int


QUICK = Length(round_s=3.0, pairs=3)
LONG = Length(round_s=10.0, pairs=7)


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)


@contextlib.contextmanager
def server(url: str, batch_max: int) -> Iterator[ServerProcess]:
    """A server on its core, over a database of its own."""
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="livecommerce-bench-"))
        environ = {
            **PLATFORM_SETTINGS,
            "LIVECOMMERCE_DATA_DIR": str(Path(folder)),
            "LIVECOMMERCE_DATABASE_URL": url,
            "LIVECOMMERCE_SECRET": "the secret of a shop that is only measured",
            "LIVECOMMERCE_BATCH_MAX": str(batch_max),
            "LIVECOMMERCE_ADMISSIONS_PER_S": "5000",
            "LIVECOMMERCE_CONNECTIONS_PER_IP": "10000",
            # Few buyers who never stop to think are over the pace that is fair for one.
            "LIVECOMMERCE_MESSAGES_PER_S": "10000",
            "LIVECOMMERCE_MESSAGES_BURST": "10000",
            "LIVECOMMERCE_UNPAID_ORDERS_MAX": "1000000000",
            "LIVECOMMERCE_LOG_FORMAT": "json",
            "LIVECOMMERCE_LOG_LEVEL": "warning",
        }
        # Only while it is started: the buyers who come then stay on theirs.
        with on_core(SERVER_CORE):
            started = stack.enter_context(running_server(environ))
        yield started


async def buyers_of(api: Api, slug: str) -> Buyers:
    """Opens a shop with one product and as many units as anybody could want."""
    shop = await Shop.open(api, slug=slug)
    goods = await shop.add_goods("hot", on_hand=ON_HAND, slot=1)
    return Buyers(shop, goods, await shop.delivery_minor())


async def measure(
    name: str,
    batched: ServerProcess,
    single: ServerProcess,
    postgres: PostgresServer | None,
    length: Length,
) -> dict[str, Any]:
    """All figures of one database."""
    async with Api(batched.url) as api, Api(single.url) as single_api:
        many, one = await buyers_of(api, "many"), await buyers_of(single_api, "one")
        await many.open(batched.port, MANY, in_room=False)
        await one.open(single.port, MANY, in_room=False)
        await many.hold(0.5)
        pairs, rounds, singles, per_cpu_s = [], [], [], []
        used: dict[str, float] = {}
        for i in range(length.pairs):
            # Neither always goes first: what warms up or fills up counts for both.
            for is_batched in (True, False) if i % 2 == 0 else (False, True):
                if is_batched:
                    before = _cpu(batched, postgres), time.perf_counter()
                    rounds.append(await many.hold(length.round_s))
                    used = _share(before, (_cpu(batched, postgres), time.perf_counter()))
                    spent_s = cpu_s(batched.pid) - before[0]["server_cpu"]
                    per_cpu_s.append(rounds[-1].total / spent_s)
                else:
                    singles.append(await one.hold(length.round_s))
            pairs.append(rounds[-1].per_s / max(singles[-1].per_s, 0.001))
            say(
                f"{name}: {rounds[-1].per_s:.0f} holds/s in batches,"
                f" {singles[-1].per_s:.0f} one by one"
            )
        await one.leave()
        await many.leave()
        await many.open(batched.port, MANY, in_room=True)
        in_room = await many.hold(length.round_s)
        await many.leave()
        await many.open(batched.port, FEW, in_room=False)
        few = await many.hold(length.round_s)
        await many.leave()
        await many.open(batched.port, PAYING, in_room=False)
        await many.furnish(api)
        paid = await many.buy(length.round_s)
        await many.leave()
    _must_be_clean(name, [*rounds, *singles, in_room, few, paid])
    figures = {
        "holds_per_s": round(statistics.median(r.per_s for r in rounds)),
        "holds_per_server_cpu_s": round(statistics.median(per_cpu_s)),
        "holds_per_s_in_room": round(in_room.per_s),
        "confirmed_per_s": round(paid.per_s),
        "group_commit_ratio": round(statistics.median(pairs), 2),
        "unbatched_holds_per_s": round(statistics.median(r.per_s for r in singles)),
        "hold_p50_ms": round(percentile(few.latencies_ms, 0.5), 1),
        "hold_p99_ms": round(percentile(few.latencies_ms, 0.99), 1),
        "confirmed_p50_ms": round(percentile(paid.latencies_ms, 0.5), 1),
        **used,
    }
    say(f"{name}: {figures}")
    return figures


def _cpu(batched: ServerProcess, postgres: PostgresServer | None) -> dict[str, float]:
    used = {"server_cpu": cpu_s(batched.pid), "buyers_cpu": time.process_time()}
    if postgres is not None:
        used["postgresql_cpu"] = cpu_s(postgres.pid)
    return used


def _share(
    before: tuple[dict[str, float], float], after: tuple[dict[str, float], float]
) -> dict[str, float]:
    """Shares of a core in the last batched round, warm-up included."""
    wall_s = after[1] - before[1]
    return {
        name: round((after[0][name] - before[0].get(name, 0.0)) / wall_s, 2) for name in after[0]
    }


def _must_be_clean(name: str, rounds: list[Round]) -> None:
    """A figure in which purchases were refused would be a figure of something else."""
    for counted in rounds:
        if counted.refused:
            raise SystemExit(f"{name}: buyers were refused: {counted.refused}")


async def sqlite(length: Length) -> dict[str, Any]:
    with server("", 256) as batched, server("", 1) as single:
        return await measure("sqlite", batched, single, None, length)


async def postgresql(length: Length) -> dict[str, Any]:
    with running_postgres() as postgres:
        urls = postgres.create_database(), postgres.create_database()
        with server(urls[0], 256) as batched, server(urls[1], 1) as single:
            figures = await measure("postgresql", batched, single, postgres, length)
        return {**figures, "version": postgres.sql("SHOW server_version")}


def main() -> int:
    reader = argparse.ArgumentParser(prog="python -m benchmarks.flash_sale", description=__doc__)
    reader.add_argument("--quick", action="store_true", help="about a minute and a half")
    asked = reader.parse_args()
    length = QUICK if asked.quick else LONG
    allow_many_sockets(4 * MANY)
    with on_core(BUYERS_CORE):
        figures = {
            "sqlite": uvloop.run(sqlite(length)),
            "postgresql": uvloop.run(postgresql(length)),
        }
    conclude("flash_sale", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
