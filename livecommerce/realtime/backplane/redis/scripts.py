"""The scripts that run inside Redis, and how a command that calls one is written."""

from __future__ import annotations

import hashlib
from importlib.resources import files


class Script:
    """A Lua script that is called by the digest Redis knows it under.

    Its first argument is always the generation of the Redis it runs on; the link fills it in when
    the command is sent, which may be after a reconnect.
    """

    __slots__ = ("digest", "name", "text")

    def __init__(self, name: str) -> None:
        self.name = name
        self.text = files(__package__).joinpath(f"{name}.lua").read_text()
        # Redis names scripts by this digest; it guards nothing.
        self.digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


PUBLISH = Script("publish")
READ = Script("read")
VIEWERS = Script("viewers")
VISITORS = Script("visitors")
ALL = (PUBLISH, READ, VIEWERS, VISITORS)
