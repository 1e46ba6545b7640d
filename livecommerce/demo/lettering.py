"""Words in pictures: finds fonts, shapes Arabic, and never draws an empty box.

A line is set in the first font that has all its letters. Arabic needs Pillow's raqm as well,
since letters that do not join are worse than none; without it Arabic lines are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, features

from livecommerce.demo.shop import Language

_WEB_FONTS = Path(__file__).parents[2] / "clients" / "web" / "node_modules"
_SYSTEM_FONTS = (
    Path("/usr/share/fonts"),
    Path("/usr/local/share/fonts"),
    Path.home() / ".local" / "share" / "fonts",
    Path.home() / ".fonts",
    Path("/Library/Fonts"),
    Path("/System/Library/Fonts"),
    Path("C:/Windows/Fonts"),
)
_PREFERRED = {
    "ar": (
        "ibmplexsansarabic",
        "notokufiarabic",
        "notosansarabic",
        "cairo",
        "tajawal",
        "vazirmatn",
        "notonaskharabic",
        "dejavusans",
        "geezapro",
        "segoeui",
        "tahoma",
        "arial",
    ),
    "en": ("ibmplexsans", "inter", "notosans", "opensans", "dejavusans", "segoeui", "arial"),
}
"""Families by taste. Their names are compared without spaces, hyphens and case."""


class Lettering:
    """Sets lines of text with the fonts of one machine."""

    def __init__(self, files: Sequence[Path] | None = None) -> None:
        """Choose fonts.

        Args:
            files: Font files to choose from; by default those of the system and web client.
        """
        found = tuple(_font_files() if files is None else files)
        self._shapes_arabic = bool(features.check("raqm"))
        self._files = {
            (language, bold): _ranked(found, language, bold=bold)
            for language in ("en", "ar")
            for bold in (False, True)
        }

    @property
    def fingerprint(self) -> str:
        """Names the fonts in use: pictures with words change when it changes."""
        names = [files[0].name if files else "-" for files in self._files.values()]
        return f"{'+'.join(names)} raqm={self._shapes_arabic}"

    def line(
        self, text: str, *, px: float, language: Language, bold: bool = True
    ) -> Image.Image | None:
        """Set one line as a mask, as tall as the font at `px` pixels and as wide as the words.

        Returns:
            None when no font here has the letters.
        """
        font = self._font_for(text, px, language, bold=bold)
        if font is None:
            return None
        # Latin needs no hint, and the embedded font would refuse one.
        direction, tongue = ("rtl", "ar") if language == "ar" else (None, None)
        left, _, right, _ = font.getbbox(text, direction=direction, language=tongue)
        # Descenders of Arabic fonts reach deep; the room above and below is the same for all
        # lines of a size, so that baselines stay where the layout puts them.
        mask = Image.new("L", (max(1, round(right - left) + 2), round(px * 1.7)))
        ImageDraw.Draw(mask).text(
            (1 - left, round(px * 1.22)),
            text,
            font=font,
            fill=255,
            anchor="ls",
            direction=direction,
            language=tongue,
        )
        return mask

    def fitted(
        self,
        text: str,
        *,
        px: float,
        width: float,
        language: Language,
        bold: bool = True,
    ) -> Image.Image | None:
        """Set one line no wider than `width`, smaller than `px` when it has to be."""
        mask = self.line(text, px=px, language=language, bold=bold)
        while mask is not None and mask.width > width and px > 8:
            px *= max(0.6, min(0.97, width / mask.width))
            mask = self.line(text, px=px, language=language, bold=bold)
        return mask

    def _font_for(
        self, text: str, px: float, language: Language, *, bold: bool
    ) -> ImageFont.FreeTypeFont | None:
        if language == "ar" and not self._shapes_arabic:
            return None
        for file in self._files[language, bold]:
            font = _opened(file, px)
            if font is not None and _has_letters(font, text):
                return font
        if language == "ar":
            return None
        embedded = ImageFont.load_default(px)
        assert isinstance(embedded, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
        return embedded if _has_letters(embedded, text) else None


def _font_files() -> list[Path]:
    files: list[Path] = []
    for pattern in ("@fontsource/*/files/*-normal.woff2", "@fontsource-variable/*/files/*.woff2"):
        files += sorted(_WEB_FONTS.glob(pattern))
    for folder in _SYSTEM_FONTS:
        if folder.is_dir():
            files += sorted(
                path
                for path in folder.rglob("*")
                if path.suffix.lower() in (".ttf", ".otf", ".ttc", ".woff2")
            )
    return files


def _ranked(files: Sequence[Path], language: Language, *, bold: bool) -> tuple[Path, ...]:
    """Order the files of known families by taste, then by nearness to the weight asked for."""
    ranks: list[tuple[int, int, str, Path]] = []
    for file in files:
        name = file.stem.lower().replace("-", "").replace("_", "").replace(" ", "")
        if any(style in name for style in ("italic", "oblique", "mono", "serif", "condensed")):
            continue
        taste = next(
            (at for at, family in enumerate(_PREFERRED[language]) if name.startswith(family)), None
        )
        if taste is not None:
            ranks.append((taste, _weight_distance(name, bold=bold), file.name, file))
    return tuple(file for *_, file in sorted(ranks))


def _weight_distance(name: str, *, bold: bool) -> int:
    weights = {"thin": 100, "extralight": 200, "light": 300, "medium": 500, "semibold": 600}
    weights |= {"extrabold": 800, "black": 900, "bold": 700}
    weight = next((value for word, value in weights.items() if word in name), 400)
    weight = next((n for n in range(100, 1000, 100) if str(n) in name), weight)
    return abs(weight - (700 if bold else 500))


@lru_cache(maxsize=64)
def _opened(file: Path, px: float) -> ImageFont.FreeTypeFont | None:
    try:
        return ImageFont.truetype(file, px)
    except OSError:
        # A woff2 file in a Pillow built without brotli, or a file that is no font after all.
        return None


def _has_letters(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Compare every letter's picture with the one drawn for a letter that no font has."""
    missing = bytes(font.getmask("\U0010ffff"))
    return all(bytes(font.getmask(letter)) != missing for letter in set(text))
