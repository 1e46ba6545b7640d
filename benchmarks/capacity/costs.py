"""Measures the model's costs on this machine, and a small cluster to hold the model against."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from redis import Redis

from benchmarks.capacity.model import Costs
from benchmarks.support.control import Child
from benchmarks.support.hub_server import ROOM
from benchmarks.support.machine import kernel_kib, on_core, softirq_s
from benchmarks.support.results import say, stored

WINDOW_S = 5.0
SETTLE_S = 1.0
SLOW, FAST = 40, 800
"""Events a second: a batch each, and sixteen a batch."""
VIEWERS = 1_500
COMERS = 500
LISTENERS = 32
"""What one more copy costs Redis is less than its figures differ by; so many more stand out."""
PACKED_BYTES = 260.0
"""A chat line of the crowd's size between nodes, measured as a MessagePack batch of one."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was spent in a window, a second."""

    node_cpu: dict[str, float]
    redis_cpu: float
    batches: float
    deliveries: float
    events: float
    frames: float
    bytes: float
    softirq: float
    """Of the first core, on which what is measured runs."""
    waited: float
    """Share of the time in which a node would have run and could not."""


class Cluster:
    """Two nodes, their Redis, and one crowd."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.client: Redis = Redis.from_url(url)
        self.nodes: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        with on_core(1):
            self.crowd = Child("benchmarks.support.viewers")

    def add(self, name: str, core: int) -> None:
        with on_core(core):
            node = self.nodes[name] = Child("benchmarks.support.node", name=name, redis=self.url)
        self.ports[name] = node.ask("ports")["live"]

    def witness(self, name: str, count: int) -> None:
        self.crowd.ask("witness", port=self.ports[name], room=ROOM, count=count)

    def open(self, name: str, sinks: int, witnesses: int = 0) -> None:
        port = self.ports[name]
        self.crowd.ask("audience", port=port, room=ROOM, sinks=sinks, witnesses=witnesses)

    @contextlib.contextmanager
    def listeners(self, count: int) -> Iterator[None]:
        """So many more subscribers of the room, who drop what they hear."""
        client: Any = self.client
        heard: list[bytes] = client.pubsub_channels(f"*{ROOM}*")
        threads = []
        for _ in range(count):
            subscriber = client.pubsub()
            subscriber.subscribe(**{name.decode(): lambda _: None for name in heard})
            threads.append(subscriber.run_in_thread(sleep_time=1.0))
        try:
            yield
        finally:
            for thread in threads:
                thread.stop()
            for thread in threads:
                thread.join()

    def close(self) -> None:
        for child in (self.crowd, *self.nodes.values()):
            child.__exit__(None, None, None)
        self.client.close()

    def watch(self, rates: dict[str, float], seconds: float = WINDOW_S) -> Seen:
        """Publishes at these rates on these nodes, and sees what it takes."""
        for name, per_s in rates.items():
            self.nodes[name].ask("flow", per_s=per_s)
        time.sleep(SETTLE_S)
        before, received = self._now(), self.crowd.ask("begin")["received"]
        started_s = time.monotonic()
        time.sleep(seconds)
        after, arrived = self._now(), self.crowd.ask("report")["received"]
        elapsed_s = time.monotonic() - started_s
        for name in rates:
            self.nodes[name].ask("flow", per_s=0)
        time.sleep(0.3)

        def rate(what: str, name: str) -> float:
            one, two = before[0][name], after[0][name]
            return float(two[what] - one[what]) / float(two["at_s"] - one["at_s"])

        listener = next(reversed(self.nodes))
        return Seen(
            node_cpu={name: rate("cpu_s", name) for name in self.nodes},
            redis_cpu=(after[1] - before[1]) / elapsed_s,
            batches=sum(rate("batches", name) for name in self.nodes),
            deliveries=rate("deliveries", listener),
            events=sum(rate("number", name) for name in self.nodes),
            frames=rate("frames", listener),
            bytes=(arrived - received) / elapsed_s,
            softirq=(after[2] - before[2]) / elapsed_s,
            waited=sum(rate("waited_s", name) for name in self.nodes) / len(self.nodes),
        )

    def _now(self) -> tuple[dict[str, Any], float, float]:
        cpu: Any = self.client.info("cpu")
        return (
            {name: node.ask("figures") for name, node in self.nodes.items()},
            cpu["used_cpu_sys"] + cpu["used_cpu_user"],
            softirq_s(0),
        )


def _line(slow: float, fast: float, at_slow: float, at_fast: float) -> tuple[float, float]:
    """Through two points: (where it begins, how it rises), neither below zero."""
    rise = max(0.0, (fast - slow) / (at_fast - at_slow))
    return max(0.0, slow - rise * at_slow), rise


def _per_batch_and_event(
    idle: float, slow: tuple[float, Seen], fast: tuple[float, Seen]
) -> tuple[float, float]:
    """Splits CPU at two rates into what a batch costs and what an event costs."""
    (slow_cpu, one), (fast_cpu, two) = slow, fast
    left, right = slow_cpu - idle, fast_cpu - idle
    whole = one.batches * two.events - two.batches * one.events
    batch = (left * two.events - right * one.events) / whole
    event = (one.batches * right - two.batches * left) / whole
    return max(0.0, batch), max(0.0, event)


def _redis(cluster: Cluster) -> tuple[float, float, float]:
    """What Redis spends on a batch, an event, a copy. It shares its core with a node and the crowd,
    as where the prediction is checked: most of a batch is to be woken and to wake others, and that
    costs half as much on a core that does not sleep meanwhile."""
    cluster.add("third", core=1)
    cluster.witness("third", 2)
    talking = ("first", "third")
    idle = cluster.watch({})
    slow = cluster.watch(dict.fromkeys(talking, SLOW))
    fast = cluster.watch(dict.fromkeys(talking, FAST / len(talking)))
    batch_s, event_s = _per_batch_and_event(
        idle.redis_cpu, (slow.redis_cpu, slow), (fast.redis_cpu, fast)
    )
    with cluster.listeners(LISTENERS):
        heard = cluster.watch(dict.fromkeys(talking, SLOW))
    more = heard.redis_cpu - slow.redis_cpu * heard.batches / slow.batches
    copy_s = max(0.0, more / heard.batches / LISTENERS)
    say(
        f"Redis: {batch_s * 1e6:.0f} us a batch, {event_s * 1e6:.1f} an event,"
        f" {copy_s * 1e6:.1f} a copy"
    )
    return max(0.0, batch_s - len(cluster.nodes) * copy_s), event_s, copy_s


def measure(url: str) -> Costs:
    """Every cost by itself: about a minute."""
    cluster = Cluster(url)
    try:
        return _measure(cluster)
    finally:
        cluster.close()


def _measure(cluster: Cluster) -> Costs:
    for name in ("first", "second"):
        cluster.add(name, core=0)
        cluster.witness(name, 2)
    idle = cluster.watch({})
    slow, fast = cluster.watch({"first": SLOW}), cluster.watch({"first": FAST})

    def split(name: str) -> tuple[float, float]:
        return _per_batch_and_event(
            idle.node_cpu[name], (slow.node_cpu[name], slow), (fast.node_cpu[name], fast)
        )

    receive, publish = split("second"), split("first")
    cluster.crowd.ask("begin")
    cluster.nodes["first"].ask("flow", per_s=25)
    time.sleep(4)
    hop_ms = cluster.crowd.ask("latencies", port=cluster.ports["second"])["p50"]
    cluster.nodes["first"].ask("flow", per_s=0)

    before, kernel_before = cluster.nodes["second"].ask("figures"), kernel_kib()
    cluster.open("second", VIEWERS)
    time.sleep(1.0)
    after, kernel_after = cluster.nodes["second"].ask("figures"), kernel_kib()
    watching = cluster.watch({})
    slow_many, fast_many = cluster.watch({"first": SLOW}), cluster.watch({"first": FAST})
    say(f"{VIEWERS} viewers: {watching.node_cpu['second'] * 100:.1f} % of a core when idle")

    def write(seen: Seen, few: Seen) -> tuple[float, float]:
        """(bytes of a frame, CPU seconds of a write)"""
        spent = seen.node_cpu["second"] - few.node_cpu["second"] - idle_s * VIEWERS
        return seen.bytes / seen.frames, spent / seen.frames

    idle_s = max(0.0, (watching.node_cpu["second"] - idle.node_cpu["second"]) / VIEWERS)
    (small, cheap), (large, dear) = write(slow_many, slow), write(fast_many, fast)
    write_s, write_byte_s = _line(cheap, dear, small, large)
    frame, event = _line(
        small,
        large,
        slow_many.events / slow_many.deliveries,
        fast_many.events / fast_many.deliveries,
    )

    node = cluster.nodes["second"]
    position = cluster.crowd.ask("latencies", port=cluster.ports["second"])
    joining = node.ask("figures")
    cluster.crowd.ask(
        "storm",
        port=cluster.ports["second"],
        room=ROOM,
        count=COMERS,
        position=[position["epoch"], position["positions"][0]],
    )
    joined = node.ask("figures")
    user_kib = (after["rss_kib"] - before["rss_kib"]) / VIEWERS
    # Both ends of every connection are on this machine.
    in_kernel_kib = (kernel_after - kernel_before) / VIEWERS / 2
    if weighed := stored("memory"):
        # A longer slope than ours.
        user_kib, in_kernel_kib = weighed["kib_per_connection"], weighed["kernel_kib"]
    redis_batch_s, redis_event_s, redis_copy_s = _redis(cluster)
    return Costs(
        publish_batch_s=max(0.0, publish[0] - receive[0]),
        publish_event_s=max(0.0, publish[1] - receive[1]),
        receive_batch_s=receive[0],
        receive_event_s=receive[1],
        write_s=write_s,
        write_byte_s=write_byte_s,
        packet_s=max(0.0, fast_many.softirq - watching.softirq) / fast_many.frames,
        idle_s=idle_s,
        join_s=(joined["cpu_s"] - joining["cpu_s"]) / COMERS,
        redis_batch_s=redis_batch_s,
        redis_event_s=redis_event_s,
        redis_copy_s=redis_copy_s,
        redis_idle_s=idle.redis_cpu,
        node_idle_s=idle.node_cpu["second"],
        frame_bytes=frame,
        event_bytes=event,
        packed_bytes=PACKED_BYTES,
        user_kib=user_kib,
        kernel_kib=in_kernel_kib,
        base_mib=before["rss_kib"] / 1024,
        hop_s=hop_ms / 1000,
    )
