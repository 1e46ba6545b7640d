"""The model of a large room: what must hold whatever the costs are."""

from dataclasses import replace

import pytest

from benchmarks.capacity.__main__ import NEXT_TO_NOTHING, Limits, bottleneck, error_of
from benchmarks.capacity.costs import Seen, _line, _per_batch_and_event
from benchmarks.capacity.model import Costs, Room, predict

COSTS = Costs(
    publish_batch_s=2e-4,
    publish_event_s=4e-5,
    receive_batch_s=2e-4,
    receive_event_s=4e-6,
    write_s=5e-6,
    write_byte_s=1e-10,
    packet_s=2e-6,
    idle_s=4e-6,
    join_s=8e-5,
    redis_batch_s=1e-4,
    redis_event_s=4e-6,
    redis_copy_s=3e-5,
    redis_idle_s=1e-3,
    node_idle_s=1e-3,
    frame_bytes=130.0,
    event_bytes=200.0,
    packed_bytes=260.0,
    user_kib=2.0,
    kernel_kib=4.0,
    base_mib=60.0,
    hop_s=0.001,
)


def told(room: Room):
    return predict(COSTS, room, admissions_per_s=500)


def test_a_room_with_time_to_spare_writes_every_batch_by_itself():
    found = told(Room(viewers=1_000, nodes=2, events_per_s=10, publishing=1))
    assert found.frames_per_s == pytest.approx(10, rel=0.05)
    assert found.bytes_per_s == pytest.approx(10 * 500 * 330, rel=0.05)
    # Half a flush of 500 writes, and the way.
    assert 1 < found.p50_ms < 5


def test_a_room_in_a_hurry_gathers_events_for_its_tick():
    found = told(Room(viewers=1_000, nodes=1, events_per_s=1_000, publishing=1))
    assert found.tick_ms == 20
    assert found.frames_per_s == pytest.approx(50, rel=0.05)
    assert found.p99_ms > 18


def test_batches_of_many_nodes_are_gathered_for_a_tick():
    alone, many = (told(Room(1_000, 10, 1_000, publishing=nodes)) for nodes in (1, 10))
    assert alone.frames_per_s == pytest.approx(50, rel=0.05)
    # Ten nodes make ten times as many batches.
    assert many.frames_per_s < 1.3 * alone.frames_per_s
    assert many.p99_ms < alone.p99_ms + many.tick_ms


def test_batches_that_come_during_a_flush_are_merged():
    found = told(Room(viewers=400_000, nodes=10, events_per_s=100, publishing=10))
    assert found.core == 1.0
    assert found.frames_per_s < 10
    assert found.p99_ms > 200


def test_more_nodes_cost_redis_and_spare_nodes():
    few, many = (told(Room(1_000_000, nodes, 5, publishing=1)) for nodes in (50, 200))
    assert many.redis_cpu > few.redis_cpu
    assert many.core < few.core
    assert many.memory_mib < few.memory_mib
    assert many.p99_ms < few.p99_ms


def test_the_viewers_of_a_lost_node_come_back_at_the_pace_of_the_doors():
    found = told(Room(viewers=110_000, nodes=11, events_per_s=5, publishing=1))
    assert found.comeback_s == pytest.approx(10_000 / 10 / 500)


def test_the_bottleneck_is_what_is_nearest_to_its_limit():
    room = Room(viewers=100_000, nodes=10, events_per_s=5, publishing=1)
    found = told(room)
    assert bottleneck(replace(found, redis_cpu=0.6), room, Limits())[0] == "Redis CPU"
    name, used = bottleneck(replace(found, p99_ms=5_000.0), room, Limits())
    assert (name, used) == ("latency", 10.0)


def test_costs_are_found_again_in_what_they_cause():
    def seen(batches: float, events: float):
        cpu = 0.01 + batches * 2e-4 + events * 5e-6
        return cpu, Seen(
            node_cpu={},
            redis_cpu=cpu,
            batches=batches,
            deliveries=batches,
            events=events,
            frames=0.0,
            bytes=0.0,
            softirq=0.0,
            waited=0.0,
        )

    batch, event = _per_batch_and_event(0.01, seen(40, 40), seen(50, 800))
    assert batch == pytest.approx(2e-4)
    assert event == pytest.approx(5e-6)
    assert _line(12.0, 30.0, 1.0, 10.0) == pytest.approx((10.0, 2.0))


def test_an_error_of_next_to_nothing_is_small():
    assert error_of("p50_ms", 12.0, 10.0) == pytest.approx(0.2)
    assert error_of("redis_cpu", 0.3, 0.2) == pytest.approx(0.5)
    assert error_of("redis_cpu", 0.004, 0.002) == pytest.approx(0.002 / NEXT_TO_NOTHING)
