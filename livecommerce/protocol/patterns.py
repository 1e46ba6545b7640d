"""Patterns for fields, anchored once and rightly."""

from __future__ import annotations

from typing import Annotated

import msgspec


def whole(pattern: str) -> str:
    r"""Returns the pattern for a text that matches as a whole.

    `$` alone would let a final newline pass in Python (though not in JSON Schema, where patterns
    are ECMAScript's); `(?!\n)` behind it means the same in both.
    """
    return rf"^(?:{pattern})$(?!\n)"


CountryCode = Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{2}"))]
"""ISO 3166 alpha-2."""
CurrencyCode = Annotated[str, msgspec.Meta(pattern=whole("[A-Z]{3}"))]
"""ISO 4217."""
