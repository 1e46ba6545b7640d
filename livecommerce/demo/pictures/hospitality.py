"""Pictures of Nakheel's coffee and dates."""

from __future__ import annotations

from livecommerce.demo.pictures.backdrops import cast_shadow, nakheel
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
    rounded,
    vertical,
)
from livecommerce.demo.pictures.outlines import (
    box,
    ellipse,
    leaf,
    path,
    star,
    trace,
    turned_on_lathe,
)

_BRASS = rgb("#cf9433")
_WHITE = (255, 255, 255)


def dallah_set(c: Canvas) -> None:
    nakheel(c, 0)
    cast_shadow(c, 400, 706, 320, opacity=0.55)
    c.fill(ellipse(400, 690, 326, 62), brass(74, 726))
    c.fill(ellipse(400, 684, 308, 53), darker(_BRASS, 0.35))
    c.fill(
        ellipse(400, 686, 304, 50),
        Radial((340, 670), 320, ((0, lighter(_BRASS, 0.55)), (1, darker(_BRASS, 0.2))), 0.3),
    )
    c.soft(ellipse(372, 692, 120, 20), (50, 24, 8), blur=10, opacity=0.6)
    handle = path(
        "M 412 304 C 556 262 590 330 576 420 C 566 500 520 552 470 560 L 462 536 C 512 520 540 470 548 412 "
        "C 556 340 530 312 412 338 Z"
    )
    c.fill(handle, brass(452, 590))
    spout = path(
        "M 316 344 C 280 330 250 306 214 262 C 196 244 168 250 166 264 C 196 276 214 320 240 372 "
        "C 256 404 280 430 306 440 Z"
    )
    c.fill(
        spout,
        Linear(
            (200, 250),
            (280, 420),
            ((0, lighter(_BRASS, 0.6)), (0.4, _BRASS), (1, darker(_BRASS, 0.45))),
        ),
    )
    body = turned_on_lathe(
        "M 370 300 H 418 C 424 340 428 372 446 410 C 480 456 500 500 498 560 C 496 620 470 664 452 690 H 370",
        axis=370,
    )
    c.fill(body, brass(242, 498))
    waist = path("M 296 408 C 340 424 400 424 444 408 L 452 424 C 404 442 336 442 288 424 Z")
    c.fill(waist, brass(288, 452, deep=0.25))
    for step in range(9):
        x = 262 + step * 27
        drop = 556 - abs(step - 4) * 4
        c.fill(
            star(x, drop, points=8, outer=13, inner=9), darker(_BRASS, 0.5), opacity=0.55, clip=body
        )
        c.fill(
            star(x, drop, points=8, outer=7, inner=4), lighter(_BRASS, 0.5), opacity=0.8, clip=body
        )
    for y, half in ((530, 128), (586, 128)):
        c.stroke(
            trace(
                f"M {370 - half} {y - 8} C {370 - 60} {y + 8} {370 + 60} {y + 8} {370 + half} {y - 8}"
            ),
            darker(_BRASS, 0.55),
            width=3,
            opacity=0.6,
            clip=body,
        )
    lid = turned_on_lathe(
        "M 370 148 C 378 156 378 168 374 178 C 384 190 384 206 376 216 C 408 226 424 262 428 300 H 370",
        axis=370,
    )
    c.fill(lid, brass(312, 428))
    c.fill(box(306, 294, 128, 16, 8), brass(306, 434, deep=0.2))
    c.soft(ellipse(330, 560, 12, 66), _WHITE, blur=8, opacity=0.75)
    c.soft(ellipse(346, 258, 6, 26), _WHITE, blur=4, opacity=0.8)
    for x, y in ((560, 640), (648, 666), (540, 706), (176, 664), (250, 712), (616, 708)):
        _finjan(c, x, y)


def saudi_coffee(c: Canvas) -> None:
    nakheel(c, 1)
    cast_shadow(c, 372, 692, 150)
    bag = rgb("#2f5d50")
    body = path(
        "M 232 236 C 300 228 444 228 512 236 C 506 300 520 420 526 560 C 528 640 524 672 516 692 "
        "C 440 706 304 706 228 692 C 220 672 216 640 218 560 C 224 420 238 300 232 236 Z"
    )
    c.soft(body.moved(26, 10), (40, 30, 10), blur=16, opacity=0.35)
    c.fill(
        body,
        Linear(
            (218, 0),
            (526, 0),
            (
                (0, darker(bag, 0.4)),
                (0.12, lighter(bag, 0.2)),
                (0.4, bag),
                (0.8, darker(bag, 0.15)),
                (0.92, lighter(bag, 0.16)),
                (1, darker(bag, 0.4)),
            ),
        ),
    )
    c.fill(
        path("M 232 196 H 512 V 240 C 440 232 304 232 232 240 Z"),
        vertical(196, 240, lighter(bag, 0.25), darker(bag, 0.2)),
    )
    c.stroke([(236, 222), (508, 222)], darker(bag, 0.4), width=3, opacity=0.6)
    label = path("M 272 328 H 472 V 600 L 372 640 L 272 600 Z")
    c.fill(label, horizontal(272, 472, rgb("#efe2c4"), rgb("#fffaf0"), rgb("#eadcb9")))
    c.fill(label.scaled(0.92, (372, 480)).with_hole(label.scaled(0.905, (372, 480))), _BRASS)
    c.fill(star(372, 420, points=8, outer=62, inner=47), bag)
    c.fill(star(372, 420, points=8, outer=50, inner=38), rgb("#f7ecd2"))
    cup = path("M 340 402 H 404 C 402 436 390 450 372 450 C 354 450 342 436 340 402 Z")
    c.fill(cup, bag)
    for dx in (-12, 12):
        c.stroke(
            trace(f"M {372 + dx} 392 C {366 + dx} 384 {378 + dx} 378 {372 + dx} 370"), bag, width=4
        )
    for y, half, width in ((516, 62, 7), (540, 44, 4), (556, 44, 4)):
        c.stroke([(372 - half, y), (372 + half, y)], bag, width=width)
    c.soft(path("M 250 250 H 262 L 256 680 H 242 Z"), _WHITE, blur=6, opacity=0.35, clip=body)
    for x, y, turn in (
        (566, 692, 20),
        (604, 664, -30),
        (640, 700, 60),
        (580, 728, -10),
        (190, 714, 30),
        (156, 690, -40),
    ):
        _bean(c, x, y, turn)
    for x, y, turn in ((656, 660, -18), (534, 726, 24), (126, 722, 12), (222, 738, -26)):
        pod = leaf(x, y, 46, 13, turn)
        c.soft(pod.moved(2, 7), (40, 20, 10), blur=5, opacity=0.45)
        c.fill(pod, vertical(y - 16, y + 16, rgb("#c9d79a"), rgb("#7d9450")))
        c.stroke(leaf(x, y, 46, 4, turn).contours[0], rgb("#5f7638"), width=1.6, opacity=0.6)


def ajwa_box(c: Canvas) -> None:
    nakheel(c, 2)
    cast_shadow(c, 400, 690, 270)
    card = rgb("#5a2233")
    lid = path("M 176 250 L 624 250 L 652 470 H 148 Z")
    c.soft(lid.moved(10, 14), (50, 20, 20), blur=16, opacity=0.35)
    c.fill(lid, vertical(250, 470, lighter(card, 0.16), darker(card, 0.2)))
    c.fill(
        path("M 196 266 L 604 266 L 628 456 H 172 Z").with_hole(
            path("M 202 271 L 598 271 L 621 451 H 179 Z")
        ),
        _BRASS,
    )
    c.fill(star(400, 362, points=8, outer=66, inner=50), _BRASS)
    c.fill(star(400, 362, points=8, outer=56, inner=42), card)
    for turn in (-90, -58, -122, -30, -150):
        c.fill(leaf(400, 372, 44, 7, turn), lighter(_BRASS, 0.3))
    c.stroke([(400, 372), (400, 396)], lighter(_BRASS, 0.3), width=6)
    tray = path("M 148 470 H 652 L 690 640 H 110 Z")
    c.fill(tray, darker(card, 0.5))
    for row, (y, count, half) in enumerate(((500, 6, 218), (548, 6, 234), (600, 6, 250))):
        for index in range(count):
            x = 400 + (index - (count - 1) / 2) * half * 2 / count
            size = 0.86 + row * 0.09
            c.fill(ellipse(x, y + 12, 44 * size, 26 * size), rgb("#f6e7cf"))
            date(c, x, y, turn=(-14, 8, -4, 12, -9, 5)[index], size=size, tone=rgb("#3b1712"))
    front = path("M 110 640 L 690 640 L 676 706 H 124 Z")
    c.fill(front, vertical(640, 706, lighter(card, 0.2), darker(card, 0.28)))
    c.fill(path("M 110 640 L 690 640 L 688 649 H 112 Z"), _BRASS)
    ribbon = box(364, 646, 72, 60)
    c.fill(ribbon, vertical(640, 706, lighter(_BRASS, 0.5), _BRASS, darker(_BRASS, 0.2)))
    for step in range(5):
        for side in (-1, 1):
            c.fill(star(400 + side * (86 + step * 42), 676, points=4, outer=11, inner=4), _BRASS)


def sukkari_bowl(c: Canvas) -> None:
    nakheel(c, 3)
    cast_shadow(c, 400, 690, 220)
    wood = rgb("#8a5630")
    inside = ellipse(400, 520, 252, 70)
    c.fill(inside, vertical(450, 590, darker(wood, 0.5), darker(wood, 0.2)))
    gold = rgb("#d8933b")
    rows = (
        (470, (-120, -40, 44, 124)),
        (440, (-76, 4, 84)),
        (500, (-172, -92, -8, 78, 164)),
        (536, (-136, -48, 42, 130)),
    )
    for y, xs in sorted(rows):
        for index, dx in enumerate(xs):
            date(
                c, 400 + dx, y, turn=(18, -12, 8, -20, 14)[index], size=1.12, tone=gold, filled=True
            )
    bowl = path(
        "M 148 520 C 150 640 250 700 400 700 C 550 700 650 640 652 520 C 640 612 160 612 148 520 Z"
    )
    c.fill(bowl, rounded(148, 652, wood, shine=0.35))
    for y, bend in ((606, 60), (636, 46), (664, 28)):
        c.stroke(
            trace(
                f"M {200 + (664 - y) * -0.6} {y - bend * 0.5} C 300 {y + bend * 0.5} 500 {y + bend * 0.5} {600 + (664 - y) * 0.6} {y - bend * 0.5}"
            ),
            darker(wood, 0.6),
            width=2.4,
            opacity=0.35,
            clip=bowl,
        )
    c.stroke(
        trace("M 148 520 C 160 612 640 612 652 520"), lighter(wood, 0.45), width=5, opacity=0.85
    )
    for x, y, turn in ((150, 716, 14), (676, 704, -22), (618, 738, 10)):
        _almond(c, x, y, turn)
    for x, y in ((206, 738), (220, 722), (590, 716), (700, 736)):
        c.soft(ellipse(x + 2, y + 5, 12, 6), (40, 20, 10), blur=4, opacity=0.4)
        c.fill(
            ellipse(x, y, 12, 8),
            Radial((x - 3, y - 3), 14, ((0, rgb("#d6e08a")), (1, rgb("#7f9440")))),
        )


def brass(left: float, right: float, *, deep: float = 0.0) -> Linear:
    """Shade polished brass between two edges."""
    base = darker(_BRASS, deep)
    light = lighter(base, 0.75)
    return Linear(
        (left, 0),
        (right, 0),
        (
            (0, darker(base, 0.5)),
            (0.16, base),
            (0.32, light),
            (0.44, mix(base, light, 0.3)),
            (0.66, darker(base, 0.35)),
            (0.86, mix(base, light, 0.45)),
            (1, darker(base, 0.45)),
        ),
    )


def date(
    c: Canvas, x: float, y: float, *, turn: float, size: float, tone: Colour, filled: bool = False
) -> None:
    """One date, lying; `filled` opens it for an almond and pistachio crumbs."""
    shape = ellipse(x, y, 42 * size, 23 * size).turned(turn, (x, y))
    c.soft(shape.moved(2, 8), (20, 6, 4), blur=5, opacity=0.5)
    c.fill(
        shape,
        Radial(
            (x - 12 * size, y - 10 * size),
            54 * size,
            ((0, lighter(tone, 0.5)), (0.4, tone), (1, darker(tone, 0.5))),
        ),
    )
    for shift in (-9, 9):
        line = trace(
            f"M {x - 34 * size} {y + shift} Q {x} {y + shift * 1.7} {x + 34 * size} {y + shift}"
        )
        c.stroke(line, darker(tone, 0.6), width=1.8, opacity=0.35, clip=shape)
    if filled:
        slit = ellipse(x, y - 3, 28 * size, 9 * size).turned(turn, (x, y))
        c.fill(slit, darker(tone, 0.55))
        nut = ellipse(x, y - 6, 24 * size, 8.5 * size).turned(turn, (x, y))
        c.fill(nut, vertical(y - 16, y + 4, rgb("#fff3dc"), rgb("#dcb483")))
        for dx in (-16, -4, 9, 18):
            c.fill(ellipse(x + dx, y - 10 + abs(dx) * 0.15, 3.4), rgb("#8fa84a"))
        return
    c.soft(
        ellipse(x - 10 * size, y - 9 * size, 15 * size, 4 * size).turned(turn, (x, y)),
        _WHITE,
        blur=3,
        opacity=0.55,
    )
    c.fill(ellipse(x + 40 * size, y, 5 * size, 6 * size).turned(turn, (x, y)), lighter(tone, 0.35))


def _finjan(c: Canvas, x: float, y: float) -> None:
    c.soft(ellipse(x + 6, y + 4, 36, 10), (50, 24, 8), blur=6, opacity=0.6)
    wall = path(
        f"M {x - 37} {y - 58} C {x - 36} {y - 20} {x - 26} {y + 4} {x - 15} {y + 6} H {x + 15} C {x + 26} {y + 4} {x + 36} {y - 20} {x + 37} {y - 58} Z"
    )
    c.fill(wall, rounded(x - 37, x + 37, rgb("#f6f1e8"), shine=0.8))
    c.stroke(
        trace(f"M {x - 34} {y - 34} Q {x} {y - 22} {x + 34} {y - 34}"), _BRASS, width=4, clip=wall
    )
    for dx in (-22, -7, 8, 23):
        c.fill(
            star(x + dx, y - 17 - abs(dx) * 0.12, points=4, outer=6, inner=2.4),
            rgb("#2f6d63"),
            clip=wall,
        )
    c.fill(ellipse(x, y - 58, 37, 11), rgb("#fffdf8"))
    c.fill(ellipse(x, y - 57, 33, 8.6), rgb("#b98a45"))
    c.fill(ellipse(x, y - 55, 29, 6), rgb("#d8ab5d"))


def _bean(c: Canvas, x: float, y: float, turn: float) -> None:
    tone = rgb("#b98a52")
    shape = ellipse(x, y, 20, 13).turned(turn, (x, y))
    c.soft(shape.moved(2, 6), (40, 20, 10), blur=4, opacity=0.5)
    c.fill(shape, Radial((x - 6, y - 5), 26, ((0, lighter(tone, 0.4)), (1, darker(tone, 0.35)))))
    crease = path(
        f"M {x - 16} {y} C {x - 4} {y - 7} {x + 4} {y + 7} {x + 16} {y} C {x + 4} {y + 10} {x - 4} {y - 3} {x - 16} {y} Z"
    )
    c.fill(crease.turned(turn, (x, y)), darker(tone, 0.6))


def _almond(c: Canvas, x: float, y: float, turn: float) -> None:
    shape = path(
        f"M {x - 30} {y} C {x - 20} {y - 22} {x + 10} {y - 18} {x + 30} {y} C {x + 10} {y + 18} {x - 20} {y + 22} {x - 30} {y} Z"
    ).turned(turn, (x, y))
    c.soft(shape.moved(2, 7), (40, 20, 10), blur=5, opacity=0.45)
    c.fill(shape, vertical(y - 20, y + 20, rgb("#d39a5f"), rgb("#8a5126")))
    for shift in (-6, 0, 6):
        c.stroke(
            [(x - 24, y + shift * 0.5), (x, y + shift), (x + 22, y + shift * 0.4)],
            rgb("#6d3d1c"),
            width=1.5,
            opacity=0.5,
            clip=shape,
        )
