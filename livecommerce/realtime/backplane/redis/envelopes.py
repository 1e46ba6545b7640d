"""What travels: a room's batch as the publish script puts it together, and signals.

A batch is a MessagePack array [epoch, first, logged, loose]; the script writes the head, because
only it knows the offset, and takes the events as they were packed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from livecommerce.protocol.events import Lane
from livecommerce.realtime.backplane.base import AnySignal
from livecommerce.realtime.publications import Delivery, Publication

pack = msgspec.msgpack.Encoder().encode


class Envelope(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A batch, or an entry of the stream (which has no loose events)."""

    epoch: str
    first: int
    logged: tuple[Publication, ...]
    loose: tuple[Publication, ...]

    @property
    def last(self) -> int:
        return self.first + len(self.logged) - 1

    def delivery(self, room_id: str) -> Delivery:
        return Delivery(room_id, self.epoch, self.first, self.logged, self.loose)


class SignalEnvelope(msgspec.Struct, frozen=True, array_like=True):
    """A signal and the node that sent it, which has acted on it already."""

    node_id: str
    signal: AnySignal


unpack_batch = msgspec.msgpack.Decoder(Envelope).decode
unpack_signal = msgspec.msgpack.Decoder(SignalEnvelope).decode
unpack_publication = msgspec.msgpack.Decoder(Publication).decode


def slot_of(publication: Publication) -> str:
    """The name of the value a publication replaces, "" for one that is not a value."""
    if publication.lane is Lane.STATE or publication.lane is Lane.VOLATILE:
        return f"{publication.audience}|{publication.key}"
    return ""


def tail_of(
    entries: Sequence[Envelope], *, epoch: str, top: int, after: int | None
) -> tuple[Publication, ...] | None:
    """Puts stream entries (oldest first) together to what ends at `top`.

    Args:
        after: the offset that has to be continued. None for one means that the entries do not; None
            as argument asks for the longest run without a hole.

    What a later entry withdrew stands in place with empty bytes. The text itself stays in the
    stream until the window is over: no answer has it, and stream entries cannot be changed.
    """
    run: list[Publication] = []
    first = top + 1
    for entry in reversed(entries):
        if entry.epoch != epoch or entry.last != first - 1:
            break
        run[:0] = entry.logged
        first = entry.first
    if after is not None:
        if first > after + 1:
            return None
        run = run[after + 1 - first :]
    withdrawn = {id for publication in run for id in publication.redacts}
    return tuple(
        msgspec.structs.replace(each, json=b"") if each.id in withdrawn else each for each in run
    )
