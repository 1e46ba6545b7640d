"""A port that several processes listen on, each with a socket of its own (SO_REUSEPORT)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import TypeAlias

from livecommerce.config import BadSettings

_Address: TypeAlias = "tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]"


class SharedPort:
    """Holds a port, without listening, until it is closed; `bind` makes sockets to listen on.

    The system deals new connections out among the sockets that listen, so a node that died is sent
    nobody from the moment its socket is closed.

    Args:
        setting: where the port was chosen, for whoever cannot have it.

    Raises:
        BadSettings: somebody else listens there, or the address is none of ours.
    """

    def __init__(self, host: str, port: int, *, setting: str = "PORT") -> None:
        self._held: list[socket.socket] = []
        self._addresses: list[_Address] = []
        try:
            found = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            for family, _, _, _, address in dict.fromkeys(found):
                # Of several addresses all have one port, also where the system chose it.
                address = (address[0], port, *address[2:])
                _bound(family, address, is_shared=False).close()
                held = _bound(family, address, is_shared=True)
                self._held.append(held)
                port = held.getsockname()[1]
                self._addresses.append((family, (address[0], port, *address[2:])))
        except OSError as problem:
            self.close()
            reason = problem.strerror or str(problem)
            raise BadSettings(f"LIVECOMMERCE_{setting}: {host}:{port}: {reason}") from problem
        self.port = port

    def bind(self) -> Sequence[socket.socket]:
        """A socket for each address, bound; whoever listens on them is sent connections."""
        return [_bound(family, address, is_shared=True) for family, address in self._addresses]

    def close(self) -> None:
        """Lets the port go, as far as we hold it."""
        for held in self._held:
            held.close()


def _bound(family: int, address: tuple[object, ...], *, is_shared: bool) -> socket.socket:
    """Without `is_shared` this fails as soon as anybody listens there: two shops on one port would
    be sent each other's visitors."""
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
    except BaseException:
        made.close()
        raise
    return made
