"""The studio the demo show is sent from: wall, lanterns, lattice and counter."""

from __future__ import annotations

from livecommerce.demo.pictures.canvas import (
    Canvas,
    Colour,
    Linear,
    Radial,
    darker,
    horizontal,
    lighter,
    mix,
    rgb,
    vertical,
)
from livecommerce.demo.pictures.outlines import (
    Outline,
    arch,
    box,
    ellipse,
    path,
    sector,
    star,
    turned_on_lathe,
)

WIDTH, HEIGHT = 720, 1280
"""Portrait, as phones are held."""

_GOLD = rgb("#e0b055")
_PLUM = rgb("#4a2148")
_DUSK = rgb("#c9647a")
_GLOW = rgb("#ffc98a")


def wall(c: Canvas, *, margin: float = 0) -> None:
    """Draw the wall, `margin` units wider on either side for a camera that sways."""
    width = WIDTH + 2 * margin
    whole = box(0, 0, width, HEIGHT)
    c.fill(
        whole,
        Linear(
            (0, 0),
            (width, HEIGHT),
            ((0, mix(_PLUM, _DUSK, 0.35)), (0.5, mix(_PLUM, _DUSK, 0.62)), (1, _PLUM)),
        ),
    )
    c.soft(ellipse(margin + 500, 360, 330, 380), _GLOW, blur=120, opacity=0.42)
    for row in range(9):
        for column in range(6):
            x, y = margin + 330 + column * 84, 60 + row * 84
            khatam = star(x, y, points=8, outer=42, inner=32).with_hole(
                star(x, y, points=8, outer=36, inner=27)
            )
            c.fill(khatam, lighter(_GLOW, 0.2), opacity=0.11)
    niche = arch(margin - 70, 330, 500, HEIGHT)
    c.fill(
        niche,
        Linear(
            (margin - 70, 330),
            (margin + 430, 1000),
            ((0, darker(_PLUM, 0.25)), (1, mix(_PLUM, _DUSK, 0.5))),
        ),
    )
    c.soft(arch(margin - 40, 360, 500, HEIGHT), _GLOW, blur=46, opacity=0.36, clip=niche)
    rim = niche.with_hole(arch(margin - 62, 338, 484, HEIGHT))
    c.fill(rim, vertical(330, 900, lighter(_GOLD, 0.3), darker(_GOLD, 0.25)), opacity=0.85)
    for x, drop, size in ((76, 150, 1.0), (196, 88, 0.72)):
        _lantern(c, margin + x, drop, size)
    c.fill(
        whole,
        Linear(
            (0, 0),
            (0, HEIGHT),
            (
                (0, darker(_PLUM, 0.5), 0.45),
                (0.16, _PLUM, 0),
                (0.6, _PLUM, 0),
                (1, darker(_PLUM, 0.6), 0.75),
            ),
        ),
    )


def rays(c: Canvas, *, degrees: float) -> None:
    """Draw the wall of a flash sale: rays that turn around the product."""
    whole = box(0, 0, WIDTH, HEIGHT)
    hot, deep = rgb("#ff7a3d"), rgb("#9c1340")
    c.fill(
        whole,
        Radial(
            (490, 370), 1000, ((0, rgb("#ffd27a")), (0.25, hot), (0.62, rgb("#d92b4b")), (1, deep))
        ),
    )
    for step in range(RAYS):
        start = degrees + step * 360 / RAYS
        ray = sector(490, 370, 1300, start, start + 180 / RAYS)
        c.fill(
            ray,
            Radial(
                (490, 370),
                1000,
                ((0, (255, 240, 190), 0.55), (0.5, (255, 170, 90), 0.2), (1, (255, 120, 90), 0.05)),
            ),
        )
    c.fill(
        whole,
        Linear(
            (0, 0),
            (0, HEIGHT),
            ((0, deep, 0.5), (0.2, deep, 0), (0.6, deep, 0), (1, darker(deep, 0.6), 0.8)),
        ),
    )


RAYS = 12
"""Turning by 360 / RAYS degrees brings the rays back to where they were."""


def counter(c: Canvas) -> None:
    """Draw the counter in front of the host."""
    top = 1118
    c.soft(box(-20, top - 14, WIDTH + 40, 40), (16, 4, 20), blur=16, opacity=0.5)
    c.fill(
        box(0, top + 18, WIDTH, HEIGHT - top),
        horizontal(0, WIDTH, rgb("#5a2a3c"), rgb("#3a1730"), rgb("#2a1024")),
    )
    c.fill(box(0, top, WIDTH, 20), vertical(top, top + 20, rgb("#f4dcb8"), rgb("#b98b58")))
    for step in range(10):
        x = 36 + step * 72
        frame = star(x, top + 94, points=8, outer=34, inner=26).with_hole(
            star(x, top + 94, points=8, outer=30, inner=22)
        )
        c.fill(frame, _GOLD, opacity=0.5)
    c.fill(box(0, top + 40, WIDTH, 3), _GOLD, opacity=0.6)
    c.fill(box(0, top + 148, WIDTH, 3), _GOLD, opacity=0.6)
    c.soft(ellipse(600, top + 4, 44, 7), (16, 4, 20), blur=6, opacity=0.7)
    dallah(c, 600, top + 2, size=0.34)
    for x in (664, 530):
        cup = path(
            f"M {x - 20} {top - 30} C {x - 19} {top - 10} {x - 12} {top + 3} {x - 8} {top + 4} H {x + 8} C {x + 12} {top + 3} {x + 19} {top - 10} {x + 20} {top - 30} Z"
        )
        c.soft(ellipse(x + 4, top + 5, 22, 5), (16, 4, 20), blur=4, opacity=0.6)
        c.fill(cup, horizontal(x - 20, x + 20, rgb("#d8cfc0"), (255, 255, 255), rgb("#c9bfae")))
        c.fill(ellipse(x, top - 30, 20, 5.5), rgb("#c79a52"))


def spark(c: Canvas, tone: Colour = _GLOW) -> None:
    """Draw one mote of light, 48 units wide."""
    c.fill(
        ellipse(24, 24, 23),
        Radial((24, 24), 23, ((0, lighter(tone, 0.6), 0.9), (0.3, tone, 0.4), (1, tone, 0))),
    )


def _lantern(c: Canvas, x: float, drop: float, size: float) -> None:
    c.stroke([(x, 0), (x, drop)], darker(_GOLD, 0.3), width=3)
    c.soft(ellipse(x, drop + 70 * size, 70 * size, 84 * size), _GLOW, blur=34, opacity=0.6)

    def shaped(outline: Outline) -> Outline:
        return outline.scaled(size, (0, 0)).moved(x, drop)

    cap = turned_on_lathe("M 0 0 C 6 4 8 10 6 16 C 22 22 34 34 38 50 H 0", axis=0)
    glass = turned_on_lathe("M 0 50 H 40 C 46 70 40 100 28 118 H 0", axis=0)
    foot = turned_on_lathe("M 0 118 H 30 L 20 132 H 8 L 4 148 H 0", axis=0)
    c.fill(
        shaped(glass),
        Radial(
            (x, drop + 86 * size),
            60 * size,
            ((0, rgb("#fff6d0")), (0.5, rgb("#ffbf5e")), (1, rgb("#d9702e"))),
        ),
    )
    for step in (-24, -8, 8, 24):
        c.stroke(
            [(x + step * size, drop + 50 * size), (x + step * 0.8 * size, drop + 118 * size)],
            darker(_GOLD, 0.45),
            width=2.4,
        )
    brass = horizontal(
        x - 40 * size, x + 40 * size, darker(_GOLD, 0.4), lighter(_GOLD, 0.5), darker(_GOLD, 0.35)
    )
    c.fill(shaped(cap), brass)
    c.fill(shaped(foot), brass)
    c.fill(box(x - 43 * size, drop + 47 * size, 86 * size, 7 * size, 3), brass)


def dallah(c: Canvas, x: float, floor: float, *, size: float) -> None:
    """Draw the coffee pot of the house; at size 1 it stands 540 units tall."""
    half = 136 * size
    brass = Linear(
        (x - half, 0),
        (x + half, 0),
        (
            (0, darker(_GOLD, 0.5)),
            (0.3, lighter(_GOLD, 0.7)),
            (0.5, _GOLD),
            (0.8, darker(_GOLD, 0.4)),
            (1, _GOLD),
        ),
    )
    for drawing in (
        "M 452 300 C 560 262 590 330 576 420 C 566 500 520 552 470 560 L 462 536 C 512 520 540 470 548 412 C 556 340 530 312 412 338 Z",
        "M 316 344 C 280 330 250 306 214 262 C 196 244 168 250 166 264 C 196 276 214 320 240 372 C 256 404 280 430 306 440 Z",
    ):
        c.fill(path(drawing).moved(-370, -690).scaled(size, (0, 0)).moved(x, floor), brass)
    body = turned_on_lathe(
        "M 370 148 C 378 156 378 168 374 178 C 384 190 384 206 376 216 C 408 226 424 262 428 300 C 424 340 428 372 446 410 C 480 456 500 500 498 560 C 496 620 470 664 452 690 H 370",
        axis=370,
    )
    c.fill(body.moved(-370, -690).scaled(size, (0, 0)).moved(x, floor), brass)
