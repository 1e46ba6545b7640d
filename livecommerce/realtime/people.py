"""The connections of each person on this node, and what is said to a person alone."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from livecommerce.realtime import frames
from livecommerce.realtime.backplane.base import Tell
from livecommerce.realtime.connection import Connection
from livecommerce.realtime.entry import Entry
from livecommerce.realtime.publications import transcode

TOLD_MAX = 20_000
"""Events told to people that are remembered at most: every node's relay repeats what a lost one
left."""


class People:
    """Connections by key: a person's id, or a sign-in's."""

    __slots__ = ("_by_key", "_told")

    def __init__(self) -> None:
        self._by_key: dict[str, set[Connection]] = {}
        self._told: OrderedDict[tuple[str, str], float] = OrderedDict()
        """Person and event, and when it was last told or repeated; the oldest first."""

    def __len__(self) -> int:
        return len(self._by_key)

    def add(self, connection: Connection, keys: Iterable[str]) -> None:
        for key in keys:
            self._by_key.setdefault(key, set()).add(connection)

    def remove(self, connection: Connection, keys: Iterable[str]) -> None:
        for key in keys:
            if (held := self._by_key.get(key)) is not None:
                held.discard(connection)
                if not held:
                    del self._by_key[key]

    def of(self, key: str) -> Sequence[Connection]:
        """The connections under a key; whoever looks through them may close them."""
        return list(self._by_key.get(key, ()))

    def in_room(self, key: str, room_id: str) -> Sequence[Connection]:
        """Those of them that are in a room."""
        return [each for each in self.of(key) if each.group and each.group.room_id == room_id]

    @property
    def told(self) -> int:
        """How many events are remembered."""
        return len(self._told)

    def forget_told(self, before_s: float) -> None:
        """Forgets events that were last told or repeated before this."""
        while self._told and next(iter(self._told.values())) < before_s:
            self._told.popitem(last=False)

    def tell(self, signal: Tell, now_s: float) -> None:
        """Writes an event to all connections of a person; once, however often it is relayed."""
        if signal.event_id:
            name = signal.person_id, signal.event_id
            is_repeated = name in self._told
            self._told[name] = now_s
            self._told.move_to_end(name)
            if is_repeated:
                return
            if len(self._told) > TOLD_MAX:
                self._told.popitem(last=False)
        told: dict[str, bytes] = {}
        for connection in self.of(signal.person_id):
            codec = connection.codec
            if codec.name not in told:
                told[codec.name] = frames.told(codec, transcode(signal.json, codec))
            connection.transport.write(told[codec.name])

    def tell_concerned(self, room_id: str, entry: Entry) -> None:
        """Tells a line that a room is not shown to those in it who said it or are spoken to."""
        told: dict[str, bytes] = {}
        for person_id in dict.fromkeys(entry.publication.concerns):
            for connection in self.in_room(person_id, room_id):
                assert connection.group is not None
                if entry.is_shown_to(connection.group.audience_class):
                    continue
                codec = connection.codec
                if codec.name not in told:
                    told[codec.name] = frames.told(codec, entry.encoded(codec))
                connection.transport.write(told[codec.name])
