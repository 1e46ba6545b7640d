"""What a node remembers of one room, so that a chat message waits for no database."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import Generic, TypeVar

import msgspec

from livecommerce.kernel.limits import Bucket
from livecommerce.shows.rooms import Standing
from livecommerce.shows.wire import ChatPosted

MESSAGES_MAX = 500
QUOTES_DEEP = 5
"""Replies quote what they answer, so they go with it, and the answers to them, this deep."""
PEOPLE_MAX = 20_000
V = TypeVar("V")


class Lately(Generic[V]):
    """The values of the people who were here last; the longest silent is forgotten first."""

    __slots__ = ("_most", "_values")

    def __init__(self, most: int) -> None:
        self._values: OrderedDict[str, V] = OrderedDict()
        self._most = most

    def get(self, key: str) -> V | None:
        return self._values.get(key)

    def put(self, key: str, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)

    def values(self) -> Iterable[V]:
        return self._values.values()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __len__(self) -> int:
        return len(self._values)


class Recollection:
    """One room in memory: its standing as last read, and what was said and done in it lately."""

    __slots__ = (
        "bucket",
        "chat_buckets",
        "last_at",
        "last_said_at",
        "like_buckets",
        "messages",
        "people",
        "read_at_s",
        "removed",
        "standing",
        "used_at_s",
    )

    def __init__(self, standing: Standing, now_s: float) -> None:
        self.standing = standing
        self.read_at_s = now_s
        self.used_at_s = now_s
        self.last_at = 0
        """When the latest message was said. The next is later by a millisecond at least, so that
        the order of the archive is the order in which they were said."""
        self.messages: Lately[ChatPosted] = Lately(MESSAGES_MAX)
        self.removed: Lately[bool] = Lately(10 * MESSAGES_MAX)
        """Ids of messages that nobody may see again."""
        self.people: Lately[bool] = Lately(PEOPLE_MAX)
        """Who has said something: the ones who can be mentioned."""
        self.last_said_at: Lately[int] = Lately(PEOPLE_MAX)
        self.chat_buckets: Lately[Bucket] = Lately(PEOPLE_MAX)
        self.bucket: Bucket | None = None
        """Of all who say something here by way of this node."""
        self.like_buckets: Lately[Bucket] = Lately(PEOPLE_MAX)

    def take(self, standing: Standing, now_s: float) -> None:
        """Takes what was read; where a change of ours is newer than the reading, ours stays."""
        held = self.standing
        if standing.room.version < held.room.version:
            standing = replace(standing, room=held.room, show=held.show)
        if standing.bag_version < held.bag_version:
            standing = replace(standing, bag=held.bag, bag_version=held.bag_version)
        if standing.rules_version < held.rules_version:
            standing = replace(
                standing, slow_mode_s=held.slow_mode_s, rules_version=held.rules_version
            )
        self.standing = standing
        self.read_at_s = now_s

    def hear(self, message: ChatPosted) -> None:
        """Remembers a message that was said, here or on another node."""
        if message.id in self.messages or message.id in self.removed:
            return
        self.messages.put(message.id, message)
        self.last_at = max(self.last_at, message.at)
        author = message.author.id
        self.people.put(author, True)
        last = self.last_said_at.get(author)
        self.last_said_at.put(author, message.at if last is None else max(last, message.at))

    def forget(self, message_ids: Iterable[str]) -> None:
        """Blanks messages that were removed: their text leaves memory too."""
        for message_id in message_ids:
            self.removed.put(message_id, True)
            message = self.messages.get(message_id)
            if message is not None:
                blank = msgspec.structs.replace(message, text="", reply_to=None, mentions=[])
                self.messages.put(message_id, blank)

    def quoted_in(self, message: ChatPosted) -> list[ChatPosted]:
        """What a message replies to, and what that replies to, as far as remembered and as deep as
        removals go; oldest first."""
        quoted: list[ChatPosted] = []
        while message.reply_to is not None and len(quoted) < QUOTES_DEEP:
            found = self.messages.get(message.reply_to.message_id)
            if found is None or found.id in self.removed:
                break
            quoted.insert(0, message := found)
        return quoted

    def standing_messages(self) -> list[ChatPosted]:
        """The remembered messages that were not removed, oldest first."""
        kept = [message for message in self.messages.values() if message.id not in self.removed]
        kept.sort(key=lambda message: (message.at, message.id))
        return kept
