"""How a search finds what a person meant: both sides are folded to the same plain letters."""

from __future__ import annotations

import unicodedata

# Letters that Arabic writers use for one another, and the digits of both scripts.
_FOLDED = str.maketrans(
    {
        **dict.fromkeys("أإآٱ", "ا"),
        "ى": "ي",
        "ئ": "ي",
        "ؤ": "و",
        "ة": "ه",
        "ـ": None,
        **{chr(0x0660 + digit): str(digit) for digit in range(10)},
        **{chr(0x06F0 + digit): str(digit) for digit in range(10)},
    }
)

QUERY_LENGTH_MAX = 100


def fold(text: str) -> str:
    """Folds case, accents, Arabic vowel signs, look-alike letters, digits and spaces."""
    # Letters first: decomposition would take the hamza off an alef and leave a mark behind.
    plain = unicodedata.normalize("NFC", text).translate(_FOLDED)
    split = unicodedata.normalize("NFKD", plain.casefold())
    bare = "".join(char for char in split if unicodedata.category(char) not in ("Mn", "Cf", "Cc"))
    return " ".join(bare.translate(_FOLDED).split())


def patterns(query: str) -> list[str]:
    """Returns a LIKE pattern for every word of a query, with `\\` as its escape character."""
    words = fold(query[:QUERY_LENGTH_MAX]).split()
    return [
        "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        for word in words
    ]
