"""Child processes that never outlive the test run, however it ends."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import IO

import psutil

PR_SET_PDEATHSIG = 1


def _die_with_parent(signal_number: int) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends the signal when the starting thread ends (Linux only)."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, where locks are still sane

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)

    return ask_kernel


def start(
    command: Sequence[str],
    *,
    output: IO[bytes] | int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    uid: int | None = None,
    death_signal: int = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process; both its streams go to `output`. With `uid` it runs as that user.

    Call it from a thread that lives as long as the process should (the main one): when that thread
    ends, `death_signal` reaches the process.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        env=dict(env) if env is not None else None,
        cwd=cwd,
        user=uid,
        group=uid,
        extra_groups=[] if uid is not None else None,
        # A Ctrl-C is for whoever started us all; it ends us in its order.
        process_group=0,
        preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509 (one system call, no locks)
    )


def stop(
    process: subprocess.Popen[bytes], *, by: int = signal.SIGTERM, timeout_s: float = 10.0
) -> int:
    """Ask by signal, wait, then insist on the process and what it started. Gives the exit code."""
    family: list[psutil.Process] = []
    if process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(by)
    try:
        code = process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    _, alive = psutil.wait_procs(family, timeout=2.0)
    for orphan in alive:
        with suppress(psutil.NoSuchProcess):
            orphan.kill()
    return code
