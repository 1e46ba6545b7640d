"""The measuring code, on rooms of fifty: what it counts is what was said."""

import dataclasses
import sys

import pytest

from benchmarks.peers import usage
from benchmarks.peers.cache import SERVERS
from benchmarks.peers.catalogue import OURS, PEERS
from benchmarks.support.control import Child

pytestmark = pytest.mark.slow

# What this program needs is among our own libraries, so nothing is installed for it.
BROADCAST = dataclasses.replace(
    PEERS["websockets"],
    commands=lambda ports, _folder: [
        [
            sys.executable,
            str(SERVERS / "websockets_broadcast.py"),
            str(ports.viewers),
            str(ports.intake),
        ]
    ],
)


@pytest.mark.parametrize("peer", [BROADCAST, OURS], ids=lambda peer: peer.title)
def test_every_event_reaches_everybody(peer):
    with peer.serve() as served, Child("benchmarks.peers.audience") as crowd:
        joined = crowd.ask("open", **served.address(), sinks=40, witnesses=10)
        called = crowd.ask("call", **served.line())
        pids = usage.family(served.pids)
        report = crowd.ask("measure", pids=pids, rate=40.0, warm_s=0.5, window_s=1.5)
        crowd.ask("close")

    assert joined == called == {"viewers": 50}
    assert report["missed"] == report["misordered"] == 0
    assert report["witness_events"] > 0
    event_bytes = report["witness_bytes"] / report["witness_events"]
    told = report["sink_bytes"] / event_bytes / report["sinks"]
    # At the window's edges an event may have reached one viewer and not yet another.
    assert told == pytest.approx(report["witness_events"] / report["witnesses"], abs=10)
    assert 0 < report["cpu_s"] <= report["seconds"] * 1.5
    assert report["latency_ms_p50"] <= report["latency_ms_p99"] <= report["latency_ms_p999"]


def test_a_tick_gathers_events():
    with BROADCAST.serve() as served, Child("benchmarks.peers.audience") as crowd:
        crowd.ask("open", **served.address(), sinks=10, witnesses=10)
        crowd.ask("call", **served.line())
        pids = usage.family(served.pids)
        order = {"pids": pids, "rate": 100.0, "warm_s": 0.5, "window_s": 1.5}
        gathered = crowd.ask("measure", **order, tick_ms=100.0)
        apart = crowd.ask("measure", **order)
        crowd.ask("close")

    assert gathered["witness_events"] > 4 * gathered["witness_frames"]
    assert apart["witness_events"] == apart["witness_frames"]
    assert gathered["missed"] == apart["missed"] == 0


def test_a_server_that_cannot_start_says_why():
    broken = dataclasses.replace(
        BROADCAST,
        commands=lambda _ports, _folder: [[sys.executable, "-c", "raise SystemExit('no')"]],
    )
    with pytest.raises(RuntimeError, match="no"), broken.serve():
        pass
