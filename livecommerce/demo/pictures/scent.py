"""Pictures of Bayt Al Bakhoor's perfume, incense and skin care."""

from __future__ import annotations

import math

from livecommerce.demo.pictures.backdrops import bakhoor, cast_shadow
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
    Outline,
    box,
    ellipse,
    leaf,
    path,
    star,
    trace,
    turned_on_lathe,
)

_GOLD = rgb("#d8a240")
_FLOOR = 652
_WHITE = (255, 255, 255)


def oud_malaki(c: Canvas) -> None:
    bakhoor(c, 0)
    cast_shadow(c, 400, _FLOOR, 150)
    flask = turned_on_lathe(
        "M 400 316 H 436 C 440 330 500 338 530 362 C 552 380 556 400 554 430 L 540 624 "
        "C 538 644 524 654 500 654 H 400"
    )
    amber = rgb("#a5480f")
    c.fill(flask, _glass(246, 554, amber))
    juice = turned_on_lathe("M 400 420 H 536 L 522 616 C 520 630 512 636 496 636 H 400")
    c.fill(
        juice,
        Linear(
            (264, 420),
            (536, 640),
            ((0, rgb("#f7b955")), (0.5, rgb("#c8651b")), (1, rgb("#6f260a"))),
        ),
    )
    c.fill(ellipse(400, 420, 135, 9), rgb("#ffd58a"), opacity=0.8)
    plate = box(318, 448, 164, 138, 6)
    c.fill(plate, _metal(318, 482))
    c.fill(box(326, 456, 148, 122, 4), rgb("#2a120b"))
    c.fill(star(400, 504, points=8, outer=34, inner=25), _metal(366, 434))
    c.fill(star(400, 504, points=8, outer=24, inner=17), rgb("#2a120b"))
    c.fill(ellipse(400, 504, 8), _GOLD)
    for y, half in ((550, 42), (562, 26)):
        c.stroke([(400 - half, y), (400 + half, y)], _GOLD, width=3)
    _gleam(
        c,
        "M 268 400 C 266 372 300 352 330 346 L 318 372 C 296 380 288 396 288 420 L 296 600 H 284 Z",
        flask,
    )
    c.fill(box(352, 286, 96, 34, 6), _metal(352, 448))
    stopper = turned_on_lathe(
        "M 400 126 C 414 150 428 166 452 184 C 470 200 470 240 448 262 C 440 272 440 280 440 288 H 400"
    )
    c.fill(stopper, _metal(330, 470))
    for degrees in (-40, -20, 0, 20, 40):
        line = trace(
            f"M 400 136 C {400 + degrees * 1.6} 180 {400 + degrees * 1.6} 240 {400 + degrees} 284"
        )
        c.stroke(line, darker(_GOLD, 0.5), width=2, opacity=0.5, clip=stopper)
    c.soft(ellipse(372, 204, 9, 28), _WHITE, blur=5, opacity=0.8)
    for x, y, turn, size in ((214, 664, -18, 1.0), (592, 676, 24, 1.15), (636, 648, 70, 0.7)):
        _oud_chip(c, x, y, turn, size)


def musk_oil(c: Canvas) -> None:
    bakhoor(c, 2)
    cast_shadow(c, 400, _FLOOR, 84)
    glass = turned_on_lathe(
        "M 400 352 H 444 C 474 360 482 380 482 404 V 620 C 482 642 470 652 448 652 H 400"
    )
    c.fill(
        glass,
        Linear(
            (318, 0),
            (482, 0),
            (
                (0, rgb("#b7a37f")),
                (0.2, rgb("#fbf5e6")),
                (0.5, rgb("#efe3c6")),
                (0.85, rgb("#c6b086")),
                (1, rgb("#e9dcbd")),
            ),
        ),
    )
    oil = turned_on_lathe("M 400 432 H 468 V 612 C 468 630 460 638 442 638 H 400")
    c.fill(
        oil,
        Linear(
            (332, 0),
            (468, 0),
            (
                (0, rgb("#d8b668")),
                (0.3, rgb("#fff3c9")),
                (0.7, rgb("#ecd189")),
                (1, rgb("#b48c3c")),
            ),
        ),
        opacity=0.85,
    )
    c.fill(ellipse(400, 432, 68, 7), rgb("#fff6d8"))
    label = box(318, 478, 164, 108)
    c.fill(
        label,
        horizontal(318, 482, rgb("#e4d7c4"), rgb("#fffdf8"), rgb("#fff8ee"), rgb("#cdbda6")),
        clip=glass,
    )
    c.fill(star(400, 518, points=8, outer=22, inner=16), _GOLD)
    c.fill(star(400, 518, points=8, outer=13, inner=9), rgb("#fffaf0"))
    c.stroke([(364, 560), (436, 560)], rgb("#a08a66"), width=3)
    c.stroke([(376, 570), (424, 570)], rgb("#a08a66"), width=2)
    _gleam(c, "M 334 400 C 334 384 344 374 356 370 L 352 620 C 340 616 334 610 334 600 Z", glass)
    c.fill(box(350, 320, 100, 36, 6), _metal(350, 450))
    cap = turned_on_lathe("M 400 176 C 430 178 450 190 452 214 L 456 322 H 400")
    c.fill(cap, _metal(344, 456))
    for y in (238, 246, 300, 308):
        c.stroke(
            trace(f"M 345 {y} C 370 {y + 7} 430 {y + 7} 455 {y}"),
            darker(_GOLD, 0.5),
            width=2.4,
            opacity=0.5,
        )
    c.soft(ellipse(374, 216, 8, 24), _WHITE, blur=5, opacity=0.8)
    for x, y, size in ((236, 640, 46), (580, 654, 38), (284, 668, 26)):
        _cotton_flower(c, x, y, size)


def bakhoor_tin(c: Canvas) -> None:
    bakhoor(c, 3)
    cast_shadow(c, 400, 664, 190)
    tin = rgb("#8e3b2f")
    wall = path("M 214 470 V 630 C 214 690 586 690 586 630 V 470 Z")
    c.fill(wall, rounded(214, 586, tin, shine=0.35))
    for step in range(13):
        share = -0.96 + step * 0.16
        x = 400 + 186 * math.sin(share * math.pi / 2)
        squash = max(0.12, math.cos(share * math.pi / 2))
        y = 580 + 44 * math.cos(share * math.pi / 2)
        shape = star(x, y - 18, points=8, outer=24, inner=17).scaled(squash, (x, y), 1)
        hole = star(x, y - 18, points=8, outer=14, inner=10).scaled(squash, (x, y), 1)
        c.fill(shape.with_hole(hole), _GOLD, opacity=0.92, clip=wall)
    for y in (500, 632):
        c.stroke(trace(f"M 215 {y} C 215 {y + 58} 585 {y + 58} 585 {y}"), _metal(214, 586), width=7)
    c.fill(ellipse(400, 470, 186, 48), _metal(214, 586))
    c.fill(ellipse(400, 470, 174, 42), rgb("#2b1510"))
    heap = path(
        "M 234 472 C 260 420 320 400 400 396 C 480 400 540 420 566 472 C 540 506 260 506 234 472 Z"
    )
    c.fill(heap, Radial((380, 430), 190, ((0, rgb("#6d4023")), (1, rgb("#2b160c")))))
    for x, y, turn, size in (
        (290, 456, -20, 0.8),
        (344, 424, 30, 0.9),
        (404, 410, -12, 1.0),
        (460, 426, 40, 0.9),
        (514, 456, 12, 0.8),
        (370, 462, 8, 0.95),
        (438, 464, -30, 0.9),
    ):
        _oud_chip(c, x, y, turn, size)
    c.soft(ellipse(604, 672, 100, 16), (20, 6, 4), blur=9, opacity=0.6)
    lid = ellipse(604, 560, 96, 112).turned(14, (604, 560))
    c.fill(lid.moved(10, 4), darker(tin, 0.5))
    c.fill(
        lid,
        Linear(
            (530, 470), (700, 680), ((0, lighter(tin, 0.35)), (0.5, tin), (1, darker(tin, 0.4)))
        ),
    )
    c.fill(lid.with_hole(ellipse(604, 560, 84, 100).turned(14, (604, 560))), _metal(518, 710))
    medal = star(604, 560, points=8, outer=60, inner=46, turn=14)
    c.fill(medal, _metal(554, 674))
    c.fill(star(604, 560, points=8, outer=46, inner=34, turn=14), tin)
    c.fill(star(604, 560, points=8, outer=26, inner=14, turn=14), _metal(588, 640))
    _smoke(c, 400, 400, reach=270)


def mabkhara(c: Canvas) -> None:
    bakhoor(c, 2)
    cast_shadow(c, 400, 660, 130)
    glaze = rgb("#efe6d6")
    foot = turned_on_lathe(
        "M 400 560 H 440 C 452 600 500 620 520 642 C 522 658 512 664 490 664 H 400"
    )
    c.fill(foot, rounded(278, 522, glaze, shine=0.7))
    bowl = turned_on_lathe(
        "M 400 372 H 536 C 540 372 542 380 538 388 C 520 470 490 520 452 546 C 442 556 440 566 440 572 H 400"
    )
    c.fill(bowl, rounded(262, 538, glaze, shine=0.7))
    for step in range(9):
        share = -0.88 + step * 0.22
        x = 400 + 118 * math.sin(share * math.pi / 2)
        squash = max(0.2, math.cos(share * math.pi / 2))
        window = star(x, 440, points=8, outer=19, inner=13.5).scaled(squash, (x, 440), 1)
        c.soft(window, rgb("#ff9d3c"), blur=7, opacity=0.55)
        c.fill(window, Radial((x, 452), 30, ((0, rgb("#ffdf8a")), (1, rgb("#d9621f")))))
    band = path("M 300 492 C 350 508 450 508 500 492 L 494 504 C 450 520 350 520 306 504 Z")
    c.fill(band, _metal(300, 500))
    for x, y, h in ((262, 372, 66), (538, 372, 66)):
        side = 1 if x > 400 else -1
        horn = path(f"M {x} {y + 12} L {x + 14 * side} {y - h} L {x - 44 * side} {y + 6} Z")
        c.fill(
            horn,
            Linear(
                (x - 40, 0),
                (x + 40, 0),
                ((0, darker(glaze, 0.1)), (0.4, lighter(glaze, 0.6)), (1, darker(glaze, 0.3))),
            ),
        )
        knob = (x + 14 * side, y - h)
        c.fill(
            ellipse(*knob, 9),
            Radial(
                (knob[0] - 3, knob[1] - 4),
                13,
                ((0, lighter(_GOLD, 0.7)), (0.4, _GOLD), (1, darker(_GOLD, 0.5))),
            ),
        )
    c.fill(ellipse(400, 374, 138, 30), _metal(262, 538))
    c.fill(ellipse(400, 374, 126, 24), rgb("#2b1510"))
    for x, y, r in ((362, 372, 30), (420, 366, 34), (446, 378, 24), (388, 380, 26)):
        c.fill(
            ellipse(x, y - 6, r, r * 0.56),
            Radial(
                (x - 6, y - 12),
                r * 1.3,
                ((0, rgb("#ffcf70")), (0.4, rgb("#e2551c")), (1, rgb("#3a1710"))),
            ),
        )
    c.soft(ellipse(400, 360, 90, 22), rgb("#ff8a2c"), blur=18, opacity=0.7)
    _oud_chip(c, 400, 356, -14, 0.9)
    _smoke(c, 400, 340, reach=290)


def rose_serum(c: Canvas) -> None:
    bakhoor(c, 1)
    cast_shadow(c, 400, _FLOOR, 104)
    glass = turned_on_lathe(
        "M 400 366 H 440 C 486 374 500 396 500 424 V 618 C 500 642 488 652 462 652 H 400"
    )
    rose = rgb("#e88a96")
    c.fill(
        glass,
        Linear(
            (300, 0),
            (500, 0),
            (
                (0, darker(rose, 0.3)),
                (0.16, lighter(rose, 0.55)),
                (0.45, lighter(rose, 0.2)),
                (0.8, darker(rose, 0.12)),
                (0.93, lighter(rose, 0.3)),
                (1, darker(rose, 0.2)),
            ),
        ),
    )
    c.fill(
        turned_on_lathe("M 400 440 H 488 V 612 C 488 634 476 640 456 640 H 400"),
        vertical(440, 640, lighter(rose, 0.25), darker(rose, 0.2)),
        opacity=0.7,
    )
    c.fill(ellipse(400, 440, 88, 8), lighter(rose, 0.6))
    label = box(300, 478, 200, 112)
    c.fill(
        label,
        horizontal(300, 500, rgb("#e9d6d2"), rgb("#fffaf7"), rgb("#fff6f2"), rgb("#d3b7b4")),
        clip=glass,
    )
    _rose(c, 400, 516, 26)
    c.stroke([(356, 558), (444, 558)], rgb("#b8757c"), width=3)
    c.stroke([(372, 570), (428, 570)], rgb("#b8757c"), width=2)
    _gleam(c, "M 316 424 C 316 404 326 392 340 388 L 336 624 C 322 620 316 612 316 600 Z", glass)
    c.fill(box(346, 310, 108, 60, 8), _metal(346, 454))
    for step in range(11):
        x = 400 + 52 * math.sin((-0.9 + step * 0.18) * math.pi / 2)
        c.stroke([(x, 316), (x, 364)], darker(_GOLD, 0.5), width=2, opacity=0.4)
    bulb = turned_on_lathe("M 400 168 C 434 170 446 206 440 246 C 438 276 432 300 432 312 H 400")
    c.fill(bulb, rounded(358, 442, rgb("#fbeeee"), shine=0.8))
    c.soft(ellipse(384, 220, 8, 30), _WHITE, blur=5, opacity=0.9)
    _rose(c, 238, 628, 62)
    _rose(c, 570, 650, 44)
    for x, y, turn in ((312, 672, 20), (500, 684, -24), (634, 640, 50), (186, 670, -10)):
        c.soft(leaf(x, y + 6, 46, 15, turn), (40, 8, 10), blur=5, opacity=0.4)
        c.fill(leaf(x, y, 46, 15, turn), vertical(y - 20, y + 20, rgb("#ffc3c7"), rgb("#d9606f")))


def date_cream(c: Canvas) -> None:
    bakhoor(c, 3)
    cast_shadow(c, 380, 656, 180)
    jar = rgb("#7a3d22")
    wall = path("M 206 470 V 606 C 206 676 554 676 554 606 V 470 Z")
    c.fill(wall, _glass(206, 554, jar))
    c.fill(wall, rounded(206, 554, jar, shine=0.35), opacity=0.75)
    label = path("M 206 508 C 206 562 554 562 554 508 V 590 C 554 646 206 646 206 590 Z")
    c.fill(
        label, horizontal(206, 554, rgb("#d9c6a5"), rgb("#fff9ea"), rgb("#fdf2dc"), rgb("#bfa67e"))
    )
    for x, turn in ((380, -90), (380, -52), (380, -128)):
        c.fill(leaf(x, 610, 56, 10, turn), rgb("#5f7a3c"))
    c.fill(ellipse(380, 608, 12, 17), rgb("#7a3d22"))
    c.fill(ellipse(380, 470, 174, 44), _metal(206, 554))
    c.fill(ellipse(380, 470, 162, 38), rgb("#fff4e2"))
    cream = path(
        "M 226 470 C 250 430 300 444 330 424 C 360 400 400 384 414 408 C 426 430 394 436 420 446 C 470 440 520 446 534 470 C 510 512 250 512 226 470 Z"
    )
    c.fill(
        cream,
        Linear((240, 400), (520, 520), ((0, _WHITE), (0.5, rgb("#fff1d9")), (1, rgb("#e6c79c")))),
    )
    for swirl in (
        "M 268 474 C 320 440 400 450 440 462",
        "M 300 488 C 370 466 440 472 490 474",
        "M 352 432 C 376 414 396 404 404 412",
    ):
        c.stroke(trace(swirl), rgb("#d9b88a"), width=5, opacity=0.55)
        c.stroke([(x, y - 4) for x, y in trace(swirl)], _WHITE, width=4, opacity=0.8)
    c.soft(ellipse(590, 672, 92, 15), (20, 6, 4), blur=9, opacity=0.6)
    lid = ellipse(586, 570, 100, 104)
    c.fill(lid.moved(-16, 4), _metal(480, 690))
    c.fill(
        lid,
        Linear((520, 520), (690, 700), ((0, lighter(jar, 0.5)), (0.5, jar), (1, darker(jar, 0.4)))),
    )
    c.fill(ellipse(586, 570, 76, 80).with_hole(ellipse(586, 570, 72, 76)), _GOLD)
    for turn in (-90, -50, -130):
        c.fill(leaf(586, 598, 64, 11, turn), _GOLD)
    c.fill(ellipse(586, 596, 11, 16), _GOLD)
    for x, y, turn in ((176, 648, 20), (250, 682, -16), (330, 694, 12)):
        date = ellipse(x, y, 40, 19).turned(turn, (x, y))
        c.soft(date.moved(4, 9), (20, 6, 4), blur=6, opacity=0.6)
        c.fill(
            date,
            Radial(
                (x - 12, y - 8),
                50,
                ((0, rgb("#c77c42")), (0.5, rgb("#6b2f17")), (1, rgb("#35130a"))),
            ),
        )
        c.soft(ellipse(x - 10, y - 7, 14, 4).turned(turn, (x, y)), _WHITE, blur=3, opacity=0.6)


def _metal(left: float, right: float) -> Linear:
    light = lighter(_GOLD, 0.7)
    return Linear(
        (left, 0),
        (right, 0),
        (
            (0, darker(_GOLD, 0.5)),
            (0.18, mix(_GOLD, light, 0.3)),
            (0.32, light),
            (0.46, _GOLD),
            (0.7, darker(_GOLD, 0.42)),
            (0.88, mix(_GOLD, light, 0.4)),
            (1, darker(_GOLD, 0.4)),
        ),
    )


def _glass(left: float, right: float, tint: Colour) -> Linear:
    return Linear(
        (left, 0),
        (right, 0),
        (
            (0, darker(tint, 0.35)),
            (0.08, lighter(tint, 0.45)),
            (0.2, lighter(tint, 0.12)),
            (0.7, darker(tint, 0.25)),
            (0.93, lighter(tint, 0.3)),
            (1, darker(tint, 0.4)),
        ),
    )


def _gleam(c: Canvas, drawing: str, clip: Outline) -> None:
    """The window's reflection in glass."""
    c.soft(path(drawing), _WHITE, blur=3, opacity=0.55, clip=clip)


def _smoke(c: Canvas, x: float, y: float, *, reach: float) -> None:
    for dx, sway, opacity in ((-16, 70, 0.34), (12, -84, 0.28), (0, 40, 0.24)):
        wisp = path(
            f"M {x + dx} {y} C {x + dx - sway} {y - reach * 0.3} {x + dx + sway} {y - reach * 0.6} "
            f"{x + dx - sway * 0.3} {y - reach} C {x + dx + sway + 40} {y - reach * 0.6} "
            f"{x + dx - sway + 34} {y - reach * 0.3} {x + dx + 10} {y} Z"
        )
        c.soft(wisp, (255, 244, 230), blur=11, opacity=opacity)


def _oud_chip(c: Canvas, x: float, y: float, turn: float, size: float) -> None:
    wood = rgb("#7a4a28")
    chip = path("M -46 -6 L -20 -20 L 30 -16 L 48 0 L 26 16 L -30 18 Z")
    chip = chip.scaled(size, (0, 0)).turned(turn, (0, 0)).moved(x, y)
    c.soft(chip.moved(3, 8), (20, 6, 4), blur=5, opacity=0.6)
    c.fill(
        chip,
        Linear(
            (x, y - 20 * size),
            (x, y + 20 * size),
            ((0, lighter(wood, 0.3)), (0.5, wood), (1, darker(wood, 0.6))),
        ),
    )
    for shift in (-6, 2, 9):
        grain = [(-38, shift), (0, shift - 3), (36, shift + 1)]
        line = Outline((tuple(grain),)).scaled(size, (0, 0)).turned(turn, (0, 0)).moved(x, y)
        c.stroke(line.contours[0], darker(wood, 0.6), width=2 * size, opacity=0.6, clip=chip)


def _cotton_flower(c: Canvas, x: float, y: float, size: float) -> None:
    c.soft(ellipse(x + 4, y + size * 0.6, size, size * 0.3), (20, 6, 4), blur=7, opacity=0.55)
    for step in range(5):
        angle = math.radians(step * 72 - 90)
        px, py = x + size * 0.5 * math.cos(angle), y + size * 0.42 * math.sin(angle)
        c.fill(
            ellipse(px, py, size * 0.52, size * 0.44),
            Radial(
                (px - size * 0.15, py - size * 0.2), size * 0.8, ((0, _WHITE), (1, rgb("#dccbb4")))
            ),
        )
    c.fill(
        ellipse(x, y, size * 0.22),
        Radial((x, y), size * 0.24, ((0, rgb("#ffe08a")), (1, rgb("#c98f2e")))),
    )


def _rose(c: Canvas, x: float, y: float, size: float) -> None:
    """A rose from above: rings of petals, each ring smaller, darker and turned."""
    base = rgb("#e0566c")
    c.soft(
        ellipse(x + 4, y + size * 0.5, size, size * 0.5), (40, 6, 12), blur=size * 0.16, opacity=0.4
    )
    for ring, (count, reach, petal) in enumerate(
        ((7, 0.6, 0.5), (6, 0.42, 0.42), (5, 0.24, 0.34), (3, 0.1, 0.24))
    ):
        for step in range(count):
            angle = math.radians(step * 360 / count + ring * 27)
            px, py = x + size * reach * math.cos(angle), y + size * reach * 0.86 * math.sin(angle)
            r = size * petal
            tone = mix(lighter(base, 0.5), darker(base, 0.25), ring / 4)
            c.fill(
                ellipse(px, py, r, r * 0.86),
                Radial(
                    (px + r * 0.3 * math.cos(angle), py + r * 0.3 * math.sin(angle)),
                    r * 1.25,
                    ((0, tone), (0.7, lighter(tone, 0.22)), (1, darker(tone, 0.22))),
                ),
            )
    c.stroke(
        [
            (x + size * 0.1 * t * math.cos(t * 2.4), y + size * 0.09 * t * math.sin(t * 2.4))
            for t in (0.3, 0.6, 0.9, 1.2, 1.5, 1.8)
        ],
        darker(base, 0.5),
        width=max(1.2, size * 0.035),
        opacity=0.7,
    )
