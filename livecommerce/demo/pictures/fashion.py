"""Pictures of Dar Layan's clothes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from PIL import Image

from livecommerce.demo.pictures.backdrops import SIDE, layan
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
    Point,
    box,
    ellipse,
    path,
    star,
    trace,
    turned_on_lathe,
)

_GOLD = rgb("#d9a441")
_SKIRT_TOP = 250


def abaya_layl(room: Canvas) -> None:
    layan(room, 0)
    with _slender(room, 0.78) as c:
        cloth = rgb("#241a24")
        body = turned_on_lathe(
            "M 400 176 C 425 178 440 176 452 172 C 520 186 548 210 560 250 C 590 350 628 440 652 520 "
            "C 630 540 606 548 578 550 C 560 480 538 420 516 368 C 528 480 560 600 582 706 "
            "C 520 722 460 726 400 726"
        )
        _hang(c, body)
        c.fill(
            body,
            Linear(
                (180, 0),
                (640, 300),
                ((0, lighter(cloth, 0.22)), (0.45, cloth), (1, darker(cloth, 0.5))),
            ),
        )
        _folds(c, body, (250, 300, 345, 455, 505, 550), lighter(cloth, 0.45), 0.32)
        _folds(c, body, (272, 322, 480, 528), (0, 0, 0), 0.5)
        c.fill(
            path("M 366 174 C 380 214 420 214 434 174 C 414 180 386 180 366 174 Z"),
            darker(cloth, 0.55),
        )
        for side in (-1, 1):
            x = 400 + 15 * side
            edge = [(400 + 30 * side, 184), (x, 300), (x, 500), (x + 5 * side, 724)]
            c.stroke(edge, _gold(180, 720), width=5)
            for step in range(15):
                y = 214 + step * 34
                c.fill(star(x + 15 * side, y, points=4, outer=11, inner=4), _gold(180, 720))
                c.fill(ellipse(x + 15 * side, y + 17, 2.6), lighter(_GOLD, 0.4))
            cuff = [(578 * 1.0, 541), (606, 538), (630, 530), (648, 512)]
            cuff = cuff if side > 0 else [(800 - px, py) for px, py in cuff]
            c.stroke(cuff, _gold(500, 560), width=7)
            for px, py in cuff:
                c.fill(star(px, py - 20, points=4, outer=9, inner=3.5), _gold(480, 560))


def abaya_linen(room: Canvas) -> None:
    layan(room, 2)
    with _slender(room, 0.8) as c:
        cloth = rgb("#c98d86")
        inner = turned_on_lathe("M 400 180 H 450 C 470 300 470 500 476 730 H 400")
        body = turned_on_lathe(
            "M 400 178 C 425 180 440 178 452 172 C 516 184 540 206 552 240 C 580 330 622 420 640 490 "
            "C 620 512 594 520 566 520 C 552 460 532 410 512 366 C 520 480 552 600 572 708 "
            "C 520 720 460 724 400 724"
        )
        _hang(c, body)
        c.fill(
            body,
            Linear(
                (180, 200),
                (640, 560),
                ((0, lighter(cloth, 0.4)), (0.5, cloth), (1, darker(cloth, 0.3))),
            ),
        )
        opening = path("M 372 176 C 384 190 416 190 428 176 L 446 722 C 414 726 386 726 354 722 Z")
        c.fill(opening, vertical(180, 720, rgb("#f6ece2"), rgb("#e2cfc0")), clip=inner)
        for side in (-1, 1):
            lapel = path(
                f"M {400 + 30 * side} 174 C {400 + 62 * side} 300 {400 + 52 * side} 520 "
                f"{400 + 58 * side} 722 L {400 + 40 * side} 724 C {400 + 34 * side} 520 "
                f"{400 + 30 * side} 300 {400 + 14 * side} 186 Z"
            )
            c.fill(lapel, lighter(cloth, 0.18))
            pocket = box(400 + 92 * side - 38, 520, 76, 88, 8)
            c.fill(pocket, lighter(cloth, 0.1), opacity=0.3)
            c.stroke(
                [(400 + 92 * side - 38, 524), (400 + 92 * side + 38, 524)],
                darker(cloth, 0.3),
                width=3,
                opacity=0.6,
            )
        _folds(c, body, (250, 290, 520, 556), lighter(cloth, 0.6), 0.4)
        _folds(c, body, (272, 318, 492, 540), darker(cloth, 0.6), 0.28)
        belt = path("M 286 398 C 350 414 450 414 514 398 L 518 432 C 450 448 350 448 282 432 Z")
        c.fill(belt, vertical(398, 446, lighter(cloth, 0.08), darker(cloth, 0.22)))
        for lean in (-8, 9):
            tail = path("M 392 424 L 412 424 L 418 560 L 388 560 Z").turned(lean, (400, 424))
            c.fill(tail, vertical(424, 560, darker(cloth, 0.08), darker(cloth, 0.26)))
        c.fill(box(380, 402, 44, 38, 12), darker(cloth, 0.12))


def kaftan_velvet(room: Canvas) -> None:
    layan(room, 1)
    with _slender(room, 0.82) as c:
        cloth = rgb("#0f5a48")
        body = turned_on_lathe(
            "M 400 186 C 424 186 440 180 450 172 C 510 184 544 204 570 246 C 622 330 664 420 690 500 "
            "C 650 536 600 552 548 556 C 552 600 566 660 580 708 C 520 722 460 726 400 726"
        )
        _hang(c, body)
        c.fill(
            body,
            Linear(
                (140, 200),
                (660, 620),
                (
                    (0, lighter(cloth, 0.28)),
                    (0.3, cloth),
                    (0.55, lighter(cloth, 0.12)),
                    (1, darker(cloth, 0.55)),
                ),
            ),
        )
        _folds(c, body, (214, 262, 318, 478, 536, 590), lighter(cloth, 0.55), 0.34)
        _folds(c, body, (238, 290, 345, 452, 508, 562, 616), darker(cloth, 0.85), 0.42)
        neck = path(
            "M 352 172 C 360 240 378 300 400 344 C 422 300 440 240 448 172 C 420 186 380 186 352 172 Z"
        )
        c.fill(neck, _gold(172, 344))
        c.fill(neck.scaled(0.62, (400, 176), 0.7), rgb("#f1d8c8"))
        for step in range(7):
            c.fill(ellipse(400, 254 + step * 17, 3.4), darker(_GOLD, 0.5))
        for side in (-1, 1):
            hem = trace("M 552 552 C 604 546 650 530 686 498")
            points = hem if side > 0 else [(800 - x, y) for x, y in hem]
            c.stroke(points, _gold(490, 560), width=11)
            for x, y in points[::3]:
                c.fill(star(x, y - 22, points=8, outer=9, inner=5), _gold(470, 560))
        belt = path("M 300 404 C 360 422 440 422 500 404 L 504 446 C 440 464 360 464 296 446 Z")
        c.fill(belt, _gold(404, 460))
        for step in range(9):
            x = 320 + step * 20
            c.fill(
                star(x, 434 - abs(step - 4) ** 2 * 0.55, points=4, outer=9, inner=4), rgb("#7a1f3d")
            )
        c.fill(ellipse(400, 435, 22), _gold(412, 460))
        c.fill(
            ellipse(400, 435, 14),
            Radial((395, 430), 16, ((0, rgb("#f08aa0")), (1, rgb("#7a1f3d")))),
        )
        c.stroke(trace("M 224 700 C 300 716 500 716 576 700"), _gold(690, 720), width=9, clip=body)


def sheila_modal(c: Canvas) -> None:
    layan(c, 2)
    tones = (rgb("#8a5f47"), rgb("#e3b3a6"), rgb("#85845a"), rgb("#3a3036"))
    rail = box(150, 196, 500, 16, 8)
    c.soft(rail.moved(14, 22), (60, 30, 20), blur=10, opacity=0.3)
    c.fill(rail, vertical(196, 212, rgb("#d8a86a"), rgb("#8a5a2c")))
    for index, tone in enumerate(tones):
        x = 228 + index * 115
        foot = 636 + (0, 26, -8, 18)[index]
        scarf = path(
            f"M {x - 21} 192 C {x - 22} 176 {x + 22} 176 {x + 21} 192 L {x + 24} 268 "
            f"C {x + 34} 380 {x + 56} 520 {x + 50} {foot} "
            f"C {x + 34} {foot + 16} {x + 22} {foot - 10} {x + 4} {foot + 6} "
            f"C {x - 14} {foot + 20} {x - 32} {foot - 4} {x - 48} {foot + 8} "
            f"C {x - 56} 520 {x - 34} 380 {x - 24} 268 Z"
        )
        c.soft(scarf.moved(20, 18), (60, 30, 30), blur=14, opacity=0.32)
        c.fill(scarf, horizontal(x - 54, x + 54, lighter(tone, 0.3), tone, darker(tone, 0.34)))
        for foot_x, shade, opacity in (
            (-38, lighter(tone, 0.6), 0.55),
            (-20, darker(tone, 0.7), 0.4),
            (-2, lighter(tone, 0.5), 0.45),
            (16, darker(tone, 0.7), 0.42),
            (34, lighter(tone, 0.4), 0.35),
        ):
            fold = path(
                f"M {x + foot_x * 0.4} 190 C {x + foot_x * 0.5} 380 {x + foot_x - 6} 520 {x + foot_x - 7} 670 "
                f"L {x + foot_x + 7} 670 C {x + foot_x + 6} 520 {x + foot_x * 0.5 + 3} 380 {x + foot_x * 0.4 + 2} 190 Z"
            )
            c.soft(fold, shade, blur=4, opacity=opacity, clip=scarf)
        band = path(
            f"M {x - 25} 258 C {x - 8} 266 {x + 8} 266 {x + 25} 258 L {x + 27} 286 C {x + 8} 294 {x - 8} 294 {x - 27} 286 Z"
        )
        c.fill(band, horizontal(x - 27, x + 27, rgb("#fbf3e6"), rgb("#d9c4a5")))
        c.fill(star(x, 276, points=8, outer=8, inner=5.4), _GOLD)


def thobe_white(room: Canvas) -> None:
    layan(room, 2)
    with _slender(room, 0.84) as c:
        cloth = rgb("#f7f5f1")
        body = turned_on_lathe(
            "M 400 176 C 420 176 430 172 438 166 C 500 180 540 196 556 232 C 584 330 606 420 618 520 "
            "L 560 532 C 548 460 532 400 514 350 C 518 480 534 600 548 712 C 500 722 450 724 400 724"
        )
        _hang(c, body)
        c.fill(
            body,
            Linear(
                (200, 200), (640, 520), ((0, (255, 255, 255)), (0.5, cloth), (1, rgb("#cfc9c6")))
            ),
        )
        _folds(c, body, (268, 312, 470, 512), rgb("#8d8791"), 0.3)
        _folds(c, body, (290, 340, 492), (255, 255, 255), 0.9)
        placket = path("M 384 178 H 416 V 420 L 400 432 L 384 420 Z")
        c.fill(placket, vertical(178, 430, (255, 255, 255), rgb("#e6e1dd")))
        for x in (384, 416):
            c.stroke([(x, 190), (x, 420)], rgb("#b9b2b0"), width=1.8, opacity=0.8)
        for step in range(4):
            c.fill(ellipse(400, 226 + step * 52, 5), rgb("#c9c2be"))
            c.fill(ellipse(399, 225 + step * 52, 3), (255, 255, 255))
        collar = path("M 352 158 C 380 146 420 146 448 158 L 446 190 C 420 204 380 204 354 190 Z")
        c.fill(collar, vertical(148, 202, (255, 255, 255), rgb("#d8d2cf")))
        c.stroke(trace("M 356 188 C 380 201 420 201 444 188"), rgb("#b9b2b0"), width=2)
        pocket = box(444, 300, 60, 72, 6)
        c.fill(pocket, rgb("#efecea"), clip=body)
        c.stroke([(444, 306), (504, 306)], rgb("#b9b2b0"), width=2)
        c.stroke([(486, 304), (486, 340)], rgb("#2f4b7c"), width=5)
        c.stroke([(486, 304), (486, 318)], _GOLD, width=5)


def girls_eid_dress(c: Canvas) -> None:
    layan(c, 3)
    pink = rgb("#f2a7b5")
    bodice = turned_on_lathe(
        "M 400 236 C 416 236 424 222 430 196 H 468 C 474 230 484 256 500 270 C 492 320 480 360 476 400 H 400"
    )
    _hang(c, bodice, bar=96)
    for index, (half, drop, share) in enumerate(
        ((250, 700, 0.1), (228, 620, 0.3), (190, 530, 0.5))
    ):
        scallops = " ".join(
            f"Q {400 - half + (2 * k + 1) * half / 8:.1f} {drop + 26} "
            f"{400 - half + (2 * k + 2) * half / 8:.1f} {drop - (0 if k < 7 else 6)}"
            for k in range(8)
        )
        layer = path(
            f"M 330 390 C {330 - 10} 450 {400 - half + 30} {drop - 100} {400 - half} {drop - 6} {scallops} "
            f"C {400 + half - 30} {drop - 100} 480 450 470 390 Z"
        )
        tone = lighter(pink, share)
        c.soft(layer.moved(0, 8), darker(pink, 0.6), blur=8, opacity=0.22)
        c.fill(layer, vertical(390, drop, lighter(tone, 0.25), tone), opacity=0.93)
        for step in range(9):
            x = 400 + (step - 4) * half / 4.6
            c.stroke(
                [(400 + (step - 4) * 12, 420), (x, drop - 8)],
                (255, 255, 255),
                width=3,
                opacity=0.35,
                clip=layer,
            )
        for step in range(12 + index):
            x = 400 - half * 0.8 + step * half * 1.6 / (11 + index)
            c.fill(
                ellipse(x, drop - 34 - (step % 3) * 16, 3), (255, 255, 255), opacity=0.9, clip=layer
            )
    c.fill(
        bodice, Linear((320, 200), (480, 400), ((0, lighter(pink, 0.35)), (1, darker(pink, 0.1))))
    )
    for side in (-1, 1):
        puff = ellipse(400 + 104 * side, 264, 48, 42)
        c.fill(puff, Radial((400 + 90 * side, 250), 60, ((0, lighter(pink, 0.6)), (1, pink))))
        c.stroke(
            trace(f"M {400 + 84 * side} 300 Q {400 + 106 * side} 310 {400 + 128 * side} 296"),
            (255, 255, 255),
            width=5,
            opacity=0.7,
        )
    c.fill(
        path("M 322 380 C 370 392 430 392 478 380 L 480 416 C 430 428 370 428 320 416 Z"),
        vertical(380, 424, rgb("#fff4f4"), rgb("#f4c9cf")),
    )
    for side in (-1, 1):
        loop = path(
            f"M 400 402 C {400 + 40 * side} 356 {400 + 92 * side} 366 {400 + 88 * side} 402 C {400 + 92 * side} 438 {400 + 40 * side} 448 400 402 Z"
        )
        c.soft(loop.moved(0, 5), darker(pink, 0.7), blur=5, opacity=0.3)
        c.fill(
            loop, Radial((400 + 60 * side, 390), 60, ((0, (255, 255, 255)), (1, rgb("#f0b9c2"))))
        )
        c.fill(
            path(
                f"M 400 408 L {400 + 44 * side} 486 L {400 + 22 * side} 488 L {400 + 10 * side} 470 Z"
            ),
            rgb("#f6cfd5"),
        )
    c.fill(
        ellipse(400, 403, 15, 18),
        Radial((396, 396), 20, ((0, (255, 255, 255)), (1, rgb("#eaa9b5")))),
    )
    for step in range(5):
        c.fill(
            ellipse(360 + step * 20, 250 + abs(step - 2) * -6 + 12, 4.5),
            Radial((359 + step * 20, 250), 6, ((0, (255, 255, 255)), (1, rgb("#e3c5c0")))),
        )


@contextmanager
def _slender(room: Canvas, share: float) -> Iterator[Canvas]:
    """Draw a garment at full width and set it into the room `share` as wide: long and falling."""
    garment = Canvas(SIDE, SIDE, scale=room.scale)
    yield garment
    width = round(garment.image.width * share)
    room.place(
        garment.image.resize((width, garment.image.height), Image.Resampling.LANCZOS),
        SIDE * (1 - share) / 2,
        0,
    )


def _hang(c: Canvas, body: Outline, *, bar: float = 130) -> None:
    """Hang a garment in the niche: its shadow on the wall and the hanger above it."""
    c.soft(body.moved(26, 22), (60, 26, 26), blur=20, opacity=0.32)
    hook = trace("M 400 158 V 128 C 400 112 424 112 424 96 C 424 76 390 74 388 94")
    c.stroke(hook, (0, 0, 0), width=6, opacity=0.15)
    c.stroke(hook, rgb("#b78b4a"), width=5)
    wood = path(
        f"M {400 - bar} 206 C {400 - bar * 0.6} 172 384 152 400 152 C 416 152 "
        f"{400 + bar * 0.6} 172 {400 + bar} 206 C {400 + bar * 0.6} 190 430 180 400 180 "
        f"C 370 180 {400 - bar * 0.6} 190 {400 - bar} 206 Z"
    )
    c.fill(wood, rounded(400 - bar, 400 + bar, rgb("#a5713c"), shine=0.3))


def _folds(c: Canvas, body: Outline, feet: Iterable[float], tone: Colour, opacity: float) -> None:
    """Let the cloth fall: soft strips that widen from the shoulders to the hem."""
    for foot in feet:
        top = 400 + (foot - 400) * 0.42
        strip = path(
            f"M {top:.1f} {_SKIRT_TOP} C {top:.1f} 420 {foot - 8:.1f} 560 {foot - 12:.1f} 730 "
            f"L {foot + 12:.1f} 730 C {foot + 8:.1f} 560 {top + 4:.1f} 420 {top:.1f} {_SKIRT_TOP} Z"
        )
        c.soft(strip, tone, blur=6, opacity=opacity, clip=body)


def _gold(top: float, bottom: float) -> Linear:
    start: Point = (300, top)
    end: Point = (460, bottom)
    light, deep = lighter(_GOLD, 0.55), darker(_GOLD, 0.35)
    return Linear(
        start,
        end,
        ((0, light), (0.3, _GOLD), (0.5, deep), (0.7, mix(_GOLD, light, 0.6)), (1, deep)),
    )
