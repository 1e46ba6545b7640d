"""A room: the lasting place a host owns. What it is called, what it plays, where it sells."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.bag import Bag
from livecommerce.shows.chat import normalise
from livecommerce.shows.shows import Show

TITLE_MAX = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    id: str
    slug: str
    title_en: str
    title_ar: str
    host_id: str
    market: str
    playback_url: str | None
    poster_url: str | None
    show_version: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A room with all that decides what may be done in it."""

    room: Room
    show: Show | None
    """The current one: planned, running, or the last that ended."""
    likes: int
    bag: Bag
    bag_version: int
    slow_mode_s: int
    rules_version: int

    @property
    def is_chat_open(self) -> bool:
        return self.show is not None and self.show.is_chat_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A numbered product of a room's bag."""

    id: str
    room_id: str
    product_id: str
    number: int


def clean_title(en: str, ar: str, *, field: str = "title") -> tuple[str, str]:
    """Returns a title in both languages as it is shown; at least one is filled.

    Raises:
        Refused: `bad_field`, empty or longer than 120 characters.
    """
    titles = normalise(en), normalise(ar)
    if not any(titles) or any(len(title) > TITLE_MAX for title in titles):
        raise Refused(Code.BAD_FIELD, field=field, length_max=TITLE_MAX)
    return titles


def clean_url(url: str | None, *, field: str) -> str | None:
    """Returns the address of a video or picture: http, https, or a path on this server.

    Only the viewer's player ever opens it; the server does not.

    Raises:
        Refused: `bad_field`.
    """
    if url is None or not url.strip():
        return None
    url = url.strip()
    if any(character.isspace() or not character.isprintable() for character in url):
        raise Refused(Code.BAD_FIELD, field=field)
    try:
        parts = urlsplit(url)
        has_login = parts.username is not None
    except ValueError as problem:
        raise Refused(Code.BAD_FIELD, field=field) from problem
    is_path = not parts.scheme and not parts.netloc and url.startswith("/") and "\\" not in url
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and not has_login
    if not is_path and not is_web:
        raise Refused(Code.BAD_FIELD, field=field)
    return url
