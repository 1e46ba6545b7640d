"""One event in the memory of a room, and who is shown it."""

from __future__ import annotations

import msgspec

from livecommerce.protocol.codec import Codec
from livecommerce.realtime.publications import (
    LIGHT_CLASS,
    STAFF_CLASS,
    Publication,
    sees,
    transcode,
)


class Entry:
    """One event in memory. Shared by the ring, the recent list and the state it is part of."""

    __slots__ = (
        "_packed",
        "at_s",
        "holders",
        "is_left_out",
        "offset",
        "publication",
        "sequence",
    )

    def __init__(
        self,
        publication: Publication,
        *,
        offset: int,
        sequence: int,
        at_s: float,
        is_left_out: bool = False,
    ):
        self.publication = publication
        self.offset = offset
        self.sequence = sequence
        self.at_s = at_s
        self.is_left_out = is_left_out
        """Of a room in which more was said than viewers can read; the staff is shown it."""
        self.holders = 0
        self._packed: bytes | None = None

    @property
    def is_withdrawn(self) -> bool:
        """Of its text nothing is left, and nobody is shown it."""
        return not self.publication.json

    def encoded(self, codec: Codec) -> bytes:
        """The event in this codec; MessagePack is made when the first such viewer needs it."""
        if codec.is_text:
            return self.publication.json
        if self._packed is None:
            self._packed = transcode(self.publication.json, codec)
        return self._packed

    def withdraw(self) -> None:
        self.publication = msgspec.structs.replace(self.publication, json=b"", redacts=())
        self._packed = None

    def is_shown_to(self, audience_class: str) -> bool:
        if not self.publication.json or not sees(audience_class, self.publication.audience):
            return False
        if not self.publication.is_spare or audience_class == STAFF_CLASS:
            return True
        return audience_class != LIGHT_CLASS and not self.is_left_out
