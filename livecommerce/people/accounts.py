"""Who somebody is: the actor behind a request, and what a display name may look like."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.ids import ALPHABET, LENGTH

NAME_MAX: Final = 40
ID_MAX: Final = 160
MARKS_MAX: Final = 3
"""Marks on one letter: Arabic needs shadda, vowel and a small alef; more is decoration that spills
over the neighbouring lines."""

_JOINERS = "\u200c\u200d"  # Persian spelling and emoji families need them
_SELECTORS = "\ufe0e\ufe0f"  # text or emoji form of the character before
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # called letters by Unicode, seen by nobody


class Kind(StrEnum):
    GUEST = "guest"
    """Gave a name, nothing else; has no way to come back but the refresh token."""
    ACCOUNT = "account"
    PLATFORM = "platform"
    """Known to us by the word of the platform that signs the token."""
    SIMULATED = "simulated"
    """Part of a simulated audience, and shown as such wherever it appears."""


class Actor(msgspec.Struct, frozen=True):
    """Who asks, as the token tells. `sign_in_id` is None for a token we could not end ourselves."""

    person_id: str
    name: str
    kind: str
    sign_in_id: str | None = None


def clean_name(text: str, *, field: str = "name", length_max: int = NAME_MAX) -> str:
    """Returns a person's name as everybody will see it.

    NFC, spaces collapsed, and without what could disorder the line it stands in: control and
    direction characters, private and unassigned code points, piles of marks.

    Raises:
        Refused: BAD_FIELD when it holds NUL or half a character, when nothing visible is left, or
            when more than `length_max` characters are.
    """
    if "\0" in text or any(unicodedata.category(char) == "Cs" for char in text):
        raise Refused(Code.BAD_FIELD, field=field)
    # Composed before and after: what stood between a letter and its mark may have been taken out.
    kept = "".join(_kept(unicodedata.normalize("NFC", text)))
    name = unicodedata.normalize("NFC", " ".join(kept.split()))
    name = name.lstrip(_JOINERS + _SELECTORS + " ").rstrip(_JOINERS + " ")
    if not any(_is_visible(char) for char in name):
        raise Refused(Code.BAD_FIELD, field=field, reason="empty")
    if len(name) > length_max:
        raise Refused(Code.BAD_FIELD, field=field, length_max=length_max)
    return name


def _kept(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        is_mark = category in ("Mn", "Me") and char not in _SELECTORS
        marks = marks + 1 if is_mark else 0
        if char.isspace() or char in _BLANK:
            yield " "
        elif category[0] == "C" and char not in _JOINERS:
            continue
        elif marks <= MARKS_MAX:
            yield char


def _is_visible(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNPS"


# Letters that pass for a Latin one, and digits that pass for a letter. Compatibility forms (bold,
# full width, circled) are folded by NFKC before this.
_LOOKS: Final = str.maketrans(
    "аᴀαеәεосϲрρхχуγіıɩιјѕԁһκкмντтвнпгԛԝƽʟɡ0134578@$|!",
    "aaaeeeoccppxxyyiiiijsdhkkmvttbhnrqwslgoleastbasll",
)
_OFFICIAL: Final = (
    "admin administrator moderator official staff support system livecommerce "
    "مشرف المشرف مدير المدير الدعم رسمي الادارة النظام"
)


def skeleton(name: str) -> str:
    """Returns what a hasty eye reads: two names with one skeleton can be taken for each other."""
    plain = unicodedata.normalize("NFKD", name).casefold().strip(" !.,|-_*~")
    folded = plain.translate(_LOOKS)
    letters = "".join(char for char in folded if char.isalnum())
    # Capital I and small l are one stroke; Arabic writes its alef, ya and ta in several ways.
    return letters.translate(str.maketrans("iىةأإآ", "lيهااا"))


_RESERVED: Final = frozenset(skeleton(word) for word in _OFFICIAL.split())


def claims_office(name: str) -> bool:
    """Tells whether a name reads like the people who run the place, in whatever letters."""
    return skeleton(name) in _RESERVED


def can_be_id(text: str) -> bool:
    """Tells whether a row could have this id. PostgreSQL cannot even be asked for some others."""
    return 0 < len(text) <= ID_MAX and text.isascii() and text.isprintable()


def platform_person_id(issuer: str, subject: str) -> str:
    """Returns the id of somebody a platform vouches for: the same person, the same id, always."""
    # The length in front keeps ("a", "b|c") and ("a|b", "c") apart.
    digest = sha256(f"{len(issuer)}|{issuer}|{subject}".encode()).digest()
    number = int.from_bytes(digest, "big")
    return "".join(ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))
