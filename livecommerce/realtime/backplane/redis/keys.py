"""Names of the keys and channels. All of one room share a hash tag, so a cluster keeps them, and
the scripts that use several of them, in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoomKeys:
    """What belongs to one room."""

    meta: str
    """Hash: epoch, top, generation (the Redis process that said so), and what is to be trimmed."""
    stream: str
    """One entry a batch, its id the batch's last offset."""
    ids: str
    """Sorted set: ids of late events by offset; what is in it is not published again."""
    values: str
    """Hash: slot -> version:packed, of state keys and counters."""
    viewers: str
    visitors: str
    channel: str


class Keys:
    """Names under one prefix; shops that share a Redis have prefixes of their own."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._channel_head = f"{prefix}:{{".encode()
        self._channel_tail = b"}:channel"
        self.signals = f"{prefix}:{{signals}}:signals"

    def room(self, room_id: str) -> RoomKeys:
        base = f"{self._prefix}:{{{room_id}}}"
        return RoomKeys(
            meta=f"{base}:meta",
            stream=f"{base}:stream",
            ids=f"{base}:ids",
            values=f"{base}:values",
            viewers=f"{base}:viewers",
            visitors=f"{base}:visitors",
            channel=f"{base}:channel",
        )

    def channel(self, room_id: str) -> str:
        return f"{self._prefix}:{{{room_id}}}:channel"

    def room_of(self, channel: bytes) -> str | None:
        """The room whose batches come over this channel; None for another kind of channel."""
        head, tail = self._channel_head, self._channel_tail
        if channel.startswith(head) and channel.endswith(tail):
            return channel[len(head) : -len(tail)].decode()
        return None

    def probe(self, node_id: str, number: int) -> str:
        """The channel on which a node hears itself."""
        return f"{self._prefix}:{{probe-{node_id}-{number}}}:probe"
