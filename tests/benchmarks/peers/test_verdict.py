"""What is made of measured windows: fair to whoever cannot keep up, and honest about ourselves."""

import dataclasses

import pytest

from benchmarks.peers.cells import Load, Outcome, cell_of, worse
from benchmarks.peers.comparison import HEADLINE, QUICK, loads, tick_of
from benchmarks.peers.verdict import headline

SMALL = Load(rate=100.0, viewers=1_000)


def report(**changed):
    """A window of a second: 900 sinks and 100 witnesses, 100 events of 200 bytes in 20 frames."""
    return {
        "seconds": 1.0,
        "cpu_s": 0.5,
        "offered": 100,
        "sinks": 900,
        "witnesses": 100,
        "sink_bytes": 900 * 100 * 200,
        "witness_bytes": 100 * 100 * 200,
        "witness_events": 100 * 100,
        "witness_frames": 100 * 20,
        "missed": 0,
        "misordered": 0,
        "gone": 0,
        "latency_ms_p50": 30.0,
        "latency_ms_p99": 60.0,
        "latency_ms_p999": 70.0,
    } | changed


def outcome(per_cpu_s, *, p99_ms=60.0, saturated=False, carried=None, load=HEADLINE):
    cell = dataclasses.replace(
        cell_of(load, report()),
        delivered_per_cpu_s=per_cpu_s,
        latency_ms_p99=p99_ms,
        saturated=saturated,
    )
    lighter = carried and dataclasses.replace(cell, delivered_per_cpu_s=carried)
    return Outcome(cell, lighter)


def test_bytes_of_sinks_are_events_by_what_witnesses_read():
    cell = cell_of(SMALL, report())
    assert cell.delivered_per_s == pytest.approx(100_000)
    assert cell.delivered_per_cpu_s == pytest.approx(200_000)
    assert cell.tick_ms == pytest.approx(50.0)
    assert not cell.saturated


@pytest.mark.parametrize(("arrived", "saturated"), [(0.96, False), (0.94, True), (0.0, True)])
def test_a_server_is_saturated_when_less_arrives_than_was_offered(arrived, saturated):
    some = {
        name: int(report()[name] * arrived)
        for name in ("sink_bytes", "witness_bytes", "witness_events", "witness_frames")
    }
    assert cell_of(SMALL, report(**some)).saturated is saturated


def test_the_better_of_overload_and_a_load_it_carries_counts_for_a_peer():
    assert outcome(1_000.0, saturated=True, carried=3_000.0).delivered_per_cpu_s == 3_000.0
    assert outcome(3_000.0, saturated=True, carried=1_000.0).delivered_per_cpu_s == 3_000.0


def test_the_worse_of_two_rounds_counts_for_us():
    fast_but_late, slow_but_early = outcome(900.0, p99_ms=80.0), outcome(800.0, p99_ms=50.0)
    for kept in (worse(fast_but_late, slow_but_early), worse(slow_but_early, fast_but_late)):
        assert kept.offered.delivered_per_cpu_s == 800.0
        assert kept.offered.latency_ms_p99 == 80.0


def test_the_best_peer_is_the_one_we_are_held_against():
    ours = {HEADLINE: outcome(900.0)}
    default = {
        "slow": {HEADLINE: outcome(100.0, saturated=True, p99_ms=2_000.0)},
        "fast": {HEADLINE: outcome(300.0, saturated=True, p99_ms=600.0)},
    }
    batched = {"slow": {HEADLINE: outcome(600.0)}, "fast": {HEADLINE: outcome(450.0)}}
    told = headline(ours, default, batched, HEADLINE, compared=default)
    assert told["times_best_peer_default"] == 3.0
    assert told["times_each_peer_default"] == {"slow": 9.0, "fast": 3.0}
    assert told["times_best_peer_batched"] == 1.5
    assert told["best_peer"] == {"default": "fast", "batched": "slow"}
    assert told["p99_to_best_peer"] == 0.1
    assert told["p99_ms_where_a_peer_keeps_up"] is None
    assert told["p99_within_100_ms"] is True


def test_who_does_not_pay_for_what_it_sends_is_told_and_not_the_best():
    ours = {HEADLINE: outcome(900.0)}
    peers = {"pays": {HEADLINE: outcome(300.0)}, "does not": {HEADLINE: outcome(600.0)}}
    told = headline(ours, peers, peers, HEADLINE, compared=["pays"])
    assert told["times_best_peer_default"] == told["times_best_peer_batched"] == 3.0
    assert told["times_each_peer_default"] == {"pays": 3.0, "does not": 1.5}


def test_where_a_peer_keeps_up_our_wait_stands_for_itself():
    ours = {SMALL: outcome(300.0, p99_ms=40.0, load=SMALL), HEADLINE: outcome(900.0, p99_ms=130.0)}
    peer = {
        SMALL: outcome(100.0, p99_ms=5.0, load=SMALL),
        HEADLINE: outcome(100.0, p99_ms=650.0, saturated=True),
    }
    told = headline(ours, {"peer": peer}, {"peer": peer}, HEADLINE, compared=["peer"])
    assert told["p99_ms_where_a_peer_keeps_up"] == 40.0
    assert told["p99_to_best_peer"] == 0.2
    assert told["p99_within_100_ms"] is False


def test_without_peers_there_is_nothing_to_compare_with():
    told = headline({HEADLINE: outcome(900.0)}, {}, {}, HEADLINE, compared=())
    assert told["times_best_peer_default"] is None
    assert told["times_best_peer_batched"] is None
    assert told["p99_to_best_peer"] is None


def test_peers_gather_as_long_as_we_did_unless_events_are_rare():
    busy = cell_of(SMALL, report())
    assert tick_of(busy) == busy.tick_ms == 50.0
    rare = dataclasses.replace(busy, load=Load(rate=1.0, viewers=1_000), tick_ms=1_000.0)
    assert tick_of(rare) == 20.0


def test_the_headline_is_among_the_quick_loads():
    assert HEADLINE in list(loads(QUICK))
