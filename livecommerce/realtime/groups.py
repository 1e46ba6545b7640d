"""Connections of one room that may be shown the same bytes."""

from __future__ import annotations

from collections.abc import Callable

from livecommerce.protocol.codec import Codec
from livecommerce.realtime.connection import Connection

Write = Callable[[bytes], None]


def write_nothing(_frame: bytes) -> None:
    """Stands in for the write of a connection that left while a flush was under way."""


class Group:
    """The connections of one room with one codec and one audience class.

    The live ones stand in two parallel lists, so that a flush is a loop of plain calls. Laggards
    stand aside with a cursor. While a flush runs the lists only grow at their end: who leaves is
    replaced by `write_nothing` and taken out when the flush has ended.
    """

    __slots__ = (
        "_holes",
        "_pausing",
        "audience_class",
        "codec",
        "connections",
        "covered",
        "covered_s",
        "is_flushing",
        "laggards",
        "room_id",
        "shared",
        "writes",
    )

    def __init__(
        self, room_id: str, codec: Codec, audience_class: str, covered: int, now_s: float
    ) -> None:
        self.room_id = room_id
        self.codec = codec
        self.audience_class = audience_class
        self.covered = covered
        """The offset the live connections have been told of."""
        self.covered_s = now_s
        """When they were last told of one."""
        self.connections: list[Connection | None] = []
        self.writes: list[Write] = []
        self.laggards: dict[Connection, float] = {}
        """Since when (monotonic seconds) each has taken nothing."""
        self.is_flushing = False
        self.shared: dict[tuple[str, int], tuple[int, float, bytes]] = {}
        """Frames joiners share: kind and offset -> generation, made at, frame."""
        self._holes: list[int] = []
        self._pausing: list[Connection] = []

    @property
    def size(self) -> int:
        return len(self.connections) - len(self._holes) + len(self.laggards)

    def add(self, connection: Connection, now_s: float) -> None:
        """Makes a connection live: it gets everything that is flushed from the next flush on."""
        assert connection.group is None
        connection.group = self
        self._append(connection)
        if connection.is_paused:
            self.pause(connection, now_s)

    def remove(self, connection: Connection) -> None:
        assert connection.group is self
        connection.group = None
        if connection.index < 0:
            del self.laggards[connection]
        else:
            self._take_out(connection)

    def pause(self, connection: Connection, now_s: float) -> None:
        """Sets a connection aside whose socket takes no more."""
        if connection.index < 0:
            return
        if self.is_flushing:
            # It gets the rest of this flush into its buffer: at most one frame.
            self._pausing.append(connection)
            return
        self._set_aside(connection, now_s)

    def resume(self, connection: Connection) -> bool:
        """Tells whether the connection is a laggard that has to be caught up now."""
        if connection in self._pausing:
            self._pausing.remove(connection)
        return connection.index < 0

    def rejoin(self, connection: Connection) -> None:
        """Makes a laggard live again that was caught up and whose socket took it."""
        assert not connection.is_paused
        del self.laggards[connection]
        self._append(connection)

    def begin_flush(self) -> int:
        """Freezes the order; returns how many connections the flush is for."""
        self.is_flushing = True
        return len(self.writes)

    def end_flush(self, now_s: float) -> None:
        self.is_flushing = False
        for index in sorted(self._holes, reverse=True):
            self._close_hole(index)
        self._holes.clear()
        pausing, self._pausing = self._pausing, []
        for connection in pausing:
            if connection.group is self and connection.index >= 0:
                self._set_aside(connection, now_s)

    def members(self) -> list[Connection]:
        return [held for held in self.connections if held is not None] + list(self.laggards)

    def _append(self, connection: Connection) -> None:
        connection.index = len(self.writes)
        self.connections.append(connection)
        self.writes.append(connection.transport.write)

    def _set_aside(self, connection: Connection, now_s: float) -> None:
        self._take_out(connection)
        connection.cursor = self.covered
        self.laggards[connection] = now_s

    def _take_out(self, connection: Connection) -> None:
        index, connection.index = connection.index, -1
        if self.is_flushing:
            self.connections[index] = None
            self.writes[index] = write_nothing
            self._holes.append(index)
        else:
            self._close_hole(index)

    def _close_hole(self, index: int) -> None:
        last, write = self.connections.pop(), self.writes.pop()
        if index < len(self.connections):
            assert last is not None
            last.index = index
            self.connections[index] = last
            self.writes[index] = write
