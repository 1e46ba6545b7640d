"""Another Redis takes over: a primary fails, a slot moves, and somebody stays with the old one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from redis.asyncio import Redis
from redis.crc import key_slot

from tests.faults.report import Report
from tests.faults.rows import Profile, row
from tests.faults.signs import NOTICED_S, REPAIRED_S
from tests.faults.stage import Stage, client_of, open_cluster_stage, open_stage, until
from tests.support.ports import LOOPBACK, lasting_port
from tests.support.redis import RedisServer, move_slot, running_redis

TAKEN_OVER_S = 20.0
UNREPLICATED_S = 0.4
"""What the old primary acknowledges after its replica was promoted: it is lost."""


@row(
    6,
    "a primary fails and its replica takes over",
    group="cluster",
    stage=open_cluster_stage,
    part="a",
)
async def failover(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(1, 5)):
            spare = stage.cluster[-1]
            primary = await _owner(stage, play.room_id)
            async with client_of(spare) as client:
                await _replicate(client, primary)
                # It stops in its tracks, and keeps every connection.
                primary.pause()
                report.injections += 1
                try:
                    report.bound("taken over after", await _until_primary(client), TAKEN_OVER_S)
                    report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
                finally:
                    primary.resume()
            await stage.at_rest()
            # The one that was demoted is to spare now.
            stage.cluster = [each for each in [stage.redis, *stage.cluster] if each is not primary]
            stage.cluster.append(primary)
    report.bound("snapshots a failover", play.snapshots / report.injections, 1, "")


@row(21, "a slot moves under load", group="cluster", stage=open_cluster_stage)
async def slot_moves(stage: Stage, report: Report, profile: Profile) -> None:
    async with stage.playing(report) as play:
        for _ in range(profile.of(3, 40)):
            await asyncio.sleep(0.7)
            source = await _owner(stage, play.room_id)
            others = [each for each in await _primaries(stage) if each is not source]
            await asyncio.to_thread(move_slot, key_slot(play.room_id.encode()), source, others[0])
            report.injections += 1
            report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
    report.bound("snapshots a move", play.snapshots / report.injections, 1, "")


@row(6, "a subscriber stays with the old primary", group="memory", stage=open_stage, part="b")
async def pinned(stage: Stage, report: Report, profile: Profile) -> None:
    with running_redis() as other:
        primary, heir = stage.redis, other
        async with stage.playing(report) as play:
            for _ in range(profile.of(1, 6)):
                async with (
                    client_of(heir) as new,
                    client_of(primary) as old,
                ):
                    await new.replicaof(LOOPBACK, primary.port)
                    await until(partial(_is_in_step, new), TAKEN_OVER_S)
                    await asyncio.sleep(0.5)
                    await new.replicaof("NO", "ONE")
                    await asyncio.sleep(UNREPLICATED_S)
                    # Whoever connects anew finds the heir. Who is connected stays, and hears of
                    # nothing: the old one follows somebody who is not there.
                    for proxy in stage.proxies:
                        proxy.target = heir.port
                    await old.replicaof(LOOPBACK, lasting_port())
                    report.injections += 1
                    failures = [
                        await node.figure("hub_probe_failures_total") for node in stage.nodes
                    ]
                    report.bound("found deaf after", await _alarm(stage, failures), NOTICED_S)
                    report.bound("repaired after", await play.everybody_knows(), REPAIRED_S)
                    await stage.at_rest()
                primary, heir = heir, primary
        for proxy in stage.proxies:
            proxy.target = stage.redis.port
        async with client_of(stage.redis) as client:
            await client.replicaof("NO", "ONE")
    report.bound("snapshots a failover", play.snapshots / report.injections, 2, "")


async def _alarm(stage: Stage, failures: list[float]) -> float:
    """Waits until the probes of all nodes have failed once more; gives how long it took."""

    async def is_raised() -> bool:
        now = [await node.figure("hub_probe_failures_total") for node in stage.nodes]
        return all(new > old for new, old in zip(now, failures, strict=True))

    return await until(is_raised, NOTICED_S)


async def _is_in_step(replica: Redis) -> bool:
    about: dict[str, Any] = await replica.info("replication")
    return bool(about.get("master_link_status") == "up")


async def _is_primary(server: Redis) -> bool:
    return bool((await server.info("replication"))["role"] == "master")


async def _until_primary(server: Redis) -> float:
    return await until(lambda: _is_primary(server), TAKEN_OVER_S)


async def _primaries(stage: Stage) -> list[RedisServer]:
    return sorted(
        {each.port: each for _, each in await _ranges(stage)}.values(), key=lambda each: each.port
    )


async def _ranges(stage: Stage) -> list[tuple[range, RedisServer]]:
    """Who has which slots, as the first of the cluster sees it."""
    by_port = {each.port: each for each in (stage.redis, *stage.cluster)}
    async with client_of(stage.redis) as client:
        reply = await client.execute_command("CLUSTER", "SLOTS")
    return [(range(first, last + 1), by_port[port]) for first, last, (_, port, *_), *_ in reply]


async def _owner(stage: Stage, room_id: str) -> RedisServer:
    slot = key_slot(room_id.encode())
    return next(server for slots, server in await _ranges(stage) if slot in slots)


async def _replicate(spare: Redis, primary: RedisServer) -> None:
    """Makes a server without slots the replica of a primary, and waits until all know."""
    async with client_of(primary) as client:
        name = str(await client.execute_command("CLUSTER", "MYID"), "ascii")

        async def has_replica() -> bool:
            about = await client.info("replication")
            return int(about["connected_slaves"]) > 0 and await _is_in_step(spare)

        await spare.execute_command("CLUSTER", "REPLICATE", name)
        await until(has_replica, TAKEN_OVER_S)
