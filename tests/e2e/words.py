"""The client's own texts, so that a reworded label breaks no test."""

import json
import re
from functools import cache
from pathlib import Path

LOCALES = Path(__file__).parents[2] / "clients" / "web" / "src" / "i18n" / "locales"
_FORMS = ("zero", "one", "two", "few", "many", "other")
_PLACE = re.compile(r"\{(\w+)\}")
_ARABIC_DIGITS = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def number(value: int) -> str:
    """A pattern for a number in Latin or in Arabic-Indic digits: the market decides which."""
    return f"(?:{value}|{str(value).translate(_ARABIC_DIGITS)})"


@cache
def _texts(lang: str) -> dict[str, str]:
    files = sorted(LOCALES.glob(f"*{lang}.json"))
    assert files, f"no texts for {lang} in {LOCALES}"
    return {key: text for file in files for key, text in json.loads(file.read_text()).items()}


class Words:
    """Texts of one language by their key, as exact text or as a pattern."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = _texts(lang)

    def __call__(self, key: str) -> str:
        """A text without places to fill."""
        text = self._texts[key]
        assert not _PLACE.search(text), f"{key} has places to fill: ask for like() or says()"
        return text

    def like(self, key: str, **values: str) -> re.Pattern[str]:
        """A pattern for the whole text; of a counted text any form matches.

        `values` are patterns for the places to fill; those that are not given match anything.
        """
        return re.compile("|".join(f"^{form}$" for form in self._patterns(key, values)))

    def says(self, key: str, **values: str) -> re.Pattern[str]:
        """The same, found anywhere inside of a longer text."""
        return re.compile("|".join(self._patterns(key, values)))

    def _patterns(self, key: str, values: dict[str, str]) -> list[str]:
        names = [key] if key in self._texts else [f"{key}_{form}" for form in _FORMS]
        forms = [self._texts[name] for name in names if self._texts.get(name)]
        assert forms, f"there is no text {key}"
        return [_pattern(form, values) for form in forms]


def _pattern(text: str, values: dict[str, str]) -> str:
    parts = []
    end = 0
    for place in _PLACE.finditer(text):
        # what is filled in stands between isolates
        inside = f"\u2068?{values.get(place[1], '.*?')}\u2069?"
        parts += [re.escape(text[end : place.start()]), inside]
        end = place.end()
    return "".join([*parts, re.escape(text[end:])])
