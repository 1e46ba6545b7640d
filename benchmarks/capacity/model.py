"""A room on many nodes, as a model: what it costs, how late it is, and what gives out first.

Costs are measured (`costs.py`). The rest is the hub's own arithmetic: a publishing node makes a
batch once a tick (`realtime.pace`), Redis copies it to every node, and a node gathers what arrives
for a tick of its own and writes it to all its viewers in one flush after the other. One node is
simulated batch by batch; all others are like it.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass

from livecommerce.realtime.pace import next_due_s, tick_s
from livecommerce.realtime.settings import HubSettings

SIMULATED_S = 20.0
SETTINGS = HubSettings()


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU seconds on the measured machine, sizes in bytes or KiB."""

    publish_batch_s: float
    publish_event_s: float
    """On the publishing node, above what every node pays for hearing it."""
    receive_batch_s: float
    receive_event_s: float
    write_s: float
    write_byte_s: float
    """A frame to one viewer: so much, and so much a byte."""
    packet_s: float
    """The same core's work for the frame outside the process. On loopback the viewer's end is in
    it, which elsewhere is the viewer's."""
    idle_s: float
    """A viewer who is told nothing: pings and answers, a second."""
    join_s: float
    redis_batch_s: float
    redis_event_s: float
    redis_copy_s: float
    """Of a batch to one subscribed node."""
    redis_idle_s: float
    """Of Redis for nodes that only probe and count, a second."""
    node_idle_s: float
    frame_bytes: float
    event_bytes: float
    """A frame of n events is frame_bytes + n * event_bytes."""
    packed_bytes: float
    """An event between nodes."""
    user_kib: float
    kernel_kib: float
    """A viewer's memory in the process, and in the kernel."""
    base_mib: float
    hop_s: float
    """From publishing to arriving, without tick and flush."""


@dataclass(frozen=True, slots=True)
class Room:
    """Who is where, and what is said."""

    viewers: int
    nodes: int
    events_per_s: float
    publishing: int
    """Nodes on which it is said."""

    @property
    def per_node(self) -> float:
        return self.viewers / self.nodes


@dataclass(frozen=True, slots=True)
class Prediction:
    """Of one node, unless the name says otherwise. Shares are of one core."""

    node_cpu: float
    """Of the process."""
    core: float
    """With what the kernel does for it outside the process."""
    flush_cpu: float
    redis_cpu: float
    frames_per_s: float
    """To one viewer."""
    bytes_per_s: float
    """Payload written."""
    redis_bytes_per_s: float
    """What Redis sends to all nodes together."""
    memory_mib: float
    kernel_mib: float
    p50_ms: float
    p99_ms: float
    tick_ms: float
    comeback_s: float
    """Until the viewers of one lost node are on the others."""
    comeback_cpu: float
    """Share of a core their joining takes on each of the others, meanwhile."""


def predict(costs: Costs, room: Room, *, admissions_per_s: float, seed: int = 1) -> Prediction:
    """What a node of this room does."""
    chance = random.Random(seed)
    frame_s = costs.write_s + costs.write_byte_s * costs.frame_bytes
    pace_s = tick_s(round(room.per_node), frame_s, SETTINGS)
    batches = _batches(room, pace_s, chance)
    spoken = sum(len(events) for _, events in batches)
    others_share = (
        costs.node_idle_s
        + costs.idle_s * room.per_node
        + (len(batches) * costs.receive_batch_s + spoken * costs.receive_event_s) / SIMULATED_S
        + (len(batches) * costs.publish_batch_s + spoken * costs.publish_event_s)
        / SIMULATED_S
        / room.nodes
    )
    flushes, busy_s, latencies = _flushes(
        costs, room, batches, min(others_share, 0.9), pace_s, chance
    )
    latencies.sort()
    per_frame = spoken / max(1, flushes)
    frames_per_s = flushes / SIMULATED_S
    payload = costs.frame_bytes + per_frame * costs.event_bytes
    flush_cpu = busy_s / SIMULATED_S
    rate = len(batches) / SIMULATED_S
    redis_cpu = costs.redis_idle_s + rate * (costs.redis_batch_s + costs.redis_copy_s * room.nodes)
    redis_cpu += room.events_per_s * costs.redis_event_s
    left = max(1, room.nodes - 1)
    comeback_s = room.per_node / left / admissions_per_s if room.nodes > 1 else 0.0
    return Prediction(
        node_cpu=min(1.0, flush_cpu + others_share),
        core=min(1.0, flush_cpu + others_share + frames_per_s * room.per_node * costs.packet_s),
        flush_cpu=flush_cpu,
        redis_cpu=redis_cpu,
        frames_per_s=frames_per_s,
        bytes_per_s=frames_per_s * payload * room.per_node,
        redis_bytes_per_s=room.events_per_s * costs.packed_bytes * room.nodes,
        memory_mib=costs.base_mib + room.per_node * costs.user_kib / 1024,
        kernel_mib=room.per_node * costs.kernel_kib / 1024,
        p50_ms=_percentile(latencies, 0.5) * 1000,
        p99_ms=_percentile(latencies, 0.99) * 1000,
        tick_ms=pace_s * 1000,
        comeback_s=comeback_s,
        comeback_cpu=admissions_per_s * costs.join_s,
    )


def _batches(room: Room, pace_s: float, chance: random.Random) -> list[tuple[float, list[float]]]:
    """What leaves all publishing nodes: (when, when each of its events was said), in order."""
    streams = []
    for _ in range(room.publishing):
        every_s = room.publishing / room.events_per_s
        said_s = chance.uniform(0, every_s)
        made: list[tuple[float, list[float]]] = []
        waiting: list[float] = []
        flushed_s, due_s = -pace_s, float("inf")
        while said_s < SIMULATED_S:
            if due_s <= said_s:
                made.append((due_s, waiting))
                flushed_s, waiting, due_s = due_s, [], float("inf")
            waiting.append(said_s)
            if due_s == float("inf"):
                # The first of a quiet room leaves at once, what follows waits for the tick.
                due_s = max(said_s, flushed_s + pace_s)
            said_s += every_s * chance.uniform(0.9, 1.1)
        streams.append(made)
    return list(heapq.merge(*streams))


def _flushes(
    costs: Costs,
    room: Room,
    batches: list[tuple[float, list[float]]],
    others_share: float,
    pace_s: float,
    chance: random.Random,
) -> tuple[int, float, list[float]]:
    """Writes the batches to one node's viewers; returns flushes, busy seconds, latencies."""
    flushes, busy_s, free_s, due_s = 0, 0.0, 0.0, float("-inf")
    latencies: list[float] = []
    index = 0
    while index < len(batches):
        begins_s = max(free_s, due_s, batches[index][0] + costs.hop_s)
        due_s = next_due_s(due_s, pace_s, begins_s)
        events: list[float] = []
        while index < len(batches) and batches[index][0] + costs.hop_s <= begins_s:
            events += batches[index][1]
            index += 1
        frame = costs.frame_bytes + len(events) * costs.event_bytes
        work_s = room.per_node * (costs.write_s + costs.write_byte_s * frame)
        lasts_s = (work_s + room.per_node * costs.packet_s) / (1 - others_share)
        latencies += [begins_s + chance.random() * lasts_s - said_s for said_s in events]
        flushes += 1
        busy_s += work_s
        free_s = begins_s + lasts_s
    # What is written after the end belongs to more seconds than were simulated.
    return flushes, busy_s * min(1.0, SIMULATED_S / max(free_s, 1e-9)), latencies


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))] if ordered else 0.0
