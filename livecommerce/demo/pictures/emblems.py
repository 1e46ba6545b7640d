"""Merchants' avatars and the poster of the room."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from PIL import Image

from livecommerce.demo.lettering import Lettering
from livecommerce.demo.pictures import host, studio
from livecommerce.demo.pictures.canvas import (
    Canvas,
    Colour,
    Linear,
    Radial,
    darker,
    fading,
    lighter,
    rgb,
)
from livecommerce.demo.pictures.outlines import box, ellipse, leaf, path, star, trace
from livecommerce.demo.shop import Text

_SIDE = 400
_GOLD = rgb("#e6bd6a")
_IVORY = rgb("#fff6e6")


def layan(c: Canvas) -> None:
    """A crescent that holds a flower."""
    _ground(c, rgb("#a8657f"), rgb("#5b2748"))
    moon = path(
        "M 236 92 C 150 96 98 150 100 216 C 104 286 170 322 236 306 C 178 286 154 248 156 204 C 158 156 186 112 236 92 Z"
    )
    c.fill(moon, _IVORY)
    for turn in range(0, 360, 60):
        c.fill(leaf(246, 198, 62, 20, turn - 90), _GOLD)
    c.fill(ellipse(246, 198, 13), _IVORY)


def bakhoor(c: Canvas) -> None:
    """A burner and its smoke."""
    _ground(c, rgb("#b9652f"), rgb("#4a1c14"))
    c.fill(
        path(
            "M 128 220 H 272 C 268 268 244 286 226 292 L 246 322 H 154 L 174 292 C 156 286 132 268 128 220 Z"
        ),
        _IVORY,
    )
    for x in (168, 200, 232):
        c.fill(star(x, 250, points=8, outer=14, inner=10), rgb("#b9652f"))
    for line, width in (
        ("M 200 204 C 150 170 250 140 200 78", 15),
        ("M 172 204 C 138 180 190 160 164 124", 9),
        ("M 232 204 C 200 180 264 160 236 124", 9),
    ):
        c.stroke(trace(line), _GOLD, width=width)


def nakheel(c: Canvas) -> None:
    """A date palm."""
    _ground(c, rgb("#6f9a5b"), rgb("#1f4a3a"))
    c.fill(path("M 188 322 C 196 260 194 220 190 180 H 210 C 212 220 214 260 224 322 Z"), _GOLD)
    for turn in (-208, -176, -150, -122, -58, -30, -4, 28):
        c.fill(leaf(200, 178, 122, 13, turn), _IVORY)
    c.fill(leaf(200, 182, 106, 12, -90), _IVORY)
    for x, y in ((178, 196), (190, 208), (212, 206), (224, 194)):
        c.fill(ellipse(x, y, 9, 11), rgb("#f08a4b"))


def wameedh(c: Canvas) -> None:
    """A spark."""
    _ground(c, rgb("#5b8def"), rgb("#1b2260"))
    c.fill(star(200, 204, points=4, outer=132, inner=38), _IVORY)
    c.fill(star(200, 204, points=4, outer=70, inner=26, turn=45), _GOLD)
    c.fill(ellipse(200, 204, 20), rgb("#1b2260"))
    c.fill(star(296, 112, points=4, outer=34, inner=9), _GOLD)


AVATARS: Mapping[str, Callable[[Canvas], None]] = MappingProxyType(
    {"layan": layan, "bakhoor": bakhoor, "nakheel": nakheel, "wameedh": wameedh}
)
"""By merchant key."""


def avatar(merchant_key: str, side_px: int) -> Image.Image:
    """Draw a merchant's square avatar; clients cut the circle."""
    c = Canvas(_SIDE, _SIDE, scale=side_px / _SIDE)
    AVATARS[merchant_key](c)
    return c.image.convert("RGB")


def host_portrait(side_px: int) -> Image.Image:
    """Draw the square avatar of the show's host."""
    c = Canvas(_SIDE, _SIDE, scale=side_px / _SIDE)
    _ground(c, rgb("#f0a47a"), rgb("#8a2f55"))
    scene = Canvas(studio.WIDTH, studio.HEIGHT, scale=c.scale)
    host.body(scene)
    host.head(scene)
    left, top = round(6 * c.scale), round(436 * c.scale)
    c.place(scene.image.crop((left, top, left + side_px, top + side_px)), 0, 0)
    return c.image.convert("RGB")


def poster(name: Text, lettering: Lettering) -> Image.Image:
    """Draw what a room shows before its video plays."""
    c = Canvas(studio.WIDTH, studio.HEIGHT)
    studio.wall(c)
    host.body(c)
    host.arm(c, 4)
    host.head(c)
    studio.counter(c)
    brand_plate(c, name, lettering, x=310, y=190, width=380)
    c.fill(box(0, 0, studio.WIDTH, 200), fading(rgb("#1a0818"), (0, 0), (0, 200), 0.5))
    return c.image.convert("RGB")


def brand_plate(
    c: Canvas, name: Text, lettering: Lettering, *, x: float, y: float, width: float
) -> None:
    """Draw the sign of the house: its star, and its name in both languages."""
    plate = box(x, y, width, width * 0.92, 34)
    c.soft(plate.moved(0, 14), (26, 8, 24), blur=22, opacity=0.5)
    c.fill(
        plate, Linear((x, y), (x + width, y + width), ((0, rgb("#fff8ec")), (1, rgb("#f3d9b4"))))
    )
    cx, cy = x + width / 2, y + width * 0.3
    for reach, tone in ((0.2, rgb("#c9923e")), (0.183, rgb("#fff3dc")), (0.166, rgb("#8a2f55"))):
        c.fill(star(cx, cy, points=8, outer=width * reach, inner=width * reach * 0.765), tone)
    studio.dallah(c, cx + width * 0.008, cy + width * 0.095, size=width / 2900)
    room = width * 0.84
    arabic = lettering.fitted(name.ar, px=width * 0.14, width=room, language="ar")
    english = lettering.fitted(name.en, px=width * 0.115, width=room, language="en")
    # A name that stands alone takes the middle.
    for words, share in ((arabic, 0.5), (english, 0.6 if arabic is None else 0.7)):
        if words is not None:
            at = (round(cx - words.width / 2), round(y + width * share))
            write(c.image, words, at, rgb("#5b1f3f"))


def write(image: Image.Image, words: Image.Image, at: tuple[int, int], tone: Colour) -> None:
    """Lay a line of lettering on an RGBA picture."""
    ink = Image.new("RGBA", words.size, tone)
    ink.putalpha(words)
    image.alpha_composite(ink, at)


def _ground(c: Canvas, light: Colour, deep: Colour) -> None:
    c.fill(
        box(0, 0, _SIDE, _SIDE),
        Radial((140, 110), 380, ((0, lighter(light, 0.15)), (0.5, light), (1, deep))),
    )
    c.fill(ellipse(200, 204, 176).with_hole(ellipse(200, 204, 172)), _GOLD, opacity=0.55)
    c.soft(ellipse(200, 360, 150, 26), darker(deep, 0.5), blur=24, opacity=0.35)
