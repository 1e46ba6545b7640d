"""Pictures of Nakheel's kitchen ware and textiles."""

from __future__ import annotations

import math

from livecommerce.demo.pictures.backdrops import cast_shadow, nakheel
from livecommerce.demo.pictures.canvas import (
    Canvas,
    Colour,
    Linear,
    Radial,
    darker,
    horizontal,
    lighter,
    rgb,
    rounded,
    vertical,
)
from livecommerce.demo.pictures.hospitality import brass
from livecommerce.demo.pictures.outlines import (
    Outline,
    arch,
    box,
    ellipse,
    leaf,
    path,
    star,
    trace,
    turned_on_lathe,
)

_WHITE = (255, 255, 255)
_WOOD = rgb("#a06a3a")


def karak_flask(c: Canvas) -> None:
    nakheel(c, 0)
    cast_shadow(c, 366, 700, 128)
    green = rgb("#2f6b52")
    handle = path(
        "M 460 300 C 560 296 590 360 584 440 C 580 520 540 570 470 574 V 540 C 520 534 548 500 552 436 C 556 372 530 334 460 336 Z"
    )
    c.fill(
        handle,
        Linear(
            (460, 0),
            (586, 0),
            ((0, darker(green, 0.5)), (0.5, lighter(green, 0.1)), (1, darker(green, 0.3))),
        ),
    )
    body = turned_on_lathe(
        "M 366 286 H 440 C 470 310 490 350 490 400 V 668 C 490 690 480 700 458 700 H 366", axis=366
    )
    c.fill(body, rounded(242, 490, green, shine=0.45))
    for y in (388, 640):
        c.stroke(
            trace(f"M 242 {y} C 300 {y + 12} 432 {y + 12} 490 {y}"),
            rgb("#d9a94a"),
            width=6,
            clip=body,
        )
    for step in range(7):
        share = -0.84 + step * 0.28
        x = 366 + 122 * math.sin(share * math.pi / 2)
        squash = max(0.2, math.cos(share * math.pi / 2))
        for y, outer in ((516, 40), (516, 22)):
            shape = star(x, y, points=8, outer=outer, inner=outer * 0.74).scaled(squash, (x, y), 1)
            hole = star(x, y, points=8, outer=outer - 5, inner=(outer - 5) * 0.74).scaled(
                squash, (x, y), 1
            )
            c.fill(shape.with_hole(hole), rgb("#e6c473"), opacity=0.85, clip=body)
    spout = path("M 300 262 C 262 254 236 232 214 214 L 232 196 C 256 206 300 214 320 226 Z")
    c.fill(
        spout, Linear((214, 200), (300, 262), ((0, lighter(green, 0.35)), (1, darker(green, 0.4))))
    )
    shoulder = turned_on_lathe("M 366 214 H 420 C 440 222 450 250 452 290 H 366", axis=366)
    c.fill(shoulder, rounded(280, 452, rgb("#f3ead8"), shine=0.7))
    c.fill(turned_on_lathe("M 366 156 C 392 158 404 176 406 216 H 366", axis=366), brass(326, 406))
    c.soft(ellipse(290, 500, 9, 120), _WHITE, blur=8, opacity=0.4, clip=body)
    glass = path("M 566 566 L 580 706 H 648 L 662 566 Z")
    c.soft(ellipse(620, 706, 54, 10), (40, 20, 8), blur=7, opacity=0.6)
    c.fill(glass, _WHITE, opacity=0.35)
    tea = path("M 570 596 L 581 700 H 647 L 658 596 Z")
    c.fill(
        tea,
        Linear(
            (566, 0), (662, 0), ((0, rgb("#8f4f23")), (0.3, rgb("#d99a5c")), (1, rgb("#a55f2c")))
        ),
    )
    c.fill(ellipse(614, 596, 44, 9), rgb("#e6b27c"))
    c.fill(ellipse(614, 566, 48, 10).with_hole(ellipse(614, 566, 45, 8)), _WHITE, opacity=0.8)
    c.soft(box(582, 584, 7, 104, 3), _WHITE, blur=2, opacity=0.6)
    for dx, sway in ((-12, 30), (14, -34)):
        wisp = path(
            f"M {614 + dx} 560 C {614 + dx - sway} 510 {614 + dx + sway} 470 {614 + dx} 410 C {634 + dx + sway} 470 {634 + dx - sway} 510 {622 + dx} 560 Z"
        )
        c.soft(wisp, _WHITE, blur=8, opacity=0.55)
    for x, y, turn in ((130, 716, -12), (176, 736, 18)):
        c.soft(leaf(x, y + 6, 50, 14, turn), (40, 20, 8), blur=5, opacity=0.4)
        c.fill(leaf(x, y, 50, 14, turn), vertical(y - 14, y + 14, rgb("#c9d79a"), rgb("#7d9450")))


def kabsa_pot(c: Canvas) -> None:
    nakheel(c, 2)
    cast_shadow(c, 400, 700, 250)
    stone = rgb("#4a5560")
    for side in (-1, 1):
        grip = path(
            f"M {400 + 238 * side} 492 C {400 + 330 * side} 476 {400 + 330 * side} 566 {400 + 236 * side} 552 L {400 + 238 * side} 532 C {400 + 296 * side} 540 {400 + 296 * side} 506 {400 + 240 * side} 512 Z"
        )
        c.fill(grip, vertical(480, 560, rgb("#d9a066"), rgb("#7a4a22")))
    body = path("M 150 470 V 620 C 150 680 200 704 400 704 C 600 704 650 680 650 620 V 470 Z")
    c.fill(body, rounded(150, 650, stone, shine=0.32))
    seed = 7
    for _ in range(170):
        # A fixed little generator: the specks of granite must not move between two renderings.
        seed = (seed * 1103515245 + 12345) % 2**31
        x, y = 156 + seed % 488, 500 + (seed >> 9) % 196
        c.fill(
            ellipse(x, y, 1.4 + (seed >> 4) % 3 * 0.6), lighter(stone, 0.6), opacity=0.5, clip=body
        )
    c.fill(ellipse(400, 470, 250, 58), lighter(stone, 0.35))
    c.fill(ellipse(400, 470, 240, 52), darker(stone, 0.55))
    rice = path(
        "M 172 474 C 220 420 300 384 400 380 C 500 384 580 420 628 474 C 600 510 500 522 400 522 C 300 522 200 510 172 474 Z"
    )
    c.fill(
        rice,
        Radial(
            (370, 420), 260, ((0, rgb("#ffe1a0")), (0.6, rgb("#e9ab4c")), (1, rgb("#a9641f"))), 0.6
        ),
    )
    seed = 11
    for index in range(260):
        seed = (seed * 1103515245 + 12345) % 2**31
        x, y = 190 + seed % 420, 388 + (seed >> 8) % 124
        tone = (rgb("#fff1cf"), rgb("#f4bf63"), rgb("#c9792b"))[index % 3]
        c.fill(ellipse(x, y, 8, 2.6).turned(seed % 180, (x, y)), tone, opacity=0.75, clip=rice)
    for x, y, turn, size in ((340, 424, -18, 1.0), (448, 416, 26, 1.05)):
        _drumstick(c, x, y, turn, size)
    for x, y in ((262, 462), (520, 466), (398, 470), (306, 494), (472, 494)):
        c.fill(
            ellipse(x, y, 12, 9),
            Radial((x - 3, y - 3), 15, ((0, rgb("#e05a3a")), (1, rgb("#8f2415")))),
        )
    for x, y, turn in (
        (384, 388, -60),
        (406, 392, -110),
        (540, 440, 10),
        (232, 446, 170),
        (420, 484, 30),
    ):
        c.fill(leaf(x, y, 30, 10, turn), vertical(y - 12, y + 12, rgb("#7fa84a"), rgb("#3f6b2a")))
    c.stroke(
        trace("M 150 474 C 156 540 644 540 650 474"), lighter(stone, 0.4), width=4, opacity=0.6
    )
    for dx, sway in ((-80, 50), (0, -60), (84, 46)):
        wisp = path(
            f"M {400 + dx} 390 C {400 + dx - sway} 310 {400 + dx + sway} 240 {400 + dx} 140 C {436 + dx + sway} 240 {436 + dx - sway} 310 {414 + dx} 390 Z"
        )
        c.soft(wisp, _WHITE, blur=15, opacity=0.5)


def spice_set(c: Canvas) -> None:
    nakheel(c, 3)
    cast_shadow(c, 400, 712, 300)
    spices = (
        rgb("#a9b86a"),
        rgb("#d8541f"),
        rgb("#4b3524"),
        rgb("#eab02d"),
        rgb("#9a5a2c"),
        rgb("#b9432b"),
    )
    for shelf in (0, 1):
        floor = 440 + shelf * 248
        for column in range(3):
            _jar(c, 222 + column * 178, floor, spices[shelf * 3 + column])
        board = box(104, floor, 592, 26, 6)
        c.soft(board.moved(8, 14), (40, 24, 8), blur=9, opacity=0.4)
        c.fill(board, vertical(floor, floor + 26, lighter(_WOOD, 0.35), darker(_WOOD, 0.15)))
        for grain in (8, 17):
            c.stroke(
                [(120, floor + grain), (420, floor + grain + 1), (680, floor + grain - 1)],
                darker(_WOOD, 0.4),
                width=1.6,
                opacity=0.4,
            )
        rail = box(104, floor - 62, 592, 12, 6)
        c.fill(rail, vertical(floor - 62, floor - 50, lighter(_WOOD, 0.4), darker(_WOOD, 0.25)))
    for x in (92, 684):
        c.fill(
            box(x, 150, 24, 572, 8),
            horizontal(x, x + 24, lighter(_WOOD, 0.3), _WOOD, darker(_WOOD, 0.3)),
        )
        c.fill(
            ellipse(x + 12, 148, 15),
            Radial((x + 7, 142), 20, ((0, lighter(_WOOD, 0.5)), (1, darker(_WOOD, 0.25)))),
        )


def sadu_cushions(c: Canvas) -> None:
    nakheel(c, 2)
    cast_shadow(c, 400, 652, 262)
    back = _cushion_shape().turned(9, (400, 400)).scaled(0.86, (400, 690)).moved(118, 20)
    c.soft(back.moved(14, 16), (50, 20, 14), blur=16, opacity=0.4)
    _sadu(c, back, rgb("#2d3f72"), rgb("#efe4cf"), turn=9, centre=(506, 472), size=0.86)
    front = _cushion_shape().turned(-7, (400, 400)).scaled(0.92, (400, 690)).moved(-96, 34)
    c.soft(front.moved(16, 14), (50, 20, 14), blur=18, opacity=0.5)
    _sadu(c, front, rgb("#a8322a"), rgb("#f4e8d2"), turn=-7, centre=(302, 482), size=0.92)


def prayer_mat(c: Canvas) -> None:
    nakheel(c, 1)
    cast_shadow(c, 400, 726, 200, opacity=0.4)
    green = rgb("#1f5a4a")
    gold = rgb("#dcb35c")
    rug = box(214, 96, 372, 612, 6)
    c.soft(rug.moved(20, 18), (40, 30, 10), blur=16, opacity=0.4)
    for step in range(38):
        x = 220 + step * 9.8
        for y, end in ((98, 78), (704, 724)):
            c.stroke([(x, y), (x + (step % 3 - 1) * 1.5, end)], rgb("#efe1c0"), width=3)
    c.fill(
        rug,
        Linear(
            (214, 96), (586, 708), ((0, lighter(green, 0.2)), (0.5, green), (1, darker(green, 0.3)))
        ),
    )
    for inset, width, tone in ((12, 4, gold), (24, 26, darker(green, 0.35)), (56, 4, gold)):
        frame = box(214 + inset, 96 + inset, 372 - 2 * inset, 612 - 2 * inset, 4)
        hole = box(
            214 + inset + width,
            96 + inset + width,
            372 - 2 * (inset + width),
            612 - 2 * (inset + width),
            3,
        )
        c.fill(frame.with_hole(hole), tone)
    for step in range(12):
        x = 251 + step * 27.1
        for edge in (133, 671):
            c.fill(star(x, edge, points=8, outer=10, inner=7), gold)
    for step in range(19):
        row = 160 + step * 27.2
        for side in (251, 549):
            c.fill(star(side, row, points=8, outer=10, inner=7), gold)
    niche = path("M 290 640 V 360 C 290 300 330 270 400 200 C 470 270 510 300 510 360 V 640 Z")
    c.fill(niche.with_hole(niche.scaled(0.965, (400, 440))), gold)
    c.fill(
        niche.scaled(0.95, (400, 440)),
        Linear((290, 200), (510, 640), ((0, lighter(green, 0.32)), (1, darker(green, 0.15)))),
    )
    for side in (-1, 1):
        c.fill(arch(400 + side * 74 - 14, 400, 28, 628), gold, opacity=0.85)
        c.fill(arch(400 + side * 74 - 9, 406, 18, 628), green)
        for y in (196, 244):
            c.fill(
                star(
                    400 + side * 86,
                    y + 14,
                    points=8,
                    outer=20 - (y > 200) * 6,
                    inner=14 - (y > 200) * 4,
                ),
                gold,
                opacity=0.9,
            )
    c.stroke([(400, 232), (400, 330)], gold, width=3)
    lamp = turned_on_lathe(
        "M 400 326 C 420 334 424 350 418 362 C 436 376 436 404 418 416 C 412 424 408 434 400 446"
    )
    c.soft(lamp, rgb("#ffe9a8"), blur=16, opacity=0.6)
    c.fill(lamp, brass(364, 436))
    c.fill(ellipse(400, 388, 12, 16), rgb("#fff1bf"))
    for turn in range(0, 360, 45):
        c.fill(leaf(400, 540, 54, 13, turn), gold, opacity=0.85)
    c.fill(ellipse(400, 540, 13), rgb("#f6e3b0"))
    for fold in (250, 470):
        c.soft(box(214, fold, 372, 10), _WHITE, blur=12, opacity=0.16, clip=rug)
    roll = box(196, 690, 408, 46, 23)
    c.soft(roll.moved(6, 12), (40, 30, 10), blur=9, opacity=0.45)
    c.fill(roll, vertical(690, 736, lighter(green, 0.3), green, darker(green, 0.5)))
    for x in (286, 500):
        c.fill(box(x, 688, 16, 50, 4), vertical(688, 738, lighter(gold, 0.3), darker(gold, 0.3)))


def _cushion_shape() -> Outline:
    return path(
        "M 190 188 C 270 214 530 214 610 188 C 640 178 652 190 642 220 C 616 300 616 500 642 580 "
        "C 652 610 640 622 610 612 C 530 586 270 586 190 612 C 160 622 148 610 158 580 "
        "C 184 500 184 300 158 220 C 148 190 160 178 190 188 Z"
    )


def _sadu(
    c: Canvas,
    shape: Outline,
    ground: Colour,
    thread: Colour,
    *,
    turn: float,
    centre: tuple[float, float],
    size: float,
) -> None:
    """Weave the bands, teeth and diamonds of Sadu over a cushion."""
    cx, cy = centre
    black = rgb("#2a1c1a")
    c.fill(shape, ground)

    def put(band: Outline, tone: Colour) -> None:
        c.fill(band.scaled(size, (0, 0)).turned(turn, (0, 0)).moved(cx, cy), tone, clip=shape)

    for y, height, tone in (
        (-176, 12, black),
        (-158, 5, thread),
        (-66, 6, black),
        (60, 6, black),
        (153, 5, thread),
        (164, 12, black),
    ):
        put(box(-300, y, 600, height), tone)
    for step in range(-8, 9):
        x = step * 34
        put(path(f"M {x - 17} -76 L {x} -140 L {x + 17} -76 Z"), thread)
        put(path(f"M {x - 17} 76 L {x} 140 L {x + 17} 76 Z"), thread)
        put(path(f"M {x - 8} -78 L {x} -108 L {x + 8} -78 Z"), black)
        put(path(f"M {x - 8} 78 L {x} 108 L {x + 8} 78 Z"), black)
    for step in range(-3, 4):
        x = step * 92
        for reach, tone in ((46, thread), (34, black), (22, rgb("#e0a03a")), (10, thread)):
            put(
                path(
                    f"M {x} {-reach * 1.15} L {x + reach} 0 L {x} {reach * 1.15} L {x - reach} 0 Z"
                ),
                tone,
            )
    left, top, right, bottom = shape.box
    c.fill(
        shape,
        Linear(
            (left, top),
            (right, bottom),
            ((0, _WHITE, 0.34), (0.45, _WHITE, 0.0), (1, (20, 8, 6), 0.5)),
        ),
    )
    c.soft(
        ellipse(cx - 40, cy - 60, 120 * size, 90 * size), _WHITE, blur=50, opacity=0.25, clip=shape
    )


def _jar(c: Canvas, x: float, floor: float, spice: Colour) -> None:
    glass = path(
        f"M {x - 62} {floor - 140} C {x - 66} {floor - 128} {x - 66} {floor - 20} {x - 60} {floor} H {x + 60} C {x + 66} {floor - 20} {x + 66} {floor - 128} {x + 62} {floor - 140} Z"
    )
    c.fill(glass, _WHITE, opacity=0.4)
    heap = path(
        f"M {x - 60} {floor - 104} C {x - 30} {floor - 116} {x + 20} {floor - 94} {x + 60} {floor - 110} L {x + 58} {floor - 4} H {x - 58} Z"
    )
    c.fill(heap, rounded(x - 62, x + 62, spice, shine=0.3))
    for step in range(26):
        px, py = x - 52 + (step * 37) % 104, floor - 96 + (step * 23) % 88
        tone = lighter(spice, 0.4) if step % 2 else darker(spice, 0.35)
        c.fill(ellipse(px, py, 3), tone, opacity=0.6, clip=heap)
    c.soft(box(x - 50, floor - 132, 9, 122, 4), _WHITE, blur=3, opacity=0.7)
    c.fill(box(x - 34, floor - 78, 68, 20, 4), rgb("#fff8ea"))
    c.stroke([(x - 22, floor - 68), (x + 22, floor - 68)], rgb("#6d5a44"), width=3)
    c.fill(box(x - 56, floor - 184, 112, 46, 8), rounded(x - 56, x + 56, _WOOD, shine=0.35))
    c.fill(box(x - 60, floor - 146, 120, 10, 5), rgb("#d8d2c6"))


def _drumstick(c: Canvas, x: float, y: float, turn: float, size: float) -> None:
    meat = path(
        "M -74 6 C -70 -34 -10 -44 30 -22 C 52 -10 62 -6 76 -6 L 76 10 C 60 12 46 18 28 28 C -10 46 -74 42 -74 6 Z"
    )
    meat = meat.scaled(size, (0, 0)).turned(turn, (0, 0)).moved(x, y)
    c.soft(meat.moved(2, 10), (60, 26, 6), blur=7, opacity=0.5)
    c.fill(
        meat,
        Radial(
            (x - 24, y - 18),
            90 * size,
            ((0, rgb("#f3b45e")), (0.5, rgb("#b9622a")), (1, rgb("#6d2f12"))),
        ),
    )
    for dy in (-7, 9):
        tip = ellipse(84, dy, 11).scaled(size, (0, 0)).turned(turn, (0, 0)).moved(x, y)
        c.fill(tip, rgb("#fff3df"))
    shine = ellipse(-30, -16, 22, 6).scaled(size, (0, 0)).turned(turn, (0, 0)).moved(x, y)
    c.soft(shine, _WHITE, blur=4, opacity=0.6)
