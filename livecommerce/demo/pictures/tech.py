"""Pictures of Wameedh's electronics and toys."""

from __future__ import annotations

import math

from livecommerce.demo.pictures.backdrops import cast_shadow, wameedh
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
from livecommerce.demo.pictures.outlines import (
    Outline,
    Point,
    box,
    ellipse,
    path,
    star,
    trace,
)

_WHITE = (255, 255, 255)
_NIGHT = (8, 12, 34)


def headphones(c: Canvas) -> None:
    wameedh(c, 0)
    cast_shadow(c, 400, 684, 220, tint=_NIGHT)
    shell = rgb("#27315f")
    band = path(
        "M 168 470 C 150 250 270 126 400 126 C 530 126 650 250 632 470 L 590 470 "
        "C 604 280 506 176 400 176 C 294 176 196 280 210 470 Z"
    )
    c.soft(band.moved(12, 18), _NIGHT, blur=14, opacity=0.45)
    c.fill(
        band,
        Linear(
            (150, 130),
            (650, 480),
            (
                (0, lighter(shell, 0.55)),
                (0.4, shell),
                (0.7, lighter(shell, 0.15)),
                (1, darker(shell, 0.5)),
            ),
        ),
    )
    pad = path(
        "M 262 214 C 300 176 350 160 400 160 C 450 160 500 176 538 214 L 522 236 C 486 204 444 192 400 192 C 356 192 314 204 278 236 Z"
    )
    c.fill(pad, vertical(160, 236, rgb("#4b568e"), rgb("#171d3d")))
    for side in (-1, 1):
        x = 400 + side * 198
        c.fill(
            box(x - 14, 410, 28, 96, 12),
            horizontal(x - 14, x + 14, rgb("#e8ecf7"), rgb("#9aa6c6"), rgb("#5c678b")),
        )
        cushion = ellipse(x - side * 44, 560, 46, 116)
        c.soft(cushion.moved(6, 12), _NIGHT, blur=10, opacity=0.5)
        c.fill(
            cushion,
            Linear(
                (x - 90, 0),
                (x + 40, 0),
                ((0, rgb("#12162f")), (0.5, rgb("#3b4577")), (1, rgb("#0d1126"))),
            ),
        )
        cup = ellipse(x + side * 4, 560, 66, 124)
        c.fill(
            cup,
            Radial(
                (x - 26, 500),
                170,
                ((0, lighter(shell, 0.6)), (0.45, lighter(shell, 0.1)), (1, darker(shell, 0.55))),
            ),
        )
        c.fill(
            ellipse(x + side * 10, 560, 44, 92),
            Radial((x - 18, 520), 110, ((0, lighter(shell, 0.3)), (1, darker(shell, 0.4)))),
        )
        ring = ellipse(x + side * 10, 560, 46, 95).with_hole(ellipse(x + side * 10, 560, 43, 91))
        c.fill(ring, rgb("#f0b46a"))
        c.fill(star(x + side * 10, 560, points=4, outer=22, inner=8), rgb("#f7d9a8"))
        c.soft(ellipse(x - 28, 502, 7, 34), _WHITE, blur=5, opacity=0.7)
    c.stroke(trace("M 196 330 C 220 220 300 152 396 148"), _WHITE, width=5, opacity=0.45)


def power_bank(c: Canvas) -> None:
    wameedh(c, 1)
    cast_shadow(c, 396, 690, 150, tint=_NIGHT)
    body = box(276, 190, 246, 500, 44)
    edge = box(290, 196, 250, 496, 44)
    c.soft(edge.moved(18, 14), _NIGHT, blur=18, opacity=0.45)
    c.fill(edge, horizontal(290, 540, rgb("#cfd8de"), rgb("#8fa1ac"), rgb("#5f727d")))
    c.fill(
        body,
        Linear((276, 190), (522, 690), ((0, _WHITE), (0.45, rgb("#f1f5f6")), (1, rgb("#c3d0d6")))),
    )
    screen = box(318, 240, 162, 130, 22)
    c.fill(screen, vertical(240, 370, rgb("#14303a"), rgb("#0a1a20")))
    for step in range(5):
        tone = rgb("#48e0b8") if step < 4 else rgb("#2a5560")
        if step < 4:
            c.soft(box(340 + step * 25, 284, 16, 42, 6), tone, blur=8, opacity=0.7)
        c.fill(box(340 + step * 25, 284, 16, 42, 6), tone)
    c.fill(
        path("M 404 432 L 366 506 H 394 L 384 566 L 432 484 H 402 L 416 432 Z"),
        Linear((366, 432), (432, 566), ((0, rgb("#3fc1b0")), (1, rgb("#0f6d78")))),
    )
    for x in (346, 400, 454):
        c.fill(box(x - 17, 640, 34, 14, 7), rgb("#2c3a42"))
        c.fill(box(x - 12, 644, 24, 6, 3), rgb("#0d1418"))
    c.soft(box(296, 230, 8, 400, 4), _WHITE, blur=3, opacity=0.9)
    cable = trace("M 400 650 C 400 740 540 760 600 700 C 650 650 640 560 640 520")
    c.stroke([(x + 4, y + 8) for x, y in cable], _NIGHT, width=14, opacity=0.25)
    c.stroke(cable, rgb("#eef4f5"), width=14)
    c.stroke([(x - 3, y - 2) for x, y in cable], _WHITE, width=4, opacity=0.9)
    c.fill(box(384, 640, 32, 40, 8), vertical(640, 680, rgb("#dfe7ea"), rgb("#9fb0b8")))
    phone = box(576, 252, 128, 272, 24)
    c.soft(phone.moved(12, 14), _NIGHT, blur=14, opacity=0.4)
    c.fill(phone, rgb("#0c2027"))
    c.fill(
        box(584, 260, 112, 256, 18),
        Linear(
            (584, 260),
            (696, 516),
            ((0, rgb("#ffd27a")), (0.5, rgb("#f0735a")), (1, rgb("#6a3a8c"))),
        ),
    )
    c.fill(ellipse(640, 388, 40).with_hole(ellipse(640, 388, 33)), _WHITE, opacity=0.5)
    c.fill(path("M 644 362 L 622 394 H 638 L 633 416 L 658 382 H 641 Z"), _WHITE)
    c.fill(box(620, 268, 40, 8, 4), rgb("#0c2027"))


def ring_light(c: Canvas) -> None:
    wameedh(c, 2)
    cast_shadow(c, 400, 724, 190, tint=_NIGHT)
    metal = rgb("#3a3450")
    c.soft(ellipse(400, 320, 240), rgb("#fff0d2"), blur=60, opacity=0.55)
    for foot, depth in (((250, 724), 0.4), ((560, 722), 0.35), ((404, 738), 0.15)):
        c.stroke([(400, 600), foot], darker(metal, depth), width=16)
        c.stroke(
            [(397, 602), (foot[0] - 3, foot[1] - 3)], lighter(metal, 0.4), width=3, opacity=0.6
        )
        c.fill(ellipse(foot[0], foot[1], 12, 9), darker(metal, 0.6))
    c.fill(box(390, 500, 20, 140, 6), rounded(390, 410, lighter(metal, 0.25)))
    c.fill(box(382, 576, 36, 40, 10), rounded(382, 418, darker(metal, 0.2)))
    ring = ellipse(400, 320, 214).with_hole(ellipse(400, 320, 138))
    c.fill(ellipse(400, 324, 220).with_hole(ellipse(400, 320, 134)), rgb("#e9e4f2"))
    c.fill(
        ring,
        Radial(
            (400, 320),
            214,
            (
                (0.6, rgb("#ffe6b8")),
                (0.72, rgb("#fffdf4")),
                (0.9, rgb("#fff6df")),
                (1, rgb("#ffdca0")),
            ),
        ),
    )
    for step in range(48):
        angle = math.radians(step * 7.5)
        c.fill(
            ellipse(400 + 176 * math.cos(angle), 320 + 176 * math.sin(angle), 5),
            _WHITE,
            opacity=0.9,
        )
    c.fill(box(392, 440, 16, 66, 5), rgb("#cfc8dc"))
    phone = box(342, 202, 116, 236, 20)
    c.soft(phone.moved(8, 12), _NIGHT, blur=12, opacity=0.4)
    c.fill(phone, rgb("#17122b"))
    c.fill(
        box(349, 209, 102, 222, 15),
        vertical(209, 431, rgb("#8b5fd0"), rgb("#f0a0b8"), rgb("#ffd9a8")),
    )
    c.fill(ellipse(400, 302, 26, 29), rgb("#f2c9a8"))
    c.fill(
        path(
            "M 366 300 C 364 252 436 252 434 300 C 440 344 446 372 452 400 H 348 C 354 372 360 344 366 300 Z"
        ).with_hole(ellipse(400, 304, 24, 28)),
        rgb("#4a2c6d"),
    )
    c.fill(path("M 349 398 C 370 366 430 366 451 398 V 431 H 349 Z"), rgb("#3a2158"))
    c.fill(ellipse(364, 222, 5), rgb("#ff5468"))
    c.stroke([(374, 222), (398, 222)], _WHITE, width=4, opacity=0.9)
    c.fill(path("M 430 404 C 422 394 410 404 430 418 C 450 404 438 394 430 404 Z"), rgb("#ff5468"))
    for y in (204, 430):
        c.fill(box(372, y - 10, 56, 18, 6), darker(metal, 0.2))


def charging_stand(c: Canvas) -> None:
    wameedh(c, 1)
    cast_shadow(c, 400, 694, 250, tint=_NIGHT)
    alloy = rgb("#b9c6cc")
    c.fill(
        box(150, 652, 500, 42, 21),
        vertical(652, 694, lighter(alloy, 0.6), alloy, darker(alloy, 0.4)),
    )
    post = path("M 336 656 L 352 340 H 392 L 408 656 Z")
    c.fill(post, horizontal(336, 408, darker(alloy, 0.2), lighter(alloy, 0.6), darker(alloy, 0.25)))
    phone = box(262, 140, 224, 448, 36)
    c.soft(phone.moved(18, 18), _NIGHT, blur=18, opacity=0.45)
    c.fill(phone, rgb("#0c2027"))
    c.fill(
        box(272, 150, 204, 428, 28),
        Linear(
            (272, 150),
            (476, 578),
            ((0, rgb("#0f6d78")), (0.5, rgb("#1f3f7a")), (1, rgb("#5b2a78"))),
        ),
    )
    for radius, opacity in ((150, 0.14), (108, 0.2), (66, 0.3)):
        c.fill(
            ellipse(374, 410, radius),
            rgb("#7ff0d8"),
            opacity=opacity,
            clip=box(272, 150, 204, 428, 28),
        )
    c.fill(path("M 382 368 L 346 420 H 370 L 362 456 L 404 402 H 378 Z"), _WHITE)
    c.fill(box(338, 162, 72, 14, 7), rgb("#0c2027"))
    for x, width in ((320, 34), (364, 12), (386, 42)):
        c.fill(box(x, 222, width, 44, 8), _WHITE, opacity=0.95)
    c.stroke([(318, 290), (430, 290)], _WHITE, width=6, opacity=0.5)
    c.stroke([(288, 190), (288, 540)], _WHITE, width=4, opacity=0.16)
    c.fill(
        path("M 560 656 L 568 470 H 596 L 604 656 Z"),
        horizontal(560, 604, darker(alloy, 0.2), lighter(alloy, 0.6), darker(alloy, 0.25)),
    )
    for y, height in ((330, 70), (500, 70)):
        c.fill(box(546, y, 72, height, 16), rounded(546, 618, rgb("#f08a4b"), shine=0.3))
    watch = box(526, 372, 112, 136, 36)
    c.soft(watch.moved(10, 12), _NIGHT, blur=12, opacity=0.4)
    c.fill(watch, Linear((526, 372), (638, 508), ((0, rgb("#eef3f5")), (1, rgb("#7f8f98")))))
    c.fill(box(534, 380, 96, 120, 30), rgb("#081216"))
    for radius, tone, sweep in (
        (40, rgb("#ff5a6e"), 290),
        (30, rgb("#8fe04a"), 240),
        (20, rgb("#46d4f0"), 200),
    ):
        ring = [
            (582 + radius * math.cos(angle), 440 + radius * math.sin(angle))
            for angle in (math.radians(-90 + sweep * step / 40) for step in range(41))
        ]
        c.stroke(ring, tone, width=8)
    c.fill(box(638, 420, 9, 30, 4), rgb("#9aa8b0"))
    case = box(166, 582, 112, 74, 32)
    c.soft(case.moved(6, 8), _NIGHT, blur=8, opacity=0.4)
    c.fill(case, Linear((166, 582), (278, 656), ((0, _WHITE), (1, rgb("#c6d2d7")))))
    c.stroke([(168, 612), (276, 612)], rgb("#9fb0b8"), width=2.4)
    c.soft(ellipse(222, 632, 6), rgb("#48e0b8"), blur=5)
    c.fill(ellipse(222, 632, 4), rgb("#48e0b8"))


def camel_blocks(c: Canvas) -> None:
    wameedh(c, 3)
    cast_shadow(c, 400, 702, 240, tint=(90, 44, 10), opacity=0.45)
    beech = rgb("#d9a867")
    for x, lean in ((262, -3), (330, 3), (484, -3), (548, 3)):
        leg = path(
            f"M {x - 25} 500 H {x + 25} L {x + 18 + lean} 690 C {x + 18 + lean} 702 {x - 18 + lean} 702 {x - 18 + lean} 690 Z"
        )
        c.fill(leg, horizontal(x - 25, x + 25, lighter(beech, 0.3), beech, darker(beech, 0.3)))
    body = path(
        "M 216 470 C 206 410 262 392 306 388 C 330 350 352 318 400 316 C 448 318 470 350 494 388 "
        "C 540 394 566 400 590 380 C 608 350 606 300 612 262 C 618 226 650 214 688 226 C 716 236 720 262 700 270 "
        "C 676 278 664 284 664 310 C 664 390 650 470 590 510 C 540 560 280 570 236 530 C 222 516 218 492 216 470 Z"
    )
    c.soft(body.moved(8, 14), (110, 50, 10), blur=14, opacity=0.35)
    c.fill(
        body,
        Linear(
            (216, 300),
            (600, 580),
            ((0, lighter(beech, 0.5)), (0.5, beech), (1, darker(beech, 0.25))),
        ),
    )
    for line in (
        "M 230 500 C 330 476 480 480 590 500",
        "M 330 372 C 380 340 420 340 470 372",
        "M 626 300 C 632 260 650 246 684 244",
    ):
        c.stroke(trace(line), darker(beech, 0.5), width=2.4, opacity=0.35, clip=body)
    c.fill(ellipse(664, 244, 6), rgb("#4a2a14"))
    c.stroke(trace("M 690 262 Q 702 262 706 252"), rgb("#4a2a14"), width=3.4)
    c.fill(path("M 622 232 L 612 204 L 640 222 Z"), darker(beech, 0.1))
    c.stroke(trace("M 218 464 C 190 480 190 520 200 548"), darker(beech, 0.15), width=9)
    saddle = path(
        "M 306 392 C 330 352 352 318 400 316 C 448 318 470 352 494 392 L 486 476 C 440 490 360 490 314 476 Z"
    )
    c.fill(
        saddle,
        Linear((306, 316), (494, 480), ((0, rgb("#e0524a")), (1, rgb("#9c2b38")))),
        clip=saddle,
    )
    for step in range(5):
        x = 328 + step * 36
        c.fill(
            path(f"M {x - 15} 448 L {x} 420 L {x + 15} 448 L {x} 474 Z"),
            (rgb("#ffd76a"), rgb("#3fb7a8"))[step % 2],
            clip=saddle,
        )
    c.stroke(trace("M 312 470 C 360 486 440 486 488 470"), rgb("#ffe9b8"), width=5)
    blocks: tuple[tuple[Outline, Colour], ...] = (
        (box(338, 268, 124, 52, 14), rgb("#3fa7c9")),
        (box(356, 212, 46, 58, 12), rgb("#f2c14b")),
        (ellipse(432, 240, 30), rgb("#e76f8a")),
        (box(346, 170, 122, 42, 14), rgb("#5fae6a")),
        (path("M 380 172 L 428 172 L 404 112 Z"), rgb("#e8623f")),
    )
    for shape, tone in blocks:
        left, top, right, bottom = shape.box
        c.soft(shape.moved(5, 8), (110, 50, 10), blur=7, opacity=0.3)
        c.fill(
            shape,
            Linear(
                (left, top),
                (right, bottom),
                ((0, lighter(tone, 0.45)), (0.5, tone), (1, darker(tone, 0.2))),
            ),
        )
    strays: tuple[tuple[Point, Colour, float], ...] = (
        ((150, 690), rgb("#5fae6a"), 34),
        ((664, 696), rgb("#3fa7c9"), 30),
    )
    for (cx, cy), tone, r in strays:
        c.soft(ellipse(cx + 6, cy + r, r, r * 0.3), (90, 44, 10), blur=7, opacity=0.5)
        c.fill(
            ellipse(cx, cy, r),
            Radial(
                (cx - r * 0.3, cy - r * 0.4),
                r * 1.4,
                ((0, lighter(tone, 0.6)), (0.5, tone), (1, darker(tone, 0.35))),
            ),
        )
    cube = box(70, 690, 58, 58, 10)
    c.soft(cube.moved(5, 10), (90, 44, 10), blur=7, opacity=0.4)
    c.fill(cube, Linear((70, 690), (128, 748), ((0, rgb("#ff9a8a")), (1, rgb("#c9483f")))))
    c.fill(star(99, 719, points=8, outer=18, inner=13), rgb("#ffe9c9"))
