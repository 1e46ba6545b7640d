import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.support import processes
from tests.support.ports import accepts, free_port, wait_until_accepting

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(60)
"""
PARENT = """
import sys, time
from tests.support import processes
child = processes.start([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def test_stops_by_the_asked_signal():
    process = processes.start(SLEEPER)
    assert processes.stop(process) == -signal.SIGTERM


def test_insists_when_asking_does_not_help():
    process = processes.start([sys.executable, "-c", STUBBORN], output=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout as output:
        assert output.readline() == b"up\n"
        assert processes.stop(process, timeout_s=0.2) == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's death signal is Linux's")
def test_children_end_with_a_parent_that_was_killed():
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    with parent.stdout as output:
        child = psutil.Process(int(output.readline()))
    parent.kill()
    parent.wait()

    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_free_port_takes_no_connections_until_somebody_listens():
    port = free_port()
    assert not accepts(port)
    with pytest.raises(TimeoutError):
        wait_until_accepting(port, timeout_s=0.05)

    process = processes.start([sys.executable, "-m", "http.server", str(port), "-b", "127.0.0.1"])
    try:
        wait_until_accepting(port)
    finally:
        processes.stop(process)
