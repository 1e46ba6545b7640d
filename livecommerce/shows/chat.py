"""Chat: what a message may look like and who may say something now.

A message is text of people, never markup: it is stored and sent as it is said, and clients put it
on the page as text. What is taken out is what can hide or forge text: direction overrides, control
and other invisible characters, and towers of combining marks.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from hashlib import blake2b

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import ALPHABET

LENGTH_MAX = 500
QUOTE_LENGTH = 80
MARKS_MAX = 4
"""Combining marks on one letter. Vocalised Arabic and Hebrew need three."""

# Marks of direction and joiners are spelling in Arabic, Persian and emoji, and forge nothing.
_KEPT_FORMATS = frozenset("\u200e\u200f\u061c\u200c\u200d") | frozenset(
    chr(point) for point in (*range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2)
)
_HIDDEN = ("Cc", "Cf", "Cs")
_INVISIBLE = frozenset("\u200e\u200f\u061c\u200c\u200d")
# Letters by category, blank to the eye.
_BLANK_LETTERS = frozenset("\u3164\uffa0\u2800")
_BLACK_FLAG = "\U0001f3f4"
_TAG_FIRST, _TAG_LAST = "\U000e0020", "\U000e007f"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """What decides whether a person may speak in a room now. Times: epoch milliseconds."""

    is_staff: bool = False
    """Moderators, co-hosts and the host: no slow mode, no flood guard."""
    is_banned: bool = False
    muted_until: int | None = None
    last_said_at: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `review`: the text to post, or why not."""

    text: str = ""
    code: Code | None = None
    retry_after_ms: int | None = None

    def refusal(self) -> Refused | None:
        """The error to answer with; None when the message may be posted."""
        if self.code is None:
            return None
        field = "text" if self.code in (Code.MESSAGE_EMPTY, Code.MESSAGE_TOO_LONG) else None
        return Refused(self.code, field=field, retry_after_ms=self.retry_after_ms)


def review(text: str, speaker: Speaker, *, is_open: bool, slow_mode_s: int, now: int) -> Verdict:
    """Decides whether a person may say `text` now, and gives the text as it will be shown.

    Reasons are told in the order of `kernel.errors.Code`.
    """
    if refused := may_act(speaker, now=now):
        return refused
    if not is_open:
        return Verdict(code=Code.SHOW_NOT_OPEN)
    text = normalise(text)
    if not text:
        return Verdict(code=Code.MESSAGE_EMPTY)
    if len(text) > LENGTH_MAX:
        return Verdict(code=Code.MESSAGE_TOO_LONG)
    if not speaker.is_staff and (wait_ms := slow_mode_wait_ms(speaker, slow_mode_s, now=now)):
        return Verdict(code=Code.SLOW_MODE, retry_after_ms=wait_ms)
    return Verdict(text)


def may_act(speaker: Speaker, *, now: int) -> Verdict | None:
    """Returns the refusal for someone who is shut out or silenced, else None."""
    if speaker.is_banned:
        return Verdict(code=Code.BANNED)
    if speaker.muted_until is not None and speaker.muted_until > now:
        return Verdict(code=Code.MUTED, retry_after_ms=speaker.muted_until - now)
    return None


def slow_mode_wait_ms(speaker: Speaker, slow_mode_s: int, *, now: int) -> int:
    """How long until this person may say the next thing; 0 when now."""
    if not slow_mode_s or speaker.last_said_at is None:
        return 0
    return max(0, speaker.last_said_at + slow_mode_s * 1000 - now)


def normalise(text: str) -> str:
    """Returns text as it is shown: composed (NFC), one line, nothing hidden in it.

    Blank runs become one space, the ends are trimmed, and what has nothing to see is "". Applying
    it twice changes nothing more.
    """
    composed = unicodedata.normalize("NFC", _without_hidden(text))
    tidy = " ".join(_without_towers(composed).split())
    return tidy if any(c not in _INVISIBLE and not _is_mark(c) for c in tidy) else ""


def normalise_lines(text: str, *, most: int) -> str:
    """Returns each line of a text `normalise`d, blank ones left out; what is too much is one."""
    lines = [tidy for line in text.splitlines() if (tidy := normalise(line))]
    return "\n".join([*lines[: most - 1], *filter(None, [" ".join(lines[most - 1 :])])])


def quote(text: str) -> str:
    """Returns the beginning of a message as a reply shows it."""
    return text if len(text) <= QUOTE_LENGTH else text[: QUOTE_LENGTH - 1].rstrip() + "…"


def message_id(room_id: str, person_id: str, command_id: str) -> str:
    """Returns the id of the message that this command posts: sent twice, it is one message.

    Derived by a hash, so that it has one length whatever ids clients make, and says nothing of
    the person.
    """
    digest = blake2b(f"{room_id}\0{person_id}\0{command_id}".encode(), digest_size=15)
    number = int.from_bytes(digest.digest(), "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(115, -1, -5))


def _without_hidden(text: str) -> str:
    kept: list[str] = []
    in_flag = False
    for character in text:
        if _TAG_FIRST <= character <= _TAG_LAST:
            # The flags of England, Scotland and Wales are spelled with these after a black flag;
            # anywhere else they hide text.
            if in_flag:
                kept.append(character)
            continue
        in_flag = character == _BLACK_FLAG
        if character.isspace() or character in _BLANK_LETTERS:
            kept.append(" ")
        elif character in _KEPT_FORMATS or unicodedata.category(character) not in _HIDDEN:
            kept.append(character)
    return "".join(kept)


def _without_towers(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    height = 0
    for character in text:
        height = height + 1 if _is_mark(character) else 0
        if height <= MARKS_MAX:
            kept.append(character)
    return "".join(kept)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me")
