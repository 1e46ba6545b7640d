"""The four rooms the goods are photographed in, one for each merchant.

Every room knows a few tones, so that a shelf of one merchant's goods varies and still belongs
together.
"""

from __future__ import annotations

import math

from livecommerce.demo.pictures.canvas import (
    Canvas,
    Colour,
    Linear,
    Radial,
    darker,
    fading,
    lighter,
    mix,
    rgb,
    vertical,
)
from livecommerce.demo.pictures.outlines import Outline, arch, box, ellipse, leaf, path, trace

SIDE = 800
"""Design units along each side of a product picture."""

_WHOLE = box(0, 0, SIDE, SIDE)

_LAYAN = (
    (rgb("#f2dfd6"), rgb("#d9a99a")),
    (rgb("#ead9e4"), rgb("#b98ba8")),
    (rgb("#e9e2d3"), rgb("#b9a58a")),
    (rgb("#f6dcd9"), rgb("#e29c9a")),
)
_BAKHOOR = (
    (rgb("#5b2a1c"), rgb("#e08b3a")),
    (rgb("#6d2b3a"), rgb("#f0a79a")),
    (rgb("#3f2b1f"), rgb("#d8b26a")),
    (rgb("#7c3f2a"), rgb("#f3c58a")),
)
_NAKHEEL = (
    (rgb("#f3e7cb"), rgb("#c98f4e")),
    (rgb("#dfe6cf"), rgb("#a9744a")),
    (rgb("#f6dcc0"), rgb("#b9683f")),
    (rgb("#e7e3d6"), rgb("#7f8f6a")),
)
_WAMEEDH = (
    (rgb("#20285f"), rgb("#5b8def")),
    (rgb("#0f4c5c"), rgb("#3fc1b0")),
    (rgb("#4a2c6d"), rgb("#e07fb0")),
    (rgb("#f4c95d"), rgb("#f08a4b")),
)


def layan(c: Canvas, tone: int = 0) -> None:
    """A plastered wall with a niche, lit from the left."""
    wall, deep = _LAYAN[tone]
    c.fill(_WHOLE, Linear((0, 0), (SIDE, SIDE), ((0, lighter(wall, 0.35)), (1, wall))))
    niche = arch(150, 60, 500, 690)
    c.fill(
        niche, Linear((150, 0), (650, 700), ((0, mix(wall, deep, 0.95)), (1, mix(wall, deep, 0.5))))
    )
    inner = arch(186, 92, 500, 690)
    c.soft(inner, mix(wall, deep, 0.28), blur=16, opacity=0.9, clip=niche)
    c.fill(box(0, 688, SIDE, 112), vertical(688, 800, lighter(wall, 0.5), mix(wall, deep, 0.25)))
    c.fill(box(0, 688, SIDE, 3), lighter(wall, 0.75))
    # A window's light across the wall.
    for dx in (0, 120):
        beam = path(f"M {-60 + dx} 0 H {30 + dx} L {330 + dx} 690 H {200 + dx} Z")
        c.soft(beam, (255, 255, 255), blur=12, opacity=0.16)


def bakhoor(c: Canvas, tone: int = 0) -> None:
    """A dark warm room with a glowing disc and a round podium."""
    dark, glow = _BAKHOOR[tone]
    c.fill(
        _WHOLE,
        Radial((400, 360), 640, ((0, mix(dark, glow, 0.42)), (0.55, dark), (1, darker(dark, 0.6)))),
    )
    c.soft(ellipse(400, 340, 262), glow, blur=46, opacity=0.45)
    c.fill(
        ellipse(400, 340, 250),
        vertical(90, 590, lighter(glow, 0.28), mix(glow, dark, 0.25), mix(glow, dark, 0.7)),
    )
    c.soft(ellipse(400, 722, 340, 60), darker(dark, 0.8), blur=22, opacity=0.7)
    side = path("M 112 648 V 706 C 112 780 688 780 688 706 V 648 Z")
    c.fill(
        side,
        Linear(
            (112, 0),
            (688, 0),
            (
                (0, darker(dark, 0.35)),
                (0.3, mix(dark, glow, 0.5)),
                (0.55, mix(dark, glow, 0.22)),
                (1, darker(dark, 0.55)),
            ),
        ),
    )
    top = ellipse(400, 648, 288, 62)
    c.fill(
        top, Radial((350, 635), 330, ((0, mix(glow, dark, 0.12)), (1, mix(dark, glow, 0.3))), 0.4)
    )
    c.stroke(_half_ellipse(400, 648, 287, 61), lighter(glow, 0.45), width=2.4, opacity=0.55)


def nakheel(c: Canvas, tone: int = 0) -> None:
    """A sunny kitchen wall under palm shade, above a table."""
    wall, table = _NAKHEEL[tone]
    c.fill(
        _WHOLE,
        Linear((0, 0), (SIDE, 640), ((0, lighter(wall, 0.45)), (1, mix(wall, table, 0.3)))),
    )
    shade = mix(darker(wall, 0.35), table, 0.4)
    for x, y, lean in ((800, -60, 142), (-40, -110, 48)):
        for frond in _palm(x, y, lean):
            c.soft(frond, shade, blur=3.5, opacity=0.2)
    c.fill(box(0, 590, SIDE, 210), vertical(590, 800, lighter(table, 0.22), darker(table, 0.12)))
    c.fill(box(0, 590, SIDE, 5), lighter(table, 0.5))
    c.soft(ellipse(300, 640, 330, 26), lighter(table, 0.6), blur=26, opacity=0.28)


def wameedh(c: Canvas, tone: int = 0) -> None:
    """A clean coloured studio with rings of light."""
    deep, bright = _WAMEEDH[tone]
    c.fill(_WHOLE, Linear((0, 0), (SIDE, SIDE), ((0, mix(deep, bright, 0.75)), (1, deep))))
    c.soft(ellipse(230, 200, 260), lighter(bright, 0.35), blur=90, opacity=0.55)
    for radius, opacity in ((330, 0.1), (255, 0.14), (180, 0.18)):
        ring = ellipse(400, 370, radius).with_hole(ellipse(400, 370, radius - 2.5))
        c.fill(ring, (255, 255, 255), opacity=opacity)
    c.fill(ellipse(400, 370, 255), fading((255, 255, 255), (200, 120), (560, 620), 0.2))
    c.fill(box(0, 640, SIDE, 160), vertical(640, 800, mix(deep, bright, 0.55), deep), opacity=0.6)
    c.soft(ellipse(400, 690, 330, 30), lighter(bright, 0.4), blur=30, opacity=0.35)


def cast_shadow(
    c: Canvas,
    cx: float,
    y: float,
    half_width: float,
    *,
    opacity: float = 0.5,
    tint: Colour = (30, 14, 12),
) -> None:
    """Ground a thing: one wide faint shadow and one tight dark one under it."""
    c.soft(
        ellipse(cx + half_width * 0.14, y + 6, half_width * 1.16, half_width * 0.15 + 6),
        tint,
        blur=18,
        opacity=opacity * 0.6,
    )
    c.soft(ellipse(cx, y, half_width * 0.96, half_width * 0.06 + 4), tint, blur=6, opacity=opacity)


def _half_ellipse(cx: float, cy: float, rx: float, ry: float) -> list[tuple[float, float]]:
    """The nearer rim of a lying disc."""
    return [
        (cx + rx * math.cos(angle), cy + ry * math.sin(angle))
        for angle in (math.radians(8 + 164 * step / 40) for step in range(41))
    ]


def _palm(x: float, y: float, lean: float) -> list[Outline]:
    """One frond: leaflets along a bending stem."""
    stem = trace("M 0 0 C 160 -30 330 10 470 130")
    fronds = []
    for index, (sx, sy) in enumerate(stem[2::2]):
        reach = 170 * math.sin(math.pi * (index + 1.5) / (len(stem) / 2 + 2)) + 50
        for side in (-1, 1):
            shape = leaf(sx, sy, reach, 11, 12 + index * 3.4 + side * 42)
            fronds.append(shape.turned(lean - 20, (0, 0)).moved(x, y))
    return fronds
