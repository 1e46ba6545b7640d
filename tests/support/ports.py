"""Loopback ports."""

import random
import socket
import time
from contextlib import ExitStack, suppress

LOOPBACK = "127.0.0.1"
OUT_OF_THE_WAY = 20_000, 32_000
"""Ports below the range that systems take for outgoing connections."""


def free_port() -> int:
    """A TCP port on loopback that nobody listens on.

    Another process may take it before you do: bind port 0 yourself where you can.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def free_ports(count: int) -> int:
    """The first of some neighbouring free ports that no outgoing connection is given."""
    while True:
        first = random.randrange(*OUT_OF_THE_WAY)
        with suppress(OSError), ExitStack() as stack:
            for port in range(first, first + count):
                probe = stack.enter_context(socket.socket())
                probe.bind((LOOPBACK, port))
            return first


def lasting_port() -> int:
    """A free port that no outgoing connection is given, for a server that is killed and started.

    While a server is down, whoever tries to reach it on a port of the ephemeral range may be given
    that very port to come from, and reaches himself; then the server cannot have it back.
    """
    return free_ports(1)


def accepts(port: int, host: str = LOOPBACK) -> bool:
    """Whether a connection to the port succeeds now."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def wait_until_accepting(port: int, *, timeout_s: float = 10.0) -> None:
    """Block until the port takes connections; `TimeoutError` when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not accepts(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nothing listens on port {port} after {timeout_s} s")
        time.sleep(0.02)
